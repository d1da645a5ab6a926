"""The table of words against splitters in plain Python, and what is kept of it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.text import unicode
from stages.text.buffers import view
from stages.text.table import Words, describe, hash_word, words
from tests.stages.text.test_words import MIXED, split

ROWS = st.lists(st.none() | MIXED | st.text(max_size=30), max_size=6)
FLAGS = {
    unicode.LETTER: str.isalpha,
    unicode.ALNUM: str.isalnum,
    unicode.UPPER: lambda c: c.lower()[0] != c,
}


def found(table: Words, array: pa.StringArray, row: int) -> list[str]:
    data = view(array).data
    here = range(table.offsets[row], table.offsets[row + 1])
    return [data[table.starts[i] : table.ends[i]].tobytes().decode() for i in here]


@pytest.mark.parametrize(("splitter", "oracle"), [("default", split), ("space", str.split)])
@given(rows=ROWS)
def test_words_are_those_of_the_splitter(splitter: Any, oracle: Any, rows: list[str | None]) -> None:
    array = pa.array(rows, pa.string())
    table = words(array, splitter)
    expected = [oracle(row or "") for row in rows]
    assert [found(table, array, i) for i in range(len(rows))] == expected
    flat = [word for row in expected for word in row]
    assert table.n_chars.tolist() == [len(word) for word in flat]
    for flag, holds in FLAGS.items():
        assert [bool(f & flag) for f in table.flags] == [any(map(holds, word)) for word in flat]


@pytest.mark.parametrize("splitter", ["default", "space", "english", "uax29"])
@given(rows=ROWS)
def test_words_are_described_alike_whatever_the_splitter(splitter: Any, rows: list[str | None]) -> None:
    array = pa.array(rows, pa.string())
    table, data = words(array, splitter), view(array).data
    assert len(table.offsets) == len(rows) + 1
    for i, (start, stop) in enumerate(zip(table.starts, table.ends, strict=True)):
        described = describe(data, np.int64(start), np.int64(stop))
        assert (table.n_chars[i], table.flags[i], table.hashes[i]) == described
        assert start < stop


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1))
def test_equal_words_and_no_others_have_equal_hashes(texts: list[str]) -> None:
    array = pa.array(texts)
    data, offsets, _ = view(array)
    hashes = [hash_word(data, np.int64(a), np.int64(b)) for a, b in pairwise(offsets)]
    assert len({*map(int, hashes)}) == len({*texts})


def test_a_hash_does_not_depend_on_what_follows() -> None:
    for word in ("a", "a" * 7, "a" * 8, "a" * 9, "é" * 10):
        last, inner = words(pa.array([f"x {word}"])), words(pa.array([f"x {word} {'y' * 20}"]))
        assert last.hashes[1] == inner.hashes[1]
        assert last.hashes[1] != last.hashes[0]


def test_zeros_at_the_end_are_part_of_a_word() -> None:
    hashes = words(pa.array(["a a\0 a\0\0 a\0\0\0\0\0\0\0\0"])).hashes
    assert len({*hashes.tolist()}) == 4


def test_no_short_words_share_a_hash() -> None:
    text = " ".join(f"{i:x}" for i in range(200_000))
    hashes = words(pa.array([text])).hashes
    assert len(np.unique(hashes)) == 200_000
    assert len(np.unique(hashes & np.uint64(0xFFFFF))) > 170_000  # of 2^20, as many as chance leaves


def test_the_table_is_kept_for_the_same_array_alone() -> None:
    array = pa.array(["a b", None, "c"])
    table = words(array)
    assert words(array) is table
    assert words(array, "space") is not table
    assert words(array) is table
    assert words(array.slice(2)).offsets.tolist() == [0, 1]
    assert words(array) is not table
    assert words(pa.array([], pa.string())).offsets.tolist() == [0]


def test_a_kept_table_cannot_be_spoilt() -> None:
    for part in words(pa.array(["a b"])):
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 0
    assert len(words(pa.array(["a b"]))) == 6


def test_slices_see_their_own_rows() -> None:
    array = pa.array(["zero one", "two", None, "three four five"])
    for start in range(5):
        part = array.slice(start)
        rows = [found(words(part), part, i) for i in range(len(part))]
        assert rows == [(text or "").split() for text in part.to_pylist()]
