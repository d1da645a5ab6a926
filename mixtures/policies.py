"""Weights from the sizes of the sources, where a recipe names a rule instead of numbers.

All are exact fractions that sum to 1; an empty source gets 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

Policy = Literal["proportional", "uniform", "temperature", "unimax"]


def proportional(sizes: Mapping[str, int]) -> dict[str, Fraction]:
    """p_i ~ n_i: one pass over everything, whatever the budget."""
    return normalised({s: Fraction(n) for s, n in sizes.items()})


def uniform(sizes: Mapping[str, int]) -> dict[str, Fraction]:
    """The same for every source that has anything."""
    return normalised({s: Fraction(n > 0) for s, n in sizes.items()})


def temperature(sizes: Mapping[str, int], alpha: float) -> dict[str, Fraction]:
    """p_i ~ n_i^alpha: 1 is proportional, 0 uniform; XLM-R and mT5 took 0.3.

    Source: Devlin 2018, multilingual BERT; Conneau et al. 2020 (XLM-R), arXiv:1911.02116, section 3.1.
    """
    largest = max(sizes.values(), default=0)
    # C libraries differ in the last bit of a power; 12 digits are the same on all of them.
    return normalised(
        {s: Fraction(format((n / largest) ** alpha, ".12g")) if n else Fraction(0) for s, n in sizes.items()}
    )


def unimax(caps: Mapping[str, int], budget: int) -> dict[str, Fraction]:
    """Equal parts of the budget, but none above its cap; what a small source cannot take the larger share.

    Source: Chung et al. 2023 (UniMax), arXiv:2304.09151, algorithm 1, where the cap is N epochs of a
    source: `caps[i] = N * n_i`, in the unit of `budget`. With N the same for all, the order by cap is the
    paper's order by size. A budget above the sum of the caps gives the caps' own proportions.
    """
    left = Fraction(budget)
    parts: dict[str, Fraction] = {}
    for done, source in enumerate(sorted(caps, key=lambda s: (caps[s], s))):
        parts[source] = min(left / (len(caps) - done), Fraction(caps[source]))
        left -= parts[source]
    return normalised({s: parts[s] for s in caps})


def normalised(weights: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """The weights over their sum; all 0 if there is none."""
    total = sum(weights.values()) or Fraction(1)
    return {s: w / total for s, w in weights.items()}
