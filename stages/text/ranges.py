"""Sets of characters that are seldom asked for, as sorted ranges; the others are classes of `unicode`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from stages.text.kernel import Int, constants, device

Ranges = npt.NDArray[np.int32]
"""int32 [ranges * 2]: first and last code point of each, in order."""


def ranges(belongs: Callable[[str], bool]) -> Ranges:
    """The characters for which `belongs` is true. Above U+1FFFF there are ideographs alone."""
    inside = np.array([0, *map(belongs, map(chr, range(0x20000))), 0], np.int8)
    edges = np.diff(inside)
    bounds = np.stack([np.nonzero(edges == 1)[0], np.nonzero(edges == -1)[0] - 1], axis=1)
    flat = bounds.astype(np.int32).ravel()
    flat.flags.writeable = False
    return flat


def _tables() -> list[Ranges]:
    return [*map(ranges, (str.isdecimal, str.isdigit, str.isnumeric, str.isupper, _is_other_case))]


def _is_other_case(char: str) -> bool:
    return char.islower() or (char.istitle() and not char.isupper())


DECIMAL, DIGIT, NUMERIC, UPPERCASE, OTHER_CASE = constants(5, _tables)
"""DECIMAL: `\\d` of regular expressions; OTHER_CASE: lower case, and the few that are title case."""


@device
def belongs(code: Int, ranges: Ranges) -> bool:
    """Whether a code point is in the set."""
    first, last = np.int64(0), np.int64(len(ranges) // 2)
    while first < last:
        middle = (first + last) // 2
        if code > ranges[2 * middle + 1]:
            first = middle + 1
        else:
            last = middle
    return bool(2 * first < len(ranges) and ranges[2 * first] <= code)
