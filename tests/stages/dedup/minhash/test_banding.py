"""Bands against what they are made of, their number against datasketch."""

from __future__ import annotations

import numpy as np
import pytest
from datasketch.lsh import _optimal_param  # its class refuses a single band
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stages.dedup.minhash.banding import bands, collision_probability, optimal


@settings(max_examples=25)
@given(st.floats(0.05, 0.99), st.integers(1, 130), st.sampled_from([0.5, 0.1, 0.9, 0.4]))
@example(0.7, 128, 0.5)
@example(0.8, 128, 0.5)
@example(0.9, 128, 0.5)
@example(0.8, 112, 0.5)
@example(0.5, 256, 0.5)
def test_bands_and_rows_are_those_of_datasketch(threshold: float, n: int, weight: float) -> None:
    assert optimal(threshold, n, weight, 1 - weight) == _optimal_param(threshold, n, weight, 1 - weight)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 0.95, 1.0])
def test_bands_fit_into_the_permutations(threshold: float) -> None:
    for n in (1, 2, 10, 112):
        n_bands, rows = optimal(threshold, n)
        assert 1 <= n_bands * rows <= n


@pytest.mark.parametrize(("threshold", "n"), [(-0.1, 10), (1.1, 10), (0.5, 0), (float("nan"), 10)])
def test_what_has_no_optimum_is_refused(threshold: float, n: int) -> None:
    with pytest.raises(ValueError, match="no bands for threshold"):
        optimal(threshold, n)


def test_the_s_curve() -> None:
    curve = [round(collision_probability(s, 14, 8), 2) for s in (0.7, 0.75, 0.8, 0.85)]
    assert curve == [0.56, 0.77, 0.92, 0.99]
    assert collision_probability(np.array([0.0, 1.0]), 3, 5).tolist() == [0, 1]


@pytest.mark.parametrize("dtype", [np.uint32, np.uint64])
def test_a_band_is_a_hash_of_its_number_and_its_minima(dtype: type) -> None:
    minima = np.arange(2 * 6, dtype=dtype).reshape(2, 6)
    hashes = bands(np.vstack([minima, minima[:1]]), 3)
    assert hashes.dtype == np.int64
    assert hashes[0].tolist() == hashes[2].tolist()
    assert len({*hashes[0], *hashes[1]}) == 6
    same = np.zeros((1, 6), dtype)
    assert len(set(bands(same, 3)[0])) == 3
    changed = minima.copy()
    changed[0, 5] += 1
    assert (bands(changed, 3) == bands(minima, 3)).tolist() == [[True, True, False], [True] * 3]


def test_minima_left_over_are_not_used() -> None:
    minima = np.arange(7, dtype=np.uint64)[None]
    changed = minima.copy()
    changed[0, 6] = 99
    assert bands(minima, 3).tolist() == bands(changed, 3).tolist() == bands(minima[:, :6].copy(), 3).tolist()


def test_no_rows() -> None:
    assert bands(np.zeros((0, 8), np.uint32), 4).shape == (0, 4)


def test_all_bits_of_minima_of_64_count() -> None:
    one, two = np.array([[1]], np.uint64), np.array([[1 << 40 | 1]], np.uint64)
    assert bands(one, 1).tolist() != bands(two, 1).tolist()
