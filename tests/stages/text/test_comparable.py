"""What is compared of texts, against `unicodedata` and the property as the standard lists it."""

from __future__ import annotations

import sys
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stages.text.comparable import IGNORABLE, comparable

CHARS = [
    *("a", "e", "o", "Z", "9", " ", ".", "é", "ộ", "Å", "ß", "Ж", "й", "漢", "字", "が", "か", "한"),
    *("ᄒ", "ᅡ", "ᆫ", "\u0301", "\u0302", "\u0323", "\u0327", "\u3099", "\u0345", "\u212b", "\u2126"),
    *("\u0958", "\u093c", "\u1e9b", "\u200b", "\u200d", "\ufeff", "\u00ad", "\ufe0f", "\u034f"),
    *("\U000e0041", "\u2060", "😀", "\U0001d15e", "豈"),
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(CHARS) | st.text(max_size=2), max_size=12).map("".join)


def expected(text: str) -> str:
    seen = "".join(c for c in text if not any(a <= ord(c) <= b for a, b in IGNORABLE))
    return unicodedata.normalize("NFC", seen)


@given(st.lists(st.none() | TEXTS, max_size=5), st.integers(0, 2))
@example(["abcdefgh\u200bijklmnop", None, "e\u200d\u0301", "plain"], 1)
def test_texts_are_composed_and_show_all_they_have(texts: list[str | None], start: int) -> None:
    array = pa.array(["\ufeffbefore", *texts], pa.string()).slice(start)
    rows = ["\ufeffbefore", *texts][start:]
    found = comparable(array)
    found.validate(full=True)
    assert found.to_pylist() == [text if text is None else expected(text) for text in rows]


def test_every_character_alone_and_behind_a_letter() -> None:
    chars = [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]
    texts = [f"{base}{char}" for char in chars for base in ("", "e")]
    wrong = [
        ascii(text)
        for text, found in zip(texts, comparable(pa.array(texts)).to_pylist(), strict=True)
        if found != expected(text)
    ]
    assert wrong == []


def test_what_is_comparable_is_given_back() -> None:
    array = pa.array(["naïve café", None, "漢字とかな", "Жизнь"])
    assert comparable(array) is array


@pytest.mark.parametrize("char", ["a", "\u00ad", "é", "字", "\u0301"])
def test_long_monotonous_texts(char: str) -> None:
    (found,) = comparable(pa.array([char * 100_000])).to_pylist()
    assert found == expected(char * 100_000)
