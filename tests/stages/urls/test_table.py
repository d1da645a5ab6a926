from __future__ import annotations

import numpy as np
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from stages.urls.table import Block, build, hash_rows, position

U64 = st.integers(0, 2**64 - 1)


@given(st.lists(U64 | st.integers(0, 40) | st.integers(2**64 - 40, 2**64 - 1)), st.lists(U64))
def test_every_entry_is_found_and_nothing_else(entries: list[int], others: list[int]) -> None:
    hashes = np.array(sorted(entries), np.uint64)
    wanted = [sorted(entries).index(h) if h in entries else -1 for h in entries + others]
    assert [position(hashes, np.uint64(h)) for h in entries + others] == wanted


def test_entries_are_found_where_hashes_are_evenly_spread() -> None:
    hashes = np.sort(np.random.default_rng(0).integers(0, 2**64, 200_000, np.uint64))
    for i in range(0, len(hashes), 5_000):
        assert position(hashes, hashes[i]) == i
        assert position(hashes, hashes[i] + np.uint64(1)) == -1
    assert len(hashes) == 200_000


def test_equal_entries_of_a_list_are_one_and_of_lists_two() -> None:
    h = np.array([7, 3, 7], np.uint64)
    table = build([Block(0, "word", h), Block(1, "word", h[:1])])
    assert table.hashes.tolist() == [3, 7, 7]
    assert table.lists.tolist() == [0, 0, 1]
    assert len(table.scores) == 0


def test_the_highest_score_of_equal_entries_counts() -> None:
    h = np.array([7, 3, 7], np.uint64)
    table = build([Block(0, "page", h, np.array([1.0, 5, 4])), Block(1, "page", h[:1], np.array([-2.0]))])
    assert table.scores.tolist() == [5, 4, -2]


def test_ten_bytes_an_entry() -> None:
    table = build([Block(0, "domain", np.arange(1_000_000, dtype=np.uint64))])
    assert table.nbytes == 10_000_000


def test_hashes_are_xxh64() -> None:
    data = np.frombuffer(b"abcdef", np.uint8)
    have = hash_rows(data, np.array([0, 2, 2, 6], np.int64))
    assert have.tolist() == [xxhash.xxh64_intdigest(x) for x in (b"ab", b"", b"cdef")]
