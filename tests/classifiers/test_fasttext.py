"""fastText's classifiers: labels, probabilities, nulls, and files that are none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from classifiers.fasttext import load, one_line, stamp
from pipeline.errors import PlanError
from pipeline.store import digest


def trained(path: Path) -> Path:
    """Train in a fresh process: in one that has done other work, training at times meets a NaN."""
    words = {"good": "gold silver pearl", "bad": "mud dirt rust"}
    lines = [f"__label__{label} {text}" for label, text in words.items()] * 60
    path.with_suffix(".txt").write_text("\n".join(lines))
    settings = "lr=0.2, epoch=20, dim=20, wordNgrams=2, bucket=50_000, thread=1, verbose=0"
    code = f"import fasttext, sys; fasttext.train_supervised(sys.argv[1], {settings}).save_model(sys.argv[2])"
    subprocess.run([sys.executable, "-c", code, str(path.with_suffix(".txt")), str(path)], check=True)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(trained(tmp_path_factory.mktemp("fasttext") / "m.bin"))


def test_labels_and_probabilities(model: str) -> None:
    classifier = load(model)
    assert sorted(classifier.labels) == ["bad", "good"]
    labels, scores = classifier.predict(one_line(pa.array(["gold pearl", None, "rust\nmud", " \n"])))
    assert labels.to_pylist() == ["good", None, "bad", None]
    assert [s is None for s in scores.to_pylist()] == [False, True, False, True]
    assert all(0.8 < s <= 1 for s in scores.drop_null().to_pylist())
    assert [len(a) for a in classifier.predict(pa.array([], pa.string()))] == [0, 0]


def test_the_scores_of_two_labels_add_up_to_one(model: str) -> None:
    texts = pa.array(["gold", "mud", "gold mud", "unknown", "pearl silver"])
    good, bad = (load(model, label).score(texts) for label in ("good", "bad"))
    assert np.allclose(good + bad, 1, atol=1e-3)
    assert (good[[0, 4]] > 0.8).all()
    assert np.isnan(load(model).score(pa.array([None, ""], pa.string()))).all()


def test_a_line_is_what_fasttext_takes_for_one() -> None:
    assert one_line(pa.array([" a\nb</s>c ", "\n", None, ""])).to_pylist() == ["a b c", None, None, None]


def test_files_that_are_none(model: str, tmp_path: Path) -> None:
    assert stamp(model) == digest(Path(model))
    with pytest.raises(PlanError, match="cannot load the fastText model"):
        load(str(tmp_path / "none.bin"))
    with pytest.raises(PlanError, match="no label 'best'; the model has"):
        load(model, "best")
