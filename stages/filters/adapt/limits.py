"""From a limit made for English to one for another language, by what texts of both look like."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Method: TypeAlias = Literal["english", "mean_std", "quantile", "tail", "median_ratio"]
"""`english`: the limit stays. `mean_std`: as many standard deviations from the mean as it is in English.
`quantile`: drops the share of texts that it drops in English. `tail`: drops a given share. `median_ratio`: as
many times the median as in English."""
DIGITS = 4
"""Significant digits of a limit."""


def adapted(
    method: Method, rule: str, limit: float | None, english: Values, values: Values, tail: float
) -> float | None:
    """The limit of `rule` (`min_…` or `max_…`) in a language whose texts measure `values`.

    Rounded so that no more texts are dropped. None: `limit` stays, since English has no spread, or no limit
    that could be carried over.
    """
    is_min = rule.startswith("min_")
    if method == "english":
        return None
    if method == "tail":
        return rounded(tail_limit(values, tail, is_min), is_min)
    if limit is None:
        return None
    if method == "quantile":
        n = np.count_nonzero(english < limit if is_min else english > limit)
        limit_of_tail = tail_limit(values, float(n / len(english)), is_min)
        # What English never breaks says nothing about where the language's own tail begins.
        return rounded(limit_of_tail if n else (min if is_min else max)(limit_of_tail, limit), is_min)
    center, spread = (np.mean, np.std) if method == "mean_std" else (_zero, np.median)
    unit = float(spread(english))
    if unit == 0.0:
        return None
    moved = float(center(values)) + (limit - float(center(english))) / unit * float(spread(values))
    return rounded(max(moved, 0.0), is_min)


def _zero(values: Values) -> float:
    return 0.0


def loosened(limit: float, rule: str, values: Values, share: float) -> float:
    """`limit`, or the tightest one that drops no more than `share` of `values` if it drops more."""
    is_min = rule.startswith("min_")
    bound = rounded(tail_limit(values, share, is_min), is_min)
    return min(limit, bound) if is_min else max(limit, bound)


def tail_limit(values: Values, share: float, is_min: bool) -> float:
    """The tightest limit, itself one of the values, that drops at most `share` of them."""
    ordered = np.sort(values)
    n = min(math.floor(share * len(ordered)), len(ordered) - 1)
    return float(ordered[n] if is_min else ordered[len(ordered) - 1 - n])


def rounded(value: float, down: bool) -> float:
    """`value` to `DIGITS` significant digits, never up (`down`) or never down."""
    short = float(f"{value:.{DIGITS}g}")
    if short == value or (short < value) == down:
        return short
    step = 10.0 ** (math.floor(math.log10(abs(value))) - DIGITS + 1)
    return float(f"{short + (-step if down else step):.{DIGITS}g}")
