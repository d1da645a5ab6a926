"""The model as a file, and what it makes of a page."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from stages.extract.auto.context import N_CONTEXT
from stages.extract.auto.features import N_FEATURES
from stages.extract.auto.model import BlockModel, load
from stages.extract.auto.train import questions
from stages.extract.auto.tree import parse
from stages.extract.auto.vocabulary import NOTHING, hash_word, table

LINKS = 2
"""Feature: share of words in links"""


def by_links(n_features: int) -> dict[str, object]:
    """A tree: blocks of links are none."""
    assert n_features > LINKS
    return {
        "split_feature": LINKS,
        "threshold": 0.5,
        "left_child": {"leaf_value": 3.0},
        "right_child": {"leaf_value": -3.0},
    }


def small() -> BlockModel:
    words = table({hash_word("menu"): -1.0, hash_word("été"): 0.5})
    return BlockModel(
        words, NOTHING, questions([by_links(N_FEATURES)]), questions([by_links(N_FEATURES + N_CONTEXT)])
    )


def test_a_model_judges_blocks() -> None:
    blocks, probabilities = small().classify(parse(b"<nav><a href=/>one two </a></nav><p>three four"))
    assert len(blocks.rows) == 2
    assert probabilities.round(2).tolist() == [pytest.approx(0.05), pytest.approx(0.95)]
    assert small().classify(parse(b""))[1].shape == (0,)


def test_a_saved_model_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    small().save(path)
    again = load(path)
    for part, other in zip(small(), again, strict=True):
        for one, two in zip(part, other, strict=True):
            assert one.dtype == two.dtype
            assert (one == two).all()
    with path.open("rb") as file:
        assert (load(file).words.keys == again.words.keys).all()
    (tmp_path / "other").mkdir()
    again.save(tmp_path / "other" / "model.npz")
    assert (tmp_path / "other" / "model.npz").read_bytes() == path.read_bytes()


def test_no_pickle_is_written_or_read(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    small().save(path)
    with zipfile.ZipFile(path) as file:
        for name in file.namelist():
            assert b"|O" not in file.read(name)[:128], name
    arrays = dict(np.load(path))
    np.savez(path, **arrays | {"words.keys": np.array([{"an": "object"}], object)})
    with pytest.raises(ValueError, match="pickle"):
        load(path)
