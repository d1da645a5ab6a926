"""Tokens as ranges and hashes, against Python's strings."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PlanError
from stages.dedup.substrings.tokens import BUILT_IN, tokenized, tokenizer
from stages.text.buffers import view
from stages.text.table import words

TEXTS = st.lists(st.none() | st.text(st.sampled_from("aAé\u0130漢😀 \n"), max_size=12), max_size=6)


def rows(texts: list[str | None], tokens: str, fold_case: bool = False) -> list[list[tuple[int, int, int]]]:
    """(start, stop, hash) of the tokens of each row; bytes count from the beginning of the row."""
    array = pa.array([*texts, "sentinel"], pa.string()).slice(0, len(texts))
    begins, found = view(array).offsets.tolist(), tokenized(array, tokens, fold_case)
    columns = found.starts.tolist(), found.ends.tolist(), found.hashes.tolist()
    cells = list(zip(*columns, strict=True))
    edges = pairwise(found.offsets.tolist())
    return [
        [(s - at, e - at, h) for s, e, h in cells[a:b]] for at, (a, b) in zip(begins, edges, strict=False)
    ]


@given(TEXTS)
def test_characters(texts: list[str | None]) -> None:
    for text, row in zip(texts, rows(texts, "char"), strict=True):
        edges = [len((text or "")[:i].encode()) for i in range(len(text or "") + 1)]
        assert [(s, e) for s, e, _ in row] == list(pairwise(edges))
        assert len({h for *_, h in row}) == len(set(text or ""))
    assert len(rows(texts, "char")) == len(texts)


@given(TEXTS)
def test_bytes_have_the_range_of_their_character(texts: list[str | None]) -> None:
    for text, row, whole in zip(texts, rows(texts, "byte"), rows(texts, "char"), strict=True):
        data = (text or "").encode()
        assert len(row) == len(data)
        assert len({h for *_, h in row}) == len(set(data))
        spans = [(s, e) for s, e, _ in whole for _ in range(s, e)]
        assert [(s, e) for s, e, _ in row] == spans
    assert len(rows(texts, "byte")) == len(texts)


@given(TEXTS)
def test_a_tokenizer_of_bytes_does_as_bytes(texts: list[str | None]) -> None:
    def ranges(tokens: str) -> list[list[tuple[int, int]]]:
        return [[(s, e) for s, e, _ in row] for row in rows(texts, tokens)]

    assert ranges("bytes") == ranges("byte")
    for text, row in zip(texts, rows(texts, "bytes"), strict=True):
        assert len({h for *_, h in row}) == len(set((text or "").encode()))


@given(TEXTS)
def test_words_are_those_of_the_table(texts: list[str | None]) -> None:
    array = pa.array(texts, pa.string())
    table, found = words(array), tokenized(array, "word", False)
    assert found.starts.tolist() == table.starts.tolist()
    assert found.ends.tolist() == table.ends.tolist()
    assert found.hashes.tolist() == table.hashes.tolist()
    assert found.offsets.tolist() == table.offsets.tolist()


@pytest.mark.parametrize("tokens", ["word", "char"])
def test_folding_case(tokens: str) -> None:
    upper, lower, other = ([h for *_, h in row] for row in rows(["ÀB Ωx", "àb ωX", "àb oX"], tokens, True))
    assert upper == lower != other
    assert rows(["ÀB"], tokens) != rows(["àb"], tokens)


def test_equal_tokens_of_different_kinds_and_lengths_differ() -> None:
    hashes = [h for row in rows(["a aa aaa", "aaaaaaaa aaaaaaaaa"], "word") for *_, h in row]
    assert len(set(hashes)) == 5


def test_files_are_loaded_and_named() -> None:
    assert [tokenizer(t) for t in BUILT_IN] == [None] * 3
    with pytest.raises(PlanError, match="nowhere"):
        tokenizer("nowhere/tokenizer.json")


def test_no_rows() -> None:
    for tokens in (*BUILT_IN, "bytes"):
        assert tokenized(pa.array([], pa.string()), tokens, False).offsets.tolist() == [0]
