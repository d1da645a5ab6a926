"""Words against a slow splitter written from the definition, and against `str.split` where they agree."""

from __future__ import annotations

import itertools
import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.text import unicode
from stages.text.words import next_word, trim

MIXED = st.text(
    st.sampled_from("aZé 　\t\n.,#…“”字漢かカーガ゛\u3099\u0301。、！ｱ９한글नि😀\u200d")
    | st.characters(exclude_categories=["Cs"]),
    max_size=60,
)
SYLLABIC = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
WEIRD_SPACES = "a\u00a0b\u2003c\u3000d\x1ce\u0085f\r\ng\u200bh"


def words(text: str) -> list[tuple[str, int, int]]:
    """(word, characters, flags) as the kernel finds them."""
    data = np.frombuffer(b"xx" + text.encode() + b"yy", np.uint8)
    at, stop, found = 2, len(data) - 2, []
    while True:
        start, at, n_chars, flags = next_word(data, at, stop)
        if not n_chars:
            assert at == stop
            return found
        found.append((data[start:at].tobytes().decode(), int(n_chars), int(flags)))


def kana_or_ideograph(char: str) -> bool:
    name = unicodedata.name(char, "").replace("-", " ")
    starts = ("CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH", "HIRAGANA", "KATAKANA", "HENTAIGANA")
    return char in "々〆〇" or (char.isalnum() and name.startswith((*starts, "HALFWIDTH KATAKANA")))


def separates(char: str) -> bool:
    block = "\u3000" <= char <= "\u303f" or "\ufe30" <= char <= "\ufe6f" or "\uff00" <= char <= "\uffef"
    return char.isspace() or (unicodedata.category(char)[0] in "PS" and (block or char == "・"))


def split(text: str) -> list[str]:
    """The words of `text`; syllables are for test_syllables: where there are any, the kernel is believed."""
    if SYLLABIC.search(text):
        return [word for word, _, _ in words(text)]
    found, open_word, alone = [], "", False
    for char in text:
        goes_on = not separates(char) and not kana_or_ideograph(char)
        if alone:
            goes_on = unicodedata.category(char)[0] == "M"
        if open_word and not goes_on:
            found.append(open_word)
            open_word = ""
        if not separates(char):
            alone = alone if open_word else kana_or_ideograph(char)
            open_word += char
    return [*found, open_word] if open_word else found


@given(MIXED)
def test_words_are_what_the_definition_says(text: str) -> None:
    found = words(text)
    assert [w for w, _, _ in found] == split(text)
    assert [n for _, n, _ in found] == [len(w) for w, _, _ in found]


@given(st.text(st.characters(max_codepoint=0x2FF)) | st.text(st.sampled_from(WEIRD_SPACES)))
def test_without_cjk_words_are_str_split(text: str) -> None:
    assert [w for w, _, _ in words(text)] == text.split()


@given(MIXED)
def test_flags_are_those_of_all_characters(text: str) -> None:
    found = words(text)
    letters, capitals = ([bool(f & flag) for *_, f in found] for flag in (unicode.LETTER, unicode.UPPER))
    assert letters == [any(map(str.isalpha, word)) for word, *_ in found]
    assert capitals == [any(c.lower() != c for c in word) for word, *_ in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t ", []),
        ("don't stop-me, now!", ["don't", "stop-me,", "now!"]),
        ("我爱Python，真的。", ["我", "爱", "Python", "真", "的"]),
        ("ガラスの", ["ガ", "ラ", "ス", "の"]),
        ("か\u3099ら", ["か\u3099", "ら"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("ภาษาไทย ดี", ["ภา", "ษา", "ไทย", "ดี"]),
        ("ดี\u200bดี 3ไทย", ["ดี", "ดี", "3", "ไทย"]),
        ("3字", ["3", "字"]),
        ("字3", ["字", "3"]),
        ("“字”", ["“", "字", "”"]),
        (WEIRD_SPACES, ["a", "b", "c", "d", "e", "f", "g\u200bh"]),
    ],
)
def test_examples(text: str, expected: list[str]) -> None:
    assert [w for w, _, _ in words(text)] == expected


@given(st.text(max_size=20))
def test_trim_takes_off_what_is_neither_letter_nor_number(text: str) -> None:
    kept = [i for i, c in enumerate(text) if c.isalnum()]
    expected = text[kept[0] : kept[-1] + 1] if kept else ""
    if kept:
        behind = text[kept[-1] + 1 :]
        expected += "".join(itertools.takewhile(lambda c: unicodedata.category(c)[0] == "M", behind))
    data = np.frombuffer(b"a" + text.encode() + b"a", np.uint8)
    start, stop = trim(data, 1, len(data) - 1)
    assert data[start:stop].tobytes().decode() == expected


def test_vowel_signs_at_the_end_of_a_word_belong_to_it() -> None:
    for word in ("की", "का", "كِ", "e\u0301"):
        data = np.frombuffer(f"({word}).".encode(), np.uint8)
        start, stop = trim(data, 0, len(data))
        assert data[start:stop].tobytes().decode() == word
