"""Near pairs of embeddings: which go so that no two that stay are too close, by blocks of products."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from classifiers.embedding.codes import Codes, Floats, squares
from stages.text.kernel import Int, kernel

Rule: TypeAlias = Literal["kept", "semdedup"]
Ints = npt.NDArray[np.int64]
Cosines = npt.NDArray[np.float64]

ROWS, COLUMNS = 1024, 8192
"""Rows and columns of the products that are in memory at a time: 32 MB."""
SLACK = 1e-5
"""Error of a cosine in float32, at most: one that comes so near to what is asked for is computed in full."""


class Near(NamedTuple):
    """The embedding in whose favour each one goes."""

    kept: Ints
    """int64 [n]: number of the embedding that stays in its place; its own number if it stays."""
    cosine: Cosines
    """float64 [n]: cosine with the one it is closest to, of those it was compared with; 0 if it stays."""


def thin(codes: Codes, min_similarity: float, rule: Rule) -> Near:
    """Go through embeddings in order: each goes if an earlier one is as close as `min_similarity`.

    With `kept` only earlier ones that stay count: afterwards no two that stay are so close, and each that
    goes is so close to the one it goes for. With `semdedup` all earlier ones count, as in SemDeDup's code:
    chains shrink to their first.

    It goes for the closest, of equals for the first. Copies of what stays are compared with what stays
    alone, so a hundred thousand of one page are quick under `kept`. Memory is linear.
    """
    n = len(codes)
    lengths = squares(codes)
    shrink = (1 / np.sqrt(lengths.astype(np.float64))).astype(np.float32)
    best, closest, compared = np.arange(n), np.zeros(n), np.empty(n, np.int64)
    m: Int = 0
    for start in range(0, n, ROWS):
        block = codes[start : start + ROWS].astype(np.float32)
        rows = np.arange(start, start + len(block))
        for first in range(0, m, COLUMNS):
            others = compared[first : min(m, first + COLUMNS)]
            dots = block @ codes[others].astype(np.float32).T
            _closest(dots, rows, others, lengths, shrink, min_similarity, best, closest)
        own, kept_only = block @ block.T, rule == "kept"
        m = _within(own, start, lengths, shrink, min_similarity, kept_only, best, closest, compared, m)
    for i in np.flatnonzero(best < np.arange(n)).tolist():
        best[i] = best[best[i]]  # earlier ones are settled already
    return Near(best, closest)


@kernel
def _closest(
    dots: Floats,
    rows: Ints,
    others: Ints,
    lengths: Ints,
    shrink: Floats,
    least: float,
    best: Ints,
    closest: Cosines,
) -> None:
    # Products of whole numbers are exact in float32 (see `codes`); only the quotient is not. So the cheap one
    # decides wherever it can, and the outcome is that of the exact one: the same on every machine.
    for i in range(len(rows)):
        row = rows[i]
        for j in range(len(others)):
            other = others[j]
            if dots[i, j] * shrink[row] * shrink[other] >= max(least, closest[row]) - SLACK:
                cosine = np.float64(dots[i, j]) / math.sqrt(
                    np.float64(lengths[row]) * np.float64(lengths[other])
                )
                if cosine >= least and cosine > closest[row]:
                    best[row], closest[row] = other, cosine


@kernel
def _within(
    dots: Floats, start: Int, lengths: Ints, shrink: Floats, least: float, kept_only: bool,
    best: Ints, closest: Cosines, compared: Ints, m: Int,
) -> Int:  # fmt: skip
    """The rows of a block against each other, in order; returns how many to compare with from now on."""
    n_before = m
    for i in range(len(dots)):
        row = start + i
        for k in range(n_before, m):
            other = compared[k]
            dot = dots[i, other - start]
            if dot * shrink[row] * shrink[other] >= max(least, closest[row]) - SLACK:
                cosine = np.float64(dot) / math.sqrt(np.float64(lengths[row]) * np.float64(lengths[other]))
                if cosine >= least and cosine > closest[row]:
                    best[row], closest[row] = other, cosine
        if best[row] == row or not kept_only:
            compared[m] = row
            m += 1
    return m
