"""Thinning: against the rules written out pair by pair, whatever the size of blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.embedding.codes import Codes, quantized
from stages.dedup.near import nearest
from stages.dedup.near.nearest import Rule, thin


def plain(codes: Codes, least: float, rule: Rule) -> list[int]:
    """What each goes for, by all pairs in exact arithmetic."""
    wide = codes.astype(np.int64)
    dots = (wide @ wide.T).astype(np.float64)
    lengths = dots.diagonal()
    cosines = dots / np.sqrt(lengths[:, None] * lengths[None])
    goes_for: list[int] = []
    for i in range(len(codes)):
        before = [j for j in range(i) if rule == "semdedup" or goes_for[j] == j]
        close = [j for j in before if cosines[i, j] >= least]
        best = max(close, key=lambda j: (cosines[i, j], -j)) if close else i
        goes_for.append(goes_for[best] if close else i)
    return goes_for


def near_copies(seed: int, n: int, dimension: int = 16) -> Codes:
    """Vectors with noisy copies of some of them, in any order."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(n, dimension))
    copies = random.integers(0, n, n // 2)
    vectors[random.permutation(n)[: n // 2]] = vectors[copies] + random.normal(0, 0.15, (n // 2, dimension))
    return quantized(vectors)


@given(st.integers(0, 10_000), st.integers(1, 40), st.floats(0.3, 1), st.sampled_from(["kept", "semdedup"]))
def test_as_pair_by_pair(seed: int, n: int, least: float, rule: Rule) -> None:
    codes = near_copies(seed, n, 4)
    assert thin(codes, least, rule).kept.tolist() == plain(codes, least, rule)


@pytest.mark.parametrize("rule", ["kept", "semdedup"])
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, rule: Rule) -> None:
    codes = near_copies(1, 500)
    whole = thin(codes, 0.9, rule)
    assert whole.kept.tolist() == plain(codes, 0.9, rule)
    for rows, columns in ((1, 1), (7, 3), (64, 100)):
        monkeypatch.setattr(nearest, "ROWS", rows)
        monkeypatch.setattr(nearest, "COLUMNS", columns)
        found = thin(codes, 0.9, rule)
        assert (found.kept == whole.kept).all()
        assert (found.cosine == whole.cosine).all()
    assert 50 < (whole.kept != np.arange(500)).sum() < 300


def test_what_stays_is_apart_and_what_goes_is_close() -> None:
    codes = near_copies(2, 600)
    kept, cosine = thin(codes, 0.85, "kept")
    unit = codes / np.linalg.norm(codes.astype(float), axis=1, keepdims=True)
    stays = np.flatnonzero(kept == np.arange(600))
    between = unit[stays] @ unit[stays].T
    assert between[~np.eye(len(stays), dtype=bool)].max() < 0.85
    goes = np.setdiff1d(np.arange(600), stays)
    np.testing.assert_allclose(cosine[goes], (unit[goes] * unit[kept[goes]]).sum(axis=1), atol=1e-9)
    assert cosine[goes].min() >= 0.85
    assert (kept[goes] < goes).all()
    assert (cosine[stays] == 0).all()
    assert len(goes) > 50


def test_chains_shrink_to_their_first_only_as_semdedup_has_it() -> None:
    angles = np.radians(np.arange(0, 60, 10))
    codes = quantized(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    assert thin(codes, 0.98, "semdedup").kept.tolist() == [0] * 6
    assert thin(codes, 0.98, "kept").kept.tolist() == [0, 0, 2, 2, 4, 4]


@given(st.lists(st.integers(-127, 127).filter(bool), min_size=3, max_size=3), st.integers(1, 127))
def test_equal_ones_have_cosine_one(vector: list[int], other: int) -> None:
    codes = np.array([vector, [other, -other, other], vector], np.int8)
    assert thin(codes, 1, "kept").cosine[2] == 1


def test_a_hundred_thousand_copies_are_compared_with_one() -> None:
    codes = np.tile(near_copies(3, 2)[:1], (100_000, 1))
    kept, cosine = thin(codes, 0.99, "kept")
    assert not kept.any()
    assert cosine.sum() == 99_999


def test_nothing_and_one() -> None:
    assert thin(np.zeros((0, 4), np.int8), 0.9, "kept").kept.tolist() == []
    assert thin(np.ones((1, 4), np.int8), 0.9, "semdedup").kept.tolist() == [0]
