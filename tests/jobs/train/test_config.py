"""Settings: what they derive, what they refuse, and which of them name a training."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools

import pytest

from jobs.train.config import COUNTS, HOW, TrainSettings


def test_the_defaults_fit_together():
    assert list(TrainSettings().problems()) == []


@pytest.mark.parametrize(
    ("d_model", "d_ff", "expected"),
    [(768, None, 2048), (384, None, 1024), (2048, None, 5504), (32, None, 128), (32, 100, 100)],
)
def test_the_feed_forward_width_is_eight_thirds_in_whole_64s(d_model, d_ff, expected):
    assert TrainSettings(d_model=d_model, d_ff=d_ff).width_ff == expected


def test_head_size():
    assert TrainSettings(d_model=768, n_heads=6).head_size == 128


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"d_model": 100}, "d_model 100 is not n_heads 12 times an even head size"),
        ({"d_model": 36}, "even head size"),
        ({"n_kv_heads": 5}, "n_heads 12 is not a multiple of n_kv_heads 5"),
        ({"n_layers": 0}, "n_layers is 0; it must be at least 1"),
        ({"n_heads": 0}, "n_heads is 0"),
        ({"n_kv_heads": 0}, "n_kv_heads is 0"),
        ({"max_steps": 0}, "max_steps is 0"),
        ({"log_every": 0}, "log_every is 0"),
        ({"threads": -1}, "threads is -1"),
        ({"beta2": 1.0}, "beta2 is 1.0; it must be at least 0 and below 1"),
        ({"warmup_frac": -0.1}, "warmup_frac is -0.1"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; it must be above 0"),
    ],
)
def test_what_does_not_fit_is_said(changes, message):
    assert any(message in problem for problem in TrainSettings(**changes).problems())


def test_all_problems_are_said_at_once():
    assert len(list(TrainSettings(n_layers=0, n_kv_heads=5, beta1=2.0).problems())) == 3


def test_how_and_counts_name_settings():
    names = {f.name for f in dataclasses.fields(TrainSettings)}
    assert names >= HOW
    assert names >= set(COUNTS)


def test_how_it_is_computed_does_not_name_the_training():
    ours, other = TrainSettings(), TrainSettings(micro_batch=1, device="cpu", log_every=3, threads=1)
    assert ours.what() == other.what()
    assert ours.what() != TrainSettings(seed=1).what()
    assert set(ours.what()) | HOW == {f.name for f in dataclasses.fields(TrainSettings)}


def test_every_setting_says_what_it_means():
    body = ast.parse(inspect.getsource(TrainSettings)).body[0].body
    said = [
        name.target.id
        for name, after in itertools.pairwise(body)
        if isinstance(name, ast.AnnAssign) and isinstance(after, ast.Expr)
    ]
    assert said == [f.name for f in dataclasses.fields(TrainSettings)]
