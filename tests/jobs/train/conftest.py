"""A token folder and a mixture in the layout of their contract, written by hand and small enough to learn."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jobs.train.config import ModelSettings, OptimizerSettings, RunSettings, TrainSettings

from .corpus import write_mixture, write_tokens

TINY = TrainSettings(
    model=ModelSettings(n_layers=2, d_model=32, n_heads=4, n_kv_heads=2, d_ff=64),
    optimizer=OptimizerSettings(batch_tokens=8 * 32, learning_rate=5e-3, warmup_frac=0.1),
    run=RunSettings(micro_batch=4, log_every=1, evaluate_every=25, checkpoint_every=10, threads=1),
)

SOURCES = {"up": 300, "down": 120}


@dataclass(frozen=True)
class Corpus:
    tokens: Path
    mixture: Path


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Two sources, two phases, 480 sequences of 32 tokens; the smaller source comes more than once."""
    run = tmp_path_factory.mktemp("run")
    tokens = write_tokens(run / "tokens-0123456789ab", SOURCES)
    phases = [{"up": 240, "down": 80}, {"up": 60, "down": 100}]
    return Corpus(tokens, write_mixture(run / "mixture-0123456789ab", SOURCES, phases))


@pytest.fixture
def settings() -> Callable[..., TrainSettings]:
    """A model that learns to count in seconds; keyword arguments change it, each in the group that has it."""

    def make(**changes: Any) -> TrainSettings:
        changed = {}
        for group in ("model", "optimizer", "run"):
            settings = getattr(TINY, group)
            own = {f.name for f in dataclasses.fields(settings)} & changes.keys()
            changed[group] = dataclasses.replace(settings, **{name: changes.pop(name) for name in own})
        return dataclasses.replace(TINY, **changed, **changes)

    return make
