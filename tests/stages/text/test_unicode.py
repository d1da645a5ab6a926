"""Decoding against Python's, classes and lower case against `unicodedata`, for every code point there is."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from stages.text import unicode
from stages.text.kernel import compiled
from stages.text.unicode import char_class, decode, decode_before, lower

CHARACTERS = [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]
CODES = np.array([ord(c) for c in CHARACTERS], np.int64)


@njit
def over(codes: npt.NDArray[np.int64], function: Any) -> npt.NDArray[np.int64]:
    out = np.zeros_like(codes)
    for i in range(len(codes)):
        out[i] = function(codes[i])
    return out


@pytest.fixture(scope="module")
def classes() -> dict[str, int]:
    return dict(zip(CHARACTERS, over(CODES, compiled(char_class)).tolist(), strict=True))


@pytest.mark.parametrize(
    ("flag", "holds"),
    [
        (unicode.LETTER, str.isalpha),
        (unicode.ALNUM, str.isalnum),
        (unicode.SPACE, str.isspace),
        (unicode.PUNCTUATION, lambda c: unicodedata.category(c).startswith("P")),
        (unicode.MARK, lambda c: unicodedata.category(c).startswith("M")),
        (unicode.UPPER, lambda c: c.lower() != c),
    ],
    ids=["letter", "alnum", "space", "punctuation", "mark", "upper"],
)
def test_flags_of_every_code_point(classes: dict[str, int], flag: int, holds: Callable[[str], bool]) -> None:
    assert [c for c in CHARACTERS if bool(classes[c] & flag) != holds(c)] == []
    assert any(classes[c] & flag for c in CHARACTERS)


def test_ideographs_and_kana_are_told_by_their_names(classes: dict[str, int]) -> None:
    scripts = ("CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH", "HIRAGANA", "KATAKANA", "HENTAIGANA")
    scripts += ("HALFWIDTH KATAKANA",)
    named = {
        c for c in CHARACTERS if c.isalnum() and unicodedata.name(c, "").replace("-", " ").startswith(scripts)
    }
    assert {c for c in CHARACTERS if classes[c] & unicode.IDEOGRAPH} == named | set("々〆〇")
    assert len(named) > 90_000
    assert "ー" in named


def test_separators_are_spaces_and_cjk_marks(classes: dict[str, int]) -> None:
    marks = {c for c in CHARACTERS if classes[c] & unicode.SEPARATOR and not c.isspace()}
    assert set("、。〈《「『【〔・！（），：；？～｡｢") <= marks
    assert not marks & set(".,;:!?-…—“”·•'\"()+$々〆ー〇ＡＺ１")


def test_lower_case_of_every_code_point() -> None:
    lowered = over(CODES, compiled(lower)).tolist()
    different = [(c, chr(low)) for c, low in zip(CHARACTERS, lowered, strict=True) if chr(low) != c.lower()]
    assert different == [("İ", "i")]  # Python gives two characters, i and a dot above


@given(st.text())
def test_decode_walks_like_python_both_ways(text: str) -> None:
    data = np.frombuffer(text.encode() + b"\x80\x80\x80", np.uint8)
    stop, at, forward = len(data) - 3, 0, []
    while at < stop:
        code, at = decode(data, at, stop)
        forward.append(chr(code))
    backward = []
    while at > 0:
        code, at = decode_before(data, 0, at)
        backward.append(chr(code))
    assert forward == backward[::-1] == list(text)


@given(st.binary(max_size=12), st.binary(min_size=4, max_size=4))
def test_decode_of_any_bytes_advances_and_reads_nothing_behind(broken: bytes, behind: bytes) -> None:
    def walk(data: bytes) -> list[tuple[int, int]]:
        steps, at = [], 0
        while at < len(broken):
            code, after = decode(np.frombuffer(data, np.uint8), at, len(broken))
            assert at < after <= len(broken)
            assert 0 <= code <= sys.maxunicode
            assert char_class(code) >= 0
            steps.append((int(code), int(after)))
            at = after
        return steps

    assert walk(broken + behind) == walk(broken + b"\x80\x80\x80\x80")


@pytest.mark.parametrize("cut", [b"\xc3", b"\xe2\x80", b"\xf0\x9f\x98", b"\x80", b"\xff", b"\xf5", b"\xc0"])
def test_what_starts_no_character_is_replaced(cut: bytes) -> None:
    assert decode(np.frombuffer(cut, np.uint8), 0, len(cut)) == (0xFFFD, 1)
