"""The learning rate at its corners, and which weights decay."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from jobs.train.config import OptimizerSettings
from jobs.train.model import LanguageModel
from jobs.train.optim import adamw, learning_rate

PLAIN = OptimizerSettings(learning_rate=1.0, warmup_frac=0.1)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (0, 0.1),
        (4, 0.5),
        (9, 1.0),
        (10, 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi / 90))),
        (54, 0.55),
        (99, 0.1),
    ],
)
def test_the_rate_rises_linearly_and_falls_along_a_cosine(step, expected):
    assert learning_rate(PLAIN, step, 100) == pytest.approx(expected)


def test_without_warm_up_the_first_step_is_already_falling():
    settings = dataclasses.replace(PLAIN, warmup_frac=0.0)
    assert learning_rate(settings, 0, 1) == pytest.approx(0.1)
    assert 0.9 < learning_rate(settings, 0, 10) < 1.0


def test_a_run_that_is_all_warm_up_ends_at_the_full_rate():
    assert learning_rate(dataclasses.replace(PLAIN, warmup_frac=0.999), 9, 10) == 1.0


@given(st.integers(1, 500), st.floats(0, 0.99), st.floats(0, 0.99))
def test_the_rate_rises_then_falls_between_its_bounds(steps, warmup, low):
    settings = dataclasses.replace(PLAIN, warmup_frac=warmup, min_learning_rate_frac=low)
    rates = [learning_rate(settings, step, steps) for step in range(steps)]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert max(rates) <= 1.0 + 1e-12
    if round(warmup * steps) < steps:
        assert rates[-1] == pytest.approx(low)


def test_matrices_decay_and_the_rest_does_not(settings):
    model = LanguageModel(settings(qkv_bias=True).model, 64)
    decaying, rest = adamw(settings().optimizer, model, fused=False).param_groups
    assert (decaying["weight_decay"], rest["weight_decay"]) == (0.1, 0.0)
    assert {p.ndim for p in decaying["params"]} == {2}
    assert {p.ndim for p in rest["params"]} == {1}
    assert len(decaying["params"]) + len(rest["params"]) == len(list(model.parameters()))
    assert decaying["betas"] == (0.9, 0.95)


def test_a_tied_matrix_is_updated_once(settings):
    model = LanguageModel(settings(tie_embeddings=True).model, 64)
    parameters = [
        p for group in adamw(settings().optimizer, model, fused=False).param_groups for p in group["params"]
    ]
    assert len(parameters) == len({id(p) for p in parameters})


def test_one_step_is_adamw_by_hand(settings):
    model = LanguageModel(settings().model, 64)
    optimizer = adamw(settings(learning_rate=0.01).optimizer, model, fused=False)
    weight = model.lm_head.weight
    before, weight.grad = weight.detach().clone(), torch.full_like(weight, 0.3)
    optimizer.step()
    # The first step's bias-corrected moments are g and g^2, so the update is g / (|g| + eps).
    expected = before * (1 - 0.01 * 0.1) - 0.01 * 0.3 / (0.3 + 1e-8)
    torch.testing.assert_close(weight.detach(), expected)
