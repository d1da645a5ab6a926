"""Boosted regression trees, walked by no branch: every question is put to all rows at once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stages.text.kernel import kernel

Table = npt.NDArray[Any]

N_LEAVES = 32
"""A tree may have as many leaves, one for each bit."""
STEPS = 64
"""Probabilities are read off a table with this many steps for one unit of log-odds …"""
REACH = 10
"""… up to these odds, rounded: machines may differ in the last bit of an exponential."""
LOGISTIC = np.round(1 / (1 + np.exp(-np.arange(-REACH * STEPS, REACH * STEPS + 1) / STEPS)), 4).astype(
    np.float32
)

_LOWEST = np.uint32(0x077C_B531)
"""A de Bruijn sequence: multiplied by 2^k, its upper five bits name k (Leiserson et al. 1998)."""
PLACE = np.array([(int(_LOWEST) << k & 0xFFFF_FFFF) >> 27 for k in range(N_LEAVES)])
"""Where the k-th leaf of a tree stands in `Forest.leaves`."""


class Forest(NamedTuple):
    """Trees as the questions they ask.

    The leaves of a tree are the bits of a word, the leftmost the lowest. A question whose answer leads to the
    right rules out the leaves to its left; of what is left after all questions the lowest bit is the leaf
    (Lucchese et al. 2015, "QuickScorer").
    """

    starts: npt.NDArray[np.int32]
    """int32 [n_trees + 1]: the first question of each tree, and where those of the last end"""
    features: npt.NDArray[np.int32]
    """int32 [n_questions]"""
    thresholds: npt.NDArray[np.float32]
    """float32 [n_questions]: whether the feature is greater"""
    masks: npt.NDArray[np.uint32]
    """uint32 [n_questions]: what remains if it is"""
    leaves: npt.NDArray[np.float32]
    """float32 [n_trees, N_LEAVES]: log-odds, in the order of `PLACE`"""

    def predict(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """float32 [n]: probabilities of rows of features, float32 [n, n_features]."""
        odds = np.zeros(len(rows), np.float64)
        _walk(*self, np.ascontiguousarray(rows.T), np.zeros(len(rows), np.uint32), odds)
        step = np.clip(np.rint(odds * STEPS), -REACH * STEPS, REACH * STEPS).astype(np.int64)
        probabilities: npt.NDArray[np.float32] = LOGISTIC[step + REACH * STEPS]
        return probabilities


@kernel
def _walk(
    starts: Table, features: Table, thresholds: Table, masks: Table, leaves: Table, columns: Table,
    left: Table, odds: Table,
) -> None:  # fmt: skip
    all_leaves = np.uint32(0xFFFF_FFFF)
    for t in range(len(starts) - 1):
        left[:] = all_leaves
        for q in range(starts[t], starts[t + 1]):
            column, threshold, mask = columns[features[q]], thresholds[q], masks[q]
            # No branch: a question is put to all rows in a row, which the compiler turns into vector code.
            for i in range(len(left)):
                left[i] &= mask if column[i] > threshold else all_leaves
        for i in range(len(left)):
            # x & -x keeps the lowest bit; `PLACE` says where a product with the sequence finds its leaf.
            lowest = left[i] & (~left[i] + np.uint32(1))
            odds[i] += leaves[t, np.uint32(lowest * _LOWEST) >> np.uint32(27)]
