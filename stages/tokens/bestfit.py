"""Lengths to rows: which chunk of which document stands where. Pure functions of lengths and tie-breaks.

A chunk is the end-of-text id and then tokens of one document; a row holds uncut chunks, then padding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.keyed import permute
from stages.text.kernel import Int, device, kernel

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """Chunks in row and position order; arrays of one length, [chunks]."""

    n_rows: int
    row: Longs
    start: Ints
    """Position of the chunk's end-of-text id in its row."""
    document: Longs
    """Index into the lengths."""
    first_token: Ints
    """Offset of the chunk in the document's tokens."""
    n_tokens: Ints
    """With the end-of-text id."""


def best_fit(lengths: Ints, sequence_length: int, ties: npt.NDArray[np.uint64], seed: int) -> Layout:
    """Pack without cutting what fits.

    Only documents longer than `sequence_length - 1` are cut, into chunks of that length and a remainder;
    chunks go, longest first, to the row with the least room that still holds them.

    Source: Ding et al. 2024, "Fewer Truncations Improve Language Modeling", arXiv:2404.10830, section 3.
    Differs: a bitmap and not a segment tree finds the row (lengths are small integers); equal lengths, the
    order inside a row and the order of rows follow `ties` (uint64 [documents], a hash) and `seed`, so that
    neither rows nor what lies in them are sorted by length.
    """
    by_tie = np.argsort(ties, kind="stable")
    document, first_token, n_tokens = _chunks(lengths, by_tie, sequence_length - 1)
    longest_first = _sorted_by(sequence_length - n_tokens, sequence_length)
    row, n_rows = _assigned(n_tokens, longest_first, sequence_length)
    if n_rows:
        row = permute(np.arange(n_rows), n_rows, seed)[row]
    order = _sorted_by(row, n_rows)
    row, n_tokens = row[order], n_tokens[order]
    return Layout(
        n_rows=n_rows, row=row, start=_started(row, n_tokens), n_tokens=n_tokens,
        document=document[order], first_token=first_token[order],
    )  # fmt: skip


def concat(lengths: Ints, sequence_length: int, ties: npt.NDArray[np.uint64]) -> Layout:
    """One document after the other, in the order of `ties`, cut where rows end.

    Differs from the usual concatenation: a document that goes on in the next row begins there with the
    end-of-text id again, and a single place left at the end of a row is padding.
    """
    by_tie = np.argsort(ties, kind="stable")
    # Rows but the last leave one place free at most: rows * (sequence_length - 1) <= tokens + chunks. And a
    # document has one chunk more than the rows it is cut by.
    total = int(lengths.sum(dtype=np.int64))
    most = len(lengths) + (total + len(lengths)) // max(1, sequence_length - 2) + 2
    row, document = np.empty(most, np.int64), np.empty(most, np.int64)
    start, first_token, n_tokens = (np.empty(most, np.int32) for _ in range(3))
    n = _concat(lengths, by_tie, sequence_length, row, start, document, first_token, n_tokens)
    return Layout(
        n_rows=int(row[n - 1]) + 1 if n else 0, row=row[:n], start=start[:n], document=document[:n],
        first_token=first_token[:n], n_tokens=n_tokens[:n],
    )  # fmt: skip


def _chunks(lengths: Ints, order: Longs, room: int) -> tuple[Longs, Ints, Ints]:
    """Documents in `order`, cut into chunks of at most `room` tokens; lengths of chunks count the id."""
    n = int((-(-lengths // room)).sum(dtype=np.int64))
    document, first_token, n_tokens = np.empty(n, np.int64), np.empty(n, np.int32), np.empty(n, np.int32)
    _cut(lengths, order, room, document, first_token, n_tokens)
    return document, first_token, n_tokens


def _sorted_by(keys: npt.NDArray[np.integer], n_keys: int) -> Longs:
    """Stable argsort of integers in [0, n_keys), by counting."""
    order = np.empty(len(keys), np.int64)
    _counting_sort(keys, np.zeros(n_keys + 1, np.int64), order)
    return order


def _assigned(n_tokens: Ints, order: Longs, capacity: int) -> tuple[Longs, int]:
    """Best-fit: the row of each chunk, taken in `order`, and the number of rows."""
    words = np.zeros((capacity >> 6) + 1, np.uint64)
    summary = np.zeros((len(words) >> 6) + 1, np.uint64)
    newest, older = np.full(capacity + 1, -1, np.int64), np.empty(len(n_tokens), np.int64)
    row = np.empty(len(n_tokens), np.int64)
    return row, int(_assign(n_tokens, order, capacity, words, summary, newest, older, row))


def _started(row: Longs, n_tokens: Ints) -> Ints:
    start = np.zeros(len(row), np.int32)
    _starts(row, n_tokens, start)
    return start


@kernel
def _cut(lengths: Ints, order: Longs, room: int, document: Longs, first_token: Ints, n_tokens: Ints) -> None:
    n = 0
    for i in range(len(order)):
        d = order[i]
        for first in range(0, lengths[d], room):
            document[n] = d
            first_token[n] = first
            n_tokens[n] = min(room, lengths[d] - first) + 1
            n += 1


@kernel
def _counting_sort(keys: npt.NDArray[np.integer], places: Longs, order: Longs) -> None:
    """`places`: zeros [n_keys + 1]."""
    # Counts stand one to the right, so that their running sum is where each key's first row goes; taking rows
    # in their order keeps equal keys in it. Lengths are small integers: two passes, no comparison.
    for i in range(len(keys)):
        places[keys[i] + 1] += 1
    for k in range(1, len(places)):
        places[k] += places[k - 1]
    for i in range(len(keys)):
        order[places[keys[i]]] = i
        places[keys[i]] += 1


# Where the lowest bit stands (Leiserson, Prokop & Randall 1998, "Using de Bruijn sequences to index a 1").
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_BIT_AT = np.zeros(64, np.int64)
_BIT_AT[[((1 << bit) * int(_DE_BRUIJN) & (2**64 - 1)) >> 58 for bit in range(64)]] = np.arange(64)


@device
def _lowest(word: np.uint64) -> Int:
    # word & -word leaves the lowest bit alone; times the constant it is a shift, whose upper six bits are
    # different for each of the 64: one look-up and no loop over bits.
    bit: Int = _BIT_AT[((word & (~word + np.uint64(1))) * _DE_BRUIJN) >> np.uint64(58)]
    return bit


@device
def _from(bit: Int) -> np.uint64:
    """A word with the bits `bit % 64` and above set."""
    return ~np.uint64(0) << np.uint64(bit & 63)


@device
def _next_set(words: Words, summary: Words, bit: Int) -> Int:
    """The first set bit from `bit` on, or -1; bit w of `summary` says whether word w has any."""
    # A word of the summary stands for 4,096 bits: sequences of any usual length need a handful of looks.
    w = bit >> 6
    hit = words[w] & _from(bit)
    if hit:
        return w * 64 + _lowest(hit)
    w += 1
    s = w >> 6
    if s == len(summary):
        return -1
    hit = summary[s] & _from(w)
    while not hit:
        s += 1
        if s == len(summary):
            return -1
        hit = summary[s]
    w = s * 64 + _lowest(hit)
    return w * 64 + _lowest(words[w])


@kernel
def _assign(
    n_tokens: Ints, order: Longs, capacity: int,
    words: Words, summary: Words, newest: Longs, older: Longs, row: Longs,
) -> int:  # fmt: skip
    """Bit c of `words` says that some row has room for exactly c; `newest[c]` is one of them, and the others
    follow through `older`."""
    one = np.uint64(1)
    n_rows = 0
    for i in range(len(order)):
        chunk = order[i]
        room = _next_set(words, summary, n_tokens[chunk])
        if room < 0:
            room = capacity
            r = n_rows
            n_rows += 1
        else:
            # The rows with this room are a list whose head is the newest: taking one is two assignments.
            r = newest[room]
            newest[room] = older[r]
            if newest[room] < 0:
                w = room >> 6
                words[w] &= ~(one << np.uint64(room & 63))
                if not words[w]:
                    summary[w >> 6] &= ~(one << np.uint64(w & 63))
        row[chunk] = r
        room -= n_tokens[chunk]
        if room > 1:  # room for the id alone is room for nothing
            older[r] = newest[room]
            newest[room] = r
            w = room >> 6
            words[w] |= one << np.uint64(room & 63)
            summary[w >> 6] |= one << np.uint64(w & 63)
    return n_rows


@kernel
def _starts(row: Longs, n_tokens: Ints, start: Ints) -> None:
    for i in range(1, len(row)):
        if row[i] == row[i - 1]:
            start[i] = start[i - 1] + n_tokens[i - 1]


@kernel
def _concat(
    lengths: Ints, order: Longs, sequence_length: int,
    row: Longs, start: Ints, document: Longs, first_token: Ints, n_tokens: Ints,
) -> int:  # fmt: skip
    n = 0
    r = -1
    free = 0
    for i in range(len(order)):
        d = order[i]
        first = 0
        while first < lengths[d]:
            if free < 2:
                r += 1
                free = sequence_length
            take = min(lengths[d] - first, free - 1)
            row[n] = r
            start[n] = sequence_length - free
            document[n] = d
            first_token[n] = first
            n_tokens[n] = take + 1
            n += 1
            first += take
            free -= take + 1
    return n
