"""Normalisations against plain Python's, and datatrove's own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from itertools import pairwise
from typing import get_args

import numpy as np
import pyarrow as pa
import pytest
from datatrove.utils.text import simplify_text
from hypothesis import example, given
from hypothesis import strategies as st

from stages.text.buffers import view
from stages.text.normal import GROWTH, Normalize, form, normalise, normalised

UNLISTED = "，。、„”“«»１」「《》´∶：？！（）；–—．～’…━〈〉【】％►"
TEXTS = (
    st.text(max_size=12)
    | st.text(st.sampled_from("aΣσς.'’0१,5٫\u0301é \t\n—»％İß한ﬁ。\u0085\u00ad"), max_size=12)
    | st.text(st.sampled_from("aΣ.'ʰª\u0345Ⓐ1 "), max_size=7)
)


def cc_net(text: str) -> str:
    """What cc_net hashes: its `normalize_for_dedup`."""
    text = re.sub(r"\d", "0", text.strip().lower())
    return "".join(c for c in text if c not in UNLISTED and unicodedata.category(c) != "Cc")


PYTHON: dict[str, Callable[[str], str]] = {
    "none": lambda text: text,
    "whitespace": lambda text: " ".join(text.split()),
    "lower": lambda text: text.strip().lower(),
    "cc_net": cc_net,
    "datatrove": simplify_text,
}


def ours(name: Normalize, text: str) -> str:
    data = np.frombuffer(b"<" + text.encode() + b">", np.uint8)
    out = np.full((GROWTH * len(data)), 0x7E, np.uint8)
    end = normalise(data, 1, len(data) - 1, form(name), out, 2)
    assert out[:2].tobytes() == b"~~"
    return out[2:end].tobytes().decode()


def test_all_have_an_oracle() -> None:
    assert {*PYTHON} == {*get_args(Normalize)}


@pytest.mark.parametrize("name", PYTHON)
def test_texts(name: Normalize) -> None:
    @given(TEXTS)
    @example("ΟΔΟΣ ΟΔΟΣ. Σ aΣ' aΣ'a")
    @example("1.5 1,2.3 12.  3.,4 ٣٫٤ 1. 2")
    @example(" \u0301 a \u0301 \u0301 b \u0301 ")
    @example("abc — \x00\x1f\x85 １２ ％")
    def check(text: str) -> None:
        assert ours(name, text) == PYTHON[name](text)

    check()


@pytest.mark.parametrize("name", PYTHON)
def test_every_character(name: Normalize) -> None:
    """In blocks that part what they hold; digits newer than the interpreter's Unicode are left out."""
    seen = 0
    for first in range(0, 0x110000, 64):
        chars = [c for c in map(chr, range(first, first + 64)) if unicodedata.category(c) not in ("Cs", "Cn")]
        if chars:
            text = "".join(f"x{c}y{c} Σ{c} a{c}Σ" for c in chars)
            assert ours(name, text) == PYTHON[name](text), hex(first)
            seen += len(chars)
    assert seen > 250_000


def test_time_grows_with_the_length() -> None:
    text = "Σ'" * 500_000 + "\u0301" * 500_000 + "1." * 500_000 + " " * 500_000
    assert len(ours("datatrove", text)) > 1_000_000
    assert len(ours("cc_net", text)) > 1_000_000


ROWS = st.lists(
    st.none() | st.text(st.sampled_from(" \n\u3000\x1fabé漢"), max_size=6) | st.text(max_size=9), max_size=10
)


@given(ROWS, st.integers(0, 9))
def test_rows_of_a_batch(texts: list[str | None], start: int) -> None:
    array = pa.array(texts, pa.string()).slice(start)
    for name, plain in (
        ("whitespace", lambda t: " ".join(t.split())),
        ("lower", lambda t: t.strip().lower()),
    ):
        data, offsets, valid = normalised(view(array), name)  # type: ignore[arg-type]
        rows = [data[a:b].tobytes().decode() for a, b in pairwise(offsets)]
        assert rows == ["" if t is None else plain(t) for t in array.to_pylist()]
        assert valid.tolist() == [t is not None for t in array.to_pylist()]
