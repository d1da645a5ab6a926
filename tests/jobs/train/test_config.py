"""Settings: what they derive and what they refuse."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools

import pytest
from pydantic import TypeAdapter, ValidationError

from jobs.train.config import ModelSettings, OptimizerSettings, RunSettings, TrainSettings

GROUPS = [ModelSettings, OptimizerSettings, RunSettings, TrainSettings]


def test_the_defaults_fit_together():
    assert list(ModelSettings().problems()) == []


@pytest.mark.parametrize(
    ("d_model", "d_ff", "expected"),
    [(768, None, 2048), (384, None, 1024), (2048, None, 5504), (32, None, 128), (32, 100, 100)],
)
def test_the_feed_forward_width_is_eight_thirds_in_multiples_of_64(d_model, d_ff, expected):
    assert ModelSettings(d_model=d_model, d_ff=d_ff).width_ff == expected


def test_head_size():
    assert ModelSettings(d_model=768, n_heads=6).head_size == 128


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"d_model": 100}, "d_model 100 is not n_heads 12 times an even head size"),
        ({"d_model": 36}, "even head size"),
        ({"n_kv_heads": 5}, "n_heads 12 is not a multiple of n_kv_heads 5"),
    ],
)
def test_what_does_not_fit_together_is_said(changes, message):
    assert any(message in problem for problem in ModelSettings(**changes).problems())


@pytest.mark.parametrize(
    ("group", "setting", "value"),
    [
        ("model", "n_layers", 0),
        ("model", "n_heads", 0),
        ("model", "n_kv_heads", 0),
        ("model", "d_ff", 0),
        ("model", "norm_eps", 0.0),
        ("optimizer", "batch_tokens", 0),
        ("optimizer", "max_steps", 0),
        ("optimizer", "learning_rate", 0.0),
        ("optimizer", "warmup_frac", -0.1),
        ("optimizer", "beta2", 1.0),
        ("run", "log_every", 0),
        ("run", "threads", -1),
    ],
)
def test_bounds_stand_at_the_field(group, setting, value):
    with pytest.raises(ValidationError, match=r"greater than|less than") as caught:
        TypeAdapter(TrainSettings).validate_python({group: {setting: value}})
    assert [problem["loc"] for problem in caught.value.errors()] == [(group, setting)]


@pytest.mark.parametrize("group", GROUPS)
def test_every_setting_says_what_it_means(group):
    body = ast.parse(inspect.getsource(group)).body[0].body
    said = [
        name.target.id
        for name, after in itertools.pairwise(body)
        if isinstance(name, ast.AnnAssign) and isinstance(after, ast.Expr)
    ]
    assert said == [f.name for f in dataclasses.fields(group)]
