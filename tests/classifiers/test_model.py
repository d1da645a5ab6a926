"""A model is loaded by the kind on its card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from classifiers.card import CARD
from classifiers.model import load
from pipeline.errors import PlanError
from pipeline.store import write_json
from tests.classifiers.test_fasttext import trained


def test_a_card_says_who_loads_it(tmp_path: Path) -> None:
    trained(tmp_path / "model.bin")
    write_json(tmp_path / CARD, {"use": "fasttext", "files": {"model.bin": ""}, "label": "good"})
    scores = load(str(tmp_path)).score(pa.array(["gold silver", "mud dirt", None, " "]))
    assert scores.dtype == np.float32
    assert scores[0] > 0.8 > 0.2 > scores[1]
    assert np.isnan(scores[2:]).all()
    assert load(str(tmp_path)) is load(str(tmp_path))


def test_folders_without_a_model_that_scores(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"has no card\.json: `pipeline fit` writes one"):
        load(str(tmp_path))
    write_json(tmp_path / CARD, {"use": "bpe", "files": {"tokenizer.json": ""}})
    with pytest.raises(PlanError, match="model of kind 'bpe'; those that score texts: fasttext"):
        load(str(tmp_path))
