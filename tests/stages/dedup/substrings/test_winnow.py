"""Fingerprints and windows, against what the words say: equal windows have equal fingerprints and hashes."""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.dedup.substrings.tokens import tokenized
from stages.dedup.substrings.winnow import N_BUCKETS, fingerprints, gram_of, windows
from stages.text.buffers import view

ALL = (1 << N_BUCKETS) - 1
ROWS = st.sampled_from(["a", "ab", "abcd"]).flatmap(
    lambda letters: st.lists(st.lists(st.sampled_from(letters), max_size=40), max_size=4)
)


def prints(rows: list[list[str]], length: int) -> list[list[tuple[int, int]]]:
    """(fingerprint, bit) of each row."""
    found = fingerprints(tokenized(pa.array([" ".join(r) for r in rows], pa.string()), "word", False), length)
    cells = list(zip(found.hashes.tolist(), found.bits.tolist(), strict=True))
    return [cells[a:b] for a, b in pairwise(found.offsets.tolist())]


def listed(
    rows: list[list[str]], length: int, wanted: list[int], every: bool = False
) -> tuple[list[list[tuple[int, ...]]], list[list[tuple[int, int]]]]:
    """(hash, half a fingerprint, block, start, stop) of each row's windows, and its own ranges."""
    array = pa.array([" ".join(r) for r in rows], pa.string())
    begins = view(array).offsets[:-1]
    found, own = windows(tokenized(array, "word", False), begins, np.array(wanted, np.int64), length, every)
    cells = list(zip(*(c.tolist() for c in found[:-1]), strict=True))
    ranges = list(zip(own.starts.tolist(), own.stops.tolist(), strict=True))
    return (
        [cells[a:b] for a, b in pairwise(found.offsets.tolist())],
        [ranges[a:b] for a, b in pairwise(own.offsets.tolist())],
    )


@given(ROWS, st.integers(2, 9))
def test_what_stands_twice_has_a_fingerprint_that_stands_twice(rows: list[list[str]], length: int) -> None:
    found = prints(rows, length)
    times: dict[int, int] = defaultdict(int)
    for hash_, _ in (cell for row in found for cell in row):
        times[hash_] += 1
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for r, row in enumerate(rows):
        for i in range(len(row) - length + 1):
            places[tuple(row[i : i + length])].append(r)
    for where in places.values():
        if len(where) > 1:
            shared = set.intersection(*({h for h, _ in found[r]} for r in where))
            assert any(times[h] > 1 for h in shared)
    assert len(found) == len(rows)


@given(ROWS, st.integers(2, 9))
def test_windows_are_listed_once_a_row_and_equal_ones_alike(rows: list[list[str]], length: int) -> None:
    found, _ = listed(rows, length, [ALL] * len(rows))
    names: dict[tuple[int, ...], tuple[str, ...]] = {}
    for row, cells in zip(rows, found, strict=True):
        first: dict[tuple[str, ...], int] = {}
        for i in range(len(row) - length + 1):
            first.setdefault(tuple(row[i : i + length]), i)
        # All words have one letter: word i starts at byte 2 i.
        assert [cell[2:] for cell in cells] == [
            (i // length, 2 * i, 2 * (i + length) - 1) for i in first.values()
        ]
        for cell, content in zip(cells, first, strict=True):
            assert names.setdefault(cell[:2], content) == content
    assert len(set(names.values())) == len(names)


@given(ROWS, st.integers(2, 9), st.booleans())
def test_own_ranges_cover_what_a_row_repeats(rows: list[list[str]], length: int, every: bool) -> None:
    _, own = listed(rows, length, [ALL] * len(rows), every)
    for row, ranges in zip(rows, own, strict=True):
        contents = [tuple(row[i : i + length]) for i in range(len(row) - length + 1)]
        covered: set[int] = set()
        for i, content in enumerate(contents):
            if content in contents[:i] or (every and contents.count(content) > 1):
                covered.update(range(2 * i, 2 * (i + length) - 1))
        assert {b for start, stop in ranges for b in range(start, stop)} == covered
        assert all(b < c for (_, b), (c, _) in pairwise(ranges))
    assert len(own) == len(rows)


@given(st.integers(2, 9), st.integers(0, 99), st.integers(0, N_BUCKETS - 1))
def test_only_wanted_buckets_are_listed(length: int, seed: int, bucket: int) -> None:
    row = [str(random.Random(seed + i).randrange(10**9)) for i in range(700)]
    (cells,), _ = listed([row], length, [1 << bucket])
    (whole,), _ = listed([row], length, [ALL])
    of_bucket = {h >> 32 for h, bit in prints([row], length)[0] if bit == 1 << bucket}
    assert {cell[1] for cell in cells} == of_bucket
    assert cells == [cell for cell in whole if cell[1] in of_bucket]
    assert 0 < len(cells) < len(whole)


def test_a_bucket_for_each_of_few_fingerprints() -> None:
    row = [str(i) for i in range(300)]
    (found,) = prints([row], 50)
    assert 10 < len(found) < N_BUCKETS
    bits = [bit for _, bit in found]
    assert bits == sorted(set(bits))
    assert all(0 < bit <= ALL for bit in bits)


@pytest.mark.parametrize("length", [2, 3, 50, 64, 100])
def test_density(length: int) -> None:
    n = 20_000
    (found,) = prints([[str(i) for i in range(n)]], length)
    expected = 2 / (length - gram_of(length) + 2)
    assert 0.9 < len(found) / (n * expected) < 1.1


def test_periods_give_few_fingerprints() -> None:
    for period in (1, 2, 7, 25):
        (found,) = prints([[str(i % period) for i in range(10_000)]], 50)
        assert len(found) == 2
        (cells,), (own,) = listed([[str(i % period) for i in range(10_000)]], 50, [ALL])
        assert len(cells) == period
        assert len(own) == 1


def test_texts_of_two_words_do_not_collide() -> None:
    """Thue-Morse: sums of powers, whatever their base, are equal mod 2^64 for it and its inverse."""
    bits = [bin(i).count("1") % 2 for i in range(2048)]
    rows = [[str(b) for b in bits], [str(1 - b) for b in bits]]
    found, _ = listed(rows, 2048, [ALL, ALL])
    assert found[0][0][0] != found[1][0][0]
    found, _ = listed(rows, 64, [ALL, ALL])
    contents = {tuple(row[i : i + 64]) for row in rows for i in range(2048 - 63)}
    assert len({cell[0] for cells in found for cell in cells}) == len(contents)


def test_hashes_do_not_collide_on_many_windows() -> None:
    rng = random.Random(1)
    row = [rng.choice("ab") for _ in range(200_000)]
    (cells,), _ = listed([row], 40, [ALL])
    contents = {"".join(row[i : i + 40]) for i in range(len(row) - 39)}
    assert len({c[0] for c in cells}) == len(cells) == len(contents)


def test_no_rows_and_short_ones() -> None:
    assert prints([], 5) == []
    assert prints([[], ["a"], ["a", "b", "c", "d"]], 5) == [[], [], []]
    assert listed([], 5, []) == ([], [])
    assert listed([["a"] * 4, []], 5, [ALL, ALL]) == ([[], []], [[], []])


def test_rows_of_a_slice_count_from_their_own_beginning() -> None:
    array = pa.array(["x " * 9, " a b c a b c"], pa.string()).slice(1)
    found, own = windows(tokenized(array, "word", False), view(array).offsets[:-1], np.array([ALL]), 3, False)
    assert found.starts.tolist() == [1, 3, 5]
    assert list(zip(own.starts.tolist(), own.stops.tolist(), strict=True)) == [(7, 12)]
