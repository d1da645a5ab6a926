from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from stages.tokens.bestfit import Layout, best_fit, concat

Ints = npt.NDArray[np.int32]


def ties_for(n: int, seed: int = 0) -> npt.NDArray[np.uint64]:
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


def packed(strategy: str, lengths: list[int], sequence_length: int, seed: int = 0) -> Layout:
    ties = ties_for(len(lengths), seed)
    array = np.array(lengths, np.int32)
    return (
        best_fit(array, sequence_length, ties, seed)
        if strategy == "best_fit"
        else concat(array, sequence_length, ties)
    )


def best_fit_decreasing(lengths: list[int], sequence_length: int) -> int:
    """Rows that plain best-fit-decreasing needs, looking at every row for every chunk."""
    room = sequence_length - 1
    chunks = [min(room, length - first) + 1 for length in lengths for first in range(0, length, room)]
    free: list[int] = []
    for chunk in sorted(chunks, reverse=True):
        fitting = [r for r in range(len(free)) if free[r] >= chunk]
        if fitting:
            free[min(fitting, key=lambda r: free[r])] -= chunk
        else:
            free.append(sequence_length - chunk)
    return len(free)


def check(layout: Layout, lengths: list[int], sequence_length: int) -> None:
    """Every token of every document exactly once; chunks follow each other in their rows from 0 and fit."""
    seen = [np.zeros(length, np.int64) for length in lengths]
    row, free_from = -1, 0
    for r, start, document, first, n in zip(
        layout.row, layout.start, layout.document, layout.first_token, layout.n_tokens, strict=True
    ):
        assert r in (row, row + 1)
        free_from = free_from if r == row else 0
        row = r
        assert start == free_from
        assert n >= 2
        free_from += int(n)
        assert free_from <= sequence_length
        assert first + n - 1 <= lengths[document]
        seen[document][first : first + n - 1] += 1
    assert row == layout.n_rows - 1
    assert all((counts == 1).all() for counts in seen)


LENGTHS = st.lists(st.integers(0, 70) | st.sampled_from([1, 7, 15, 16, 17, 63, 64, 65, 500]), max_size=60)
SEQUENCE_LENGTHS = st.sampled_from([2, 3, 5, 16, 64, 65, 128, 5000])


@pytest.mark.parametrize("strategy", ["best_fit", "concat"])
@given(lengths=LENGTHS, sequence_length=SEQUENCE_LENGTHS, seed=st.integers(0, 3))
@example(lengths=[], sequence_length=8, seed=0)
@example(lengths=[0, 0], sequence_length=8, seed=0)
@example(lengths=[7], sequence_length=8, seed=0)
@example(lengths=[1] * 50, sequence_length=2, seed=0)
@example(lengths=[1] * 50, sequence_length=3, seed=0)
def test_every_token_exactly_once(strategy: str, lengths: list[int], sequence_length: int, seed: int) -> None:
    check(packed(strategy, lengths, sequence_length, seed), lengths, sequence_length)


@given(lengths=LENGTHS, sequence_length=SEQUENCE_LENGTHS)
def test_best_fit_cuts_nothing_that_fits(lengths: list[int], sequence_length: int) -> None:
    chunks = Counter(packed("best_fit", lengths, sequence_length).document.tolist())
    room = sequence_length - 1
    assert chunks == Counter({d: -(-n // room) for d, n in enumerate(lengths) if n})


@given(lengths=LENGTHS, sequence_length=SEQUENCE_LENGTHS)
def test_best_fit_needs_the_rows_of_the_plain_algorithm(lengths: list[int], sequence_length: int) -> None:
    assert packed("best_fit", lengths, sequence_length).n_rows == best_fit_decreasing(
        lengths, sequence_length
    )


def test_best_fit_on_many_lengths_needs_the_rows_of_the_plain_algorithm() -> None:
    rng = np.random.default_rng(5)
    for sequence_length, median in ((64, 20), (300, 90), (9000, 900)):
        lengths = np.maximum(1, rng.lognormal(np.log(median), 1.1, 1500)).astype(int).tolist()
        layout = packed("best_fit", lengths, sequence_length)
        check(layout, lengths, sequence_length)
        assert layout.n_rows == best_fit_decreasing(lengths, sequence_length)


@given(lengths=LENGTHS, sequence_length=st.sampled_from([3, 5, 16, 64]))
def test_concat_leaves_one_place_at_most_but_in_the_last_row(
    lengths: list[int], sequence_length: int
) -> None:
    layout = packed("concat", lengths, sequence_length)
    used = np.bincount(layout.row, layout.n_tokens, layout.n_rows)
    assert (used[:-1] >= sequence_length - 1).all()


@given(lengths=LENGTHS)
def test_concat_keeps_documents_in_order_of_ties(lengths: list[int]) -> None:
    ties = ties_for(len(lengths))
    layout = concat(np.array(lengths, np.int32), 16, ties)
    assert (np.diff(ties[layout.document].astype(object)) >= 0).all()


@pytest.mark.parametrize("strategy", ["best_fit", "concat"])
@given(lengths=st.lists(st.integers(0, 70), min_size=2, max_size=40, unique=True), data=st.data())
def test_the_order_of_documents_does_not_matter(
    strategy: str, lengths: list[int], data: st.DataObject
) -> None:
    ties = ties_for(len(lengths))
    order = np.array(data.draw(st.permutations(range(len(lengths)))))
    array = np.array(lengths, np.int32)

    def where(lengths: Ints, ties: npt.NDArray[np.uint64]) -> list[tuple[int, ...]]:
        made = best_fit(lengths, 32, ties, 7) if strategy == "best_fit" else concat(lengths, 32, ties)
        rows = zip(made.row, made.start, lengths[made.document], made.first_token, made.n_tokens, strict=True)
        return [tuple(map(int, row)) for row in rows]

    assert where(array[order], ties[order]) == where(array, ties)


def test_equal_hashes_are_told_apart_by_position() -> None:
    lengths = np.array([3, 3, 3, 3], np.int32)
    layout = best_fit(lengths, 8, np.zeros(4, np.uint64), 0)
    assert sorted(layout.document.tolist()) == [0, 1, 2, 3]
    assert layout.n_rows == 2


def test_nothing_is_sorted_by_length() -> None:
    lengths = np.random.default_rng(1).integers(1, 400, 4000).astype(np.int32)
    layout = best_fit(lengths, 512, ties_for(4000), 3)
    longest = np.zeros(layout.n_rows)
    np.maximum.at(longest, layout.row, layout.n_tokens)
    assert abs(np.corrcoef(np.arange(layout.n_rows), longest)[0, 1]) < 0.1
    pairs = [layout.n_tokens[layout.row == r] for r in np.flatnonzero(np.bincount(layout.row) == 2)]
    longer_first = [a > b for a, b in pairs if a != b]
    assert len(longer_first) > 500
    assert 0.45 < np.mean(longer_first) < 0.55


def test_seed_and_ties_decide_the_order_and_not_the_number_of_rows() -> None:
    lengths = np.random.default_rng(1).integers(1, 400, 500).astype(np.int32)
    made = [best_fit(lengths, 512, ties_for(500, t), s) for t, s in ((0, 0), (0, 1), (1, 0), (0, 0))]
    assert len({m.n_rows for m in made}) == 1
    assert [np.array_equal(made[0].document, m.document) for m in made] == [True, False, False, True]


def test_known_layout() -> None:
    """Golden: rooms 8; chunks of 8, 6, 5, 3, 2 and (cut from 9 tokens) 8 + 3 with their ids."""
    layout = best_fit(np.array([5, 9, 4, 2, 1, 7], np.int32), 8, np.arange(6, dtype=np.uint64), 0)
    rows: dict[int, list[tuple[int, int, int]]] = {}
    for r, d, f, n in zip(layout.row, layout.document, layout.first_token, layout.n_tokens, strict=True):
        rows.setdefault(int(r), []).append((int(d), int(f), int(n)))
    assert sorted(rows.values()) == [
        [(0, 0, 6), (4, 0, 2)],
        [(1, 0, 8)],
        [(1, 7, 3), (2, 0, 5)],
        [(3, 0, 3)],
        [(5, 0, 8)],
    ]


@pytest.mark.data
def test_real_lengths_leave_little_padding(shared_data: Path) -> None:
    path = shared_data / "proxy_corpus" / "web_en_gold.jsonl.zst"
    with path.open("rb") as file:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8")
        lengths = [len(json.loads(line)["text"]) // 4 for line in lines]
    assert len(lengths) == 1440
    for sequence_length, most in ((512, 0.001), (2048, 0.01)):
        layout = packed("best_fit", lengths, sequence_length)
        padding = 1 - layout.n_tokens.sum() / (layout.n_rows * sequence_length)
        assert 0 <= padding < most
