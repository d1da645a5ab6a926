"""The table of symbols is well-formed and says what LaTeX says."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from stages.extract.formulas.texsymbols import (
    ACCENTS,
    FUNCTIONS,
    LIMITS,
    SYMBOLS,
    UNDER,
    VARIANTS,
    WIDE,
    symbol,
    text,
)


def test_every_symbol_is_one_character_and_a_command() -> None:
    odd = {
        c: t for c, t in SYMBOLS.items() if len(c) != 1 or not re.fullmatch(r"(?:\\[A-Za-z]+)*|\\.|[-/']", t)
    }
    assert odd == {}
    assert len(SYMBOLS) > 250


def test_greek_letters_have_their_names() -> None:
    seen = 0
    for char, latex in SYMBOLS.items():
        match = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", unicodedata.name(char, ""))
        if match and match[2] not in ("LAMDA", "FINAL", "EPSILON", "PHI"):
            name = match[2].lower()
            assert latex == "\\" + (name if match[1] == "SMALL" else name.capitalize())
            seen += 1
    assert seen > 25


def test_some_by_hand() -> None:
    assert [symbol(c) for c in "≤∈→∑−{ℝ𝔤𝛼xé"] == [
        r"\leq", r"\in", r"\rightarrow", r"\sum", "-", r"\{", r"\mathbb{R}", r"\mathfrak{g}",
        r"\alpha", "x", "é",
    ]  # fmt: skip
    assert symbol("\u2061") == symbol("\u200b") == ""
    assert r"\lim" in LIMITS
    assert r"\sum" in LIMITS
    assert r"\int" not in LIMITS or r"\oint" in LIMITS
    assert {"sin", "lim"} <= FUNCTIONS
    assert set(WIDE) <= set(ACCENTS.values())
    assert "underbrace" in UNDER.values()
    assert VARIANTS["double-struck"] == "mathbb"


def test_text() -> None:
    assert text("50% of a_b {x} #1 & $2") == r"50\% of a\_b \{x\} \#1 \& \$2"
    assert text("a\\b^c~d") == r"a\textbackslash{}b\^{}c\~{}d"


@given(st.characters(codec="utf-8"))
def test_any_character(char: str) -> None:
    assert "\n" not in symbol(char) or char == "\n"
