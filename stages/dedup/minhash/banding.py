"""Bands of a signature: documents that agree in all minima of one band are worth comparing."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from stages.text.hashing import P5, avalanche, combine, signed
from stages.text.kernel import kernel

Minima: TypeAlias = npt.NDArray[Any]
"""uint32 or uint64 [rows, permutations]"""
Similarity = TypeVar("Similarity", float, npt.NDArray[np.float64])

_PANELS = 32
"""Intervals that an integral is cut into, each with 16 points: exact up to rounding for rows < 1,000."""


def bands(minima: Minima, n_bands: int) -> npt.NDArray[np.int64]:
    """int64 [rows, n_bands]: a hash of each band's number and minima. Equal band, equal hash.

    Of n minima a band has n // n_bands; those left over are not used.
    """
    out = np.zeros((len(minima), n_bands), np.int64)
    _band(minima, out)
    return out


def collision_probability(similarity: Similarity, bands: int, rows: int) -> Similarity:
    """Probability that sets of this Jaccard similarity share a band: the S-curve 1 - (1 - s^rows)^bands."""
    probability: Similarity = 1 - (1 - similarity**rows) ** bands
    return probability


@lru_cache(maxsize=32)
def optimal(
    threshold: float,
    n_permutations: int,
    false_positive_weight: float = 0.5,
    false_negative_weight: float = 0.5,
) -> tuple[int, int]:
    """(bands, rows) of at most `n_permutations` minima whose S-curve comes closest to a step at `threshold`.

    Least is the weighted sum of the areas under the curve below the threshold and above the curve behind it,
    as in datasketch's `MinHashLSH`; of equal ones the first, by bands and then rows, counts.

    Raises:
        ValueError: `threshold` is not between 0 and 1, or there are no permutations.
    """
    if not (0 <= threshold <= 1 and n_permutations >= 1):
        raise ValueError(f"no bands for threshold {threshold} and {n_permutations} permutations")
    below, above = _points(0.0, threshold), _points(threshold, 1.0)
    best, chosen = float("inf"), (1, 1)
    for n_bands in range(1, n_permutations + 1):
        for rows in range(1, n_permutations // n_bands + 1):
            positive = below[1] @ collision_probability(below[0], n_bands, rows)
            negative = above[1] @ (1 - collision_probability(above[0], n_bands, rows))
            error = float(positive * false_positive_weight + negative * false_negative_weight)
            if error < best:
                best, chosen = error, (n_bands, rows)
    return chosen


def _points(first: float, last: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Points of an integral and their weights (Gauss and Legendre, in panels)."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    edges = np.linspace(first, last, _PANELS + 1)
    half = (last - first) / _PANELS / 2
    middles = (edges[1:] + edges[:-1]) / 2
    return (middles[:, None] + half * nodes).ravel(), np.tile(half * weights, _PANELS)


@kernel
def _band(minima: Minima, out: npt.NDArray[np.int64]) -> None:
    n_bands = out.shape[1]
    rows = minima.shape[1] // n_bands
    for doc in range(len(minima)):
        for band in range(n_bands):
            h = combine(P5, np.uint64(band))
            for i in range(band * rows, (band + 1) * rows):
                h = combine(h, np.uint64(minima[doc, i]))
            out[doc, band] = signed(avalanche(h))
