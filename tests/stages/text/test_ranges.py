"""Ranges of characters against the interpreter's own answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from stages.text.ranges import DECIMAL, DIGIT, NUMERIC, OTHER_CASE, UPPERCASE, Ranges, belongs, ranges


@pytest.mark.parametrize(
    ("found", "predicate"),
    [
        (DECIMAL.made, str.isdecimal),
        (DIGIT.made, str.isdigit),
        (NUMERIC.made, str.isnumeric),
        (UPPERCASE.made, str.isupper),
        (OTHER_CASE.made, lambda c: c.islower() or (c.istitle() and not c.isupper())),
    ],
)
def test_sets_hold_what_the_interpreter_says(found: Ranges, predicate: Callable[[str], bool]) -> None:
    codes = [*range(0x3100), *range(0xA000, 0xB000), *range(0x1D000, 0x1F200), 0x10FFFF]
    wrong = [hex(c) for c in codes if belongs(np.int64(c), found) != predicate(chr(c))]
    assert wrong == []
    assert sum(predicate(chr(c)) for c in codes) > 250


def test_every_cased_character_is_in_one_of_two_sets() -> None:
    cased = [c for c in range(0x20000) if chr(c).isupper() or chr(c).islower() or chr(c).istitle()]
    assert all(belongs(np.int64(c), UPPERCASE.made) != belongs(np.int64(c), OTHER_CASE.made) for c in cased)
    assert len(cased) > 2500


def test_the_empty_set_and_the_full_one() -> None:
    nothing, everything = ranges(lambda _: False), ranges(lambda _: True)
    assert not any(belongs(np.int64(c), nothing) for c in (0, 65, 0x1FFFF))
    assert all(belongs(np.int64(c), everything) for c in (0, 65, 0x1FFFF))
    assert not belongs(np.int64(0x20000), everything)
