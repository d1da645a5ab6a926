"""Word_Break and Sentence_Break of every code point against uniseg's, and the marks of spaCy."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from spacy.lang.lex_attrs import is_punct
from spacy.pipeline.sentencizer import Sentencizer
from uniseg.sentencebreak import sentence_break as their_sentence_break
from uniseg.wordbreak import word_break as their_word_break

from stages.text import boundaries as b
from stages.text.boundaries import sentence_break, word_break

# Unicode grows; only what the interpreter knows can agree.
CHARACTERS = [
    c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) not in ("Cn", "Co", "Cs")
]
WORDS = {
    "Other": b.W_OTHER,
    "WSegSpace": b.W_OTHER,
    "Regional_Indicator": b.W_OTHER,
    "CR": b.W_NEWLINE,
    "LF": b.W_NEWLINE,
    "Newline": b.W_NEWLINE,
    "Extend": b.W_EXTEND,
    "Format": b.W_EXTEND,
    "ZWJ": b.W_EXTEND,
    "ALetter": b.W_LETTER,
    "Hebrew_Letter": b.W_HEBREW,
    "Numeric": b.W_NUMBER,
    "Katakana": b.W_KATAKANA,
    "ExtendNumLet": b.W_CONNECTOR,
    "Single_Quote": b.W_SINGLE_QUOTE,
    "Double_Quote": b.W_DOUBLE_QUOTE,
    "MidNumLet": b.W_MID,
    "MidLetter": b.W_MID_LETTER,
    "MidNum": b.W_MID_NUMBER,
}
SENTENCES = {
    "Other": b.S_OTHER,
    "CR": b.S_SEPARATOR,
    "LF": b.S_SEPARATOR,
    "Sep": b.S_SEPARATOR,
    "Extend": b.S_EXTEND,
    "Format": b.S_EXTEND,
    "Sp": b.S_SPACE,
    "Lower": b.S_LOWER,
    "Upper": b.S_UPPER,
    "OLetter": b.S_LETTER,
    "Numeric": b.S_NUMBER,
    "ATerm": b.S_FULL_STOP,
    "STerm": b.S_TERMINAL,
    "SContinue": b.S_CONTINUE,
    "Close": b.S_CLOSE,
}
NOW_LOWER = "\u10fc\ua7f2\ua7f3\ua7f4\uab69"
"""Modifier letters that became lower case after Unicode 14."""


@pytest.fixture(scope="module")
def sentence_flags() -> dict[str, int]:
    return {c: int(sentence_break(ord(c))) for c in CHARACTERS}


def test_word_break_of_every_character() -> None:
    wrong = [c for c in CHARACTERS if int(word_break(ord(c))) != WORDS[their_word_break(c).value]]
    assert wrong == []
    assert len(CHARACTERS) > 140_000


def test_sentence_break_of_every_character(sentence_flags: dict[str, int]) -> None:
    kinds = {c: flags & (b.ENDS - 1) for c, flags in sentence_flags.items()}
    wrong = {c for c, kind in kinds.items() if kind != SENTENCES[their_sentence_break(c).value]}
    assert wrong <= set(NOW_LOWER)


def test_marks_of_the_sentencizer(sentence_flags: dict[str, int]) -> None:
    assert {c for c, f in sentence_flags.items() if f & b.ENDS} == set(Sentencizer.default_punct_chars)


def test_punctuation(sentence_flags: dict[str, int]) -> None:
    assert [c for c, f in sentence_flags.items() if bool(f & b.MARKS) != is_punct(c)] == []
    assert len(sentence_flags) > 1000


def test_what_ends_sentences_is_terminal(sentence_flags: dict[str, int]) -> None:
    kinds = {f & (b.ENDS - 1) for f in sentence_flags.values() if f & b.ENDS}
    assert kinds == {b.S_FULL_STOP, b.S_TERMINAL}


@pytest.mark.parametrize("code", [0x10FFFF, 0xE0FFF, 0x40000, 0xD800])
def test_what_has_no_properties(code: int) -> None:
    assert int(word_break(code)) == b.W_OTHER
    assert int(sentence_break(code)) == b.S_OTHER
