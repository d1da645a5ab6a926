"""Affixes and joints against spaCy's regular expressions, and the classes of characters they are made of."""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.lang import char_classes

from stages.text import english_affixes as affixes
from stages.text.english_affixes import flags_of, joint, prefix, suffix

CHARACTERS = [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]
ALPHABET = "aZq0 59.…,;:!?()[]\"'’“”-–—~+*^/<>=%$€£USC#@_°FmkgMB²s\\|§字é😀🥰ßЖ".replace(" ", "")
STRINGS = st.text(st.sampled_from(ALPHABET), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return spacy.blank("en").tokenizer


@pytest.fixture(scope="module")
def flags() -> list[int]:
    return [int(flags_of(ord(c))) for c in CHARACTERS]


@pytest.mark.parametrize(
    ("flag", "characters"),
    [
        (affixes.ALPHA, char_classes.ALPHA),
        (affixes.LOWER, char_classes.ALPHA_LOWER),
        (affixes.UPPER, char_classes.ALPHA_UPPER),
        (affixes.QUOTE, char_classes.CONCAT_QUOTES),
        (affixes.SYMBOL, char_classes.ICONS),
        (affixes.DIGIT, "0-9"),
    ],
    ids=["alpha", "lower", "upper", "quote", "symbol", "digit"],
)
def test_classes_of_every_code_point(flags: list[int], flag: int, characters: str) -> None:
    member = re.compile(f"[{characters}]").match
    wrong = [c for c, f in zip(CHARACTERS, flags, strict=True) if bool(f & flag) != bool(member(c))]
    assert wrong == []
    assert sum(bool(f & flag) for f in flags) >= 10


def test_single_characters_that_are_affixes(tokenizer: Any, flags: list[int]) -> None:
    for c, f in zip(CHARACTERS, flags, strict=True):
        if c not in "+$%" and not c.isspace():
            assert bool(f & affixes.PREFIX) == bool(tokenizer.find_prefix(c)), c
            assert bool(f & affixes.SUFFIX) == bool(tokenizer.find_suffix(c)), c
    assert len(flags) > 1000


def around(text: str) -> tuple[np.ndarray[Any, Any], int, int]:
    encoded = text.encode()
    return np.frombuffer(b"0." + encoded + b".0", np.uint8), 2, 2 + len(encoded)


@given(STRINGS)
def test_prefixes(tokenizer: Any, text: str) -> None:
    expected = text[: tokenizer.find_prefix(text)]
    assert prefix(*around(text)) == len(expected.encode())


@given(STRINGS)
def test_suffixes(tokenizer: Any, text: str) -> None:
    length = tokenizer.find_suffix(text)
    assert suffix(*around(text)) == len(text[len(text) - length :].encode())


@given(STRINGS)
def test_joints(tokenizer: Any, text: str) -> None:
    data, at, stop = around(text)
    expected = {m.start(): m.end() for m in tokenizer.infix_finditer(text)}
    found, before, i = {}, 0, 0
    while i < len(text):
        length = int(joint(data, at, stop, before))
        n = len(data[at : at + length].tobytes().decode()) if length else 1
        if length:
            found[i] = i + n
        before, at, i = ord(text[i]), at + len(text[i : i + n].encode()), i + n
    assert found == expected


@pytest.mark.parametrize(
    ("text", "n_prefix", "n_suffix"),
    [
        ("...", 3, 3),
        (".", 0, 0),
        ("+1", 0, 0),
        ("+a", 1, 0),
        ("1+", 0, 1),
        ("US$5", 3, 0),
        ("5US$", 0, 3),
        ("C$", 2, 0),
        ("U", 0, 0),
        ("it's", 0, 2),
        ("IT’S", 0, 4),
        ("10km²", 0, 4),
        ("km", 0, 0),
        ("7м/с", 0, 5),
        ("U.S.", 0, 0),
        ("NASA.", 0, 1),
        ("end.", 0, 1),
        ("°F.", 2, 1),
        ("……", 3, 6),
        ("字。", 0, 3),
    ],
)
def test_examples(text: str, n_prefix: int, n_suffix: int) -> None:
    assert (prefix(*around(text)), suffix(*around(text))) == (n_prefix, n_suffix)
