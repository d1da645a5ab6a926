"""Windows of tokens: winnowed fingerprints that find equal ones, and the hashes that decide.

A window of `length` tokens has as its fingerprint the least hash of the runs of `gram` tokens in it, so equal
windows have equal fingerprints. Neighbours mostly share theirs: a text has about one for every
`(length - gram + 2) / 2` tokens.

Source: Schleimer, Wilkerson, Aiken 2003, "Winnowing: Local Algorithms for Document Fingerprinting".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stages.dedup.substrings.tokens import Tokens
from stages.text.hashing import avalanche, combine, signed
from stages.text.kernel import Int, device, kernel
from stages.text.slots import Slots, bits_for, number, slots

Bounds = npt.NDArray[np.int32]
Flags = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]
Longs = npt.NDArray[np.int64]

N_BUCKETS = 62
"""A text's fingerprints, in order, fall into so many buckets: bits of an int64 that is never negative."""
LISTED, REPEATED = np.uint8(1), np.uint8(2)
"""Flags of a wanted window: it is the first of its content in the row; the row repeats it."""


class Fingerprints(NamedTuple):
    """The fingerprints of all rows, in order; those of row i stand at `offsets[i]:offsets[i + 1]`."""

    hashes: Longs
    bits: Longs
    """int64: 2^bucket of each."""
    offsets: Bounds


class Windows(NamedTuple):
    """Windows of some rows, each content once a row; bytes count from the beginning of the row."""

    hashes: Longs
    checks: Bounds
    """32 bits of the fingerprint: windows are equal if their hashes and these are."""
    blocks: Bounds
    """Number of the window's first token // `length`: windows of one block overlap."""
    starts: Bounds
    stops: Bounds
    offsets: Bounds


class Ranges(NamedTuple):
    """Ranges of bytes, in order and apart, that windows cover which the row itself repeats."""

    starts: Bounds
    stops: Bounds
    offsets: Bounds


class WindowScratch(NamedTuple):
    """What is known of the present row; each array has room for the tokens of the longest."""

    levels: Hashes
    """Hashes of the runs of 1, then of 2, 4, 8, … tokens from each token on; at last of the windows."""
    grams: Hashes
    """Hashes of the runs of `gram` tokens from each token on."""
    prints: Hashes
    """Fingerprints of the row."""
    which: Bounds
    """Number of each window's fingerprint."""
    marks: Flags
    """Flags of each window: LISTED, REPEATED, or neither."""


def gram_of(length: int) -> int:
    """Tokens in the runs whose hashes are compared for a fingerprint: two fifths of a window.

    Longer runs make more fingerprints, shorter ones are repeated oftener by chance. Of 79 MB of pages, books
    and code in many languages, 25 tokens gave 952,000 fingerprints and 1,521,000 windows to compare, 20 gave
    807,000 and 1,597,000, 10 gave 618,000 and 1,976,000.
    """
    return max(1, 2 * length // 5)


def fingerprints(tokens: Tokens, length: int) -> Fingerprints:
    """Fingerprints of all windows of `length` tokens; of three or more equal ones in a row, two."""
    n, n_rows = len(tokens.hashes), len(tokens.offsets)
    out = Fingerprints(np.empty(n, np.int64), np.empty(n, np.int64), np.zeros(n_rows, np.int32))
    _fingerprint(tokens, length, gram_of(length), _scratch(tokens), out)
    n = int(out.offsets[-1])
    return Fingerprints(out.hashes[:n], out.bits[:n], out.offsets)


def windows(
    tokens: Tokens, begins: Bounds, wanted: Longs, length: int, every: bool
) -> tuple[Windows, Ranges]:
    """Windows whose fingerprints are in the `wanted` buckets of their rows (int64 [rows], 2^bucket, or-ed).

    `begins` (int32 [rows]) is where rows begin in the data. With `every`, the ranges hold also the first of
    the windows that a row repeats.
    """
    n, n_rows = len(tokens.hashes), len(tokens.offsets)
    checks, blocks, starts, stops = (np.empty(n, np.int32) for _ in range(4))
    listed = Windows(np.empty(n, np.int64), checks, blocks, starts, stops, np.zeros(n_rows, np.int32))
    own = Ranges(np.empty(n, np.int32), np.empty(n, np.int32), np.zeros(n_rows, np.int32))
    scratch = _scratch(tokens)
    seen = slots(len(scratch.which))
    _list(tokens, begins, wanted, length, gram_of(length), every, scratch, seen, listed, own)
    n, n_own = int(listed.offsets[-1]), int(own.offsets[-1])
    return (
        Windows._make([*(column[:n] for column in listed[:-1]), listed.offsets]),
        Ranges._make([*(column[:n_own] for column in own[:-1]), own.offsets]),
    )


def _scratch(tokens: Tokens) -> WindowScratch:
    n = int(np.diff(tokens.offsets).max(initial=0))
    levels, grams, prints = (np.empty(n, np.uint64) for _ in range(3))
    return WindowScratch(levels, grams, prints, np.empty(n, np.int32), np.empty(n, np.uint8))


@kernel
def _fingerprint(tokens: Tokens, length: Int, gram: Int, scratch: WindowScratch, out: Fingerprints) -> None:
    n: Int = np.int64(0)
    for row in range(len(tokens.offsets) - 1):
        n_prints = _winnow(tokens, row, length, gram, scratch)
        for i in range(n_prints):
            out.hashes[n], out.bits[n] = signed(scratch.prints[i]), np.int64(1) << i * N_BUCKETS // n_prints
            n += 1
        out.offsets[row + 1] = n


@kernel
def _list(
    tokens: Tokens, begins: Bounds, wanted: Longs, length: Int, gram: Int, every: bool,
    scratch: WindowScratch, seen: Slots, listed: Windows, own: Ranges,
) -> None:  # fmt: skip
    n: Int = np.int64(0)
    n_own: Int = np.int64(0)
    fresh: Int = np.int64(1)
    for row in range(len(wanted)):
        n_prints = _winnow(tokens, row, length, gram, scratch)
        first, begin = tokens.offsets[row], np.int64(begins[row])
        n_windows = max(np.int64(0), tokens.offsets[row + 1] - first - length + 1)
        _lengthen(scratch.levels, tokens.offsets[row + 1] - first, gram, length, scratch.levels)
        _meet(wanted[row], n_prints, n_windows, every, fresh, seen, scratch)
        fresh += n_windows
        row_own = n_own
        for i in range(n_windows):
            mark = scratch.marks[i]
            start, stop = tokens.starts[first + i] - begin, tokens.ends[first + i + length - 1] - begin
            if mark & LISTED:
                listed.hashes[n] = signed(scratch.levels[i])
                listed.checks[n] = np.int32(signed(scratch.prints[scratch.which[i]]) >> 32)
                listed.blocks[n], listed.starts[n], listed.stops[n] = i // length, start, stop
                n += 1
            if mark & REPEATED:
                if n_own == row_own or own.stops[n_own - 1] < start:
                    own.starts[n_own] = start
                    n_own += 1
                own.stops[n_own - 1] = stop
        listed.offsets[row + 1], own.offsets[row + 1] = n, n_own


@device
def _meet(
    wanted: np.int64,
    n_prints: Int,
    n_windows: Int,
    every: bool,
    fresh: Int,
    seen: Slots,
    scratch: WindowScratch,
) -> None:
    """Fill `marks` for a row; `fresh` is an id that is larger than all that were given before."""
    n: Int = np.int64(0)
    for i in range(n_windows):
        bucket = np.int64(scratch.which[i]) * N_BUCKETS // n_prints
        scratch.marks[i] = np.uint8(wanted >> bucket & 1)
        n += np.int64(scratch.marks[i])
    bits = bits_for(n)
    for i in range(n_windows):
        if scratch.marks[i]:
            before = number(seen, bits, fresh, scratch.levels[i], fresh + i) - fresh
            # Equal hashes have equal ids, and an id is the number of the first window that has it.
            if before < i:
                scratch.marks[i] = REPEATED
                if every:
                    scratch.marks[before] |= REPEATED


@device
def _winnow(tokens: Tokens, row: Int, length: Int, gram: Int, scratch: WindowScratch) -> Int:
    """Fill `grams`, `prints` and `which` for a row; returns the number of its fingerprints.

    Of equal hashes the last in a window counts: so each of two equal windows selects another place, and a run
    of one token's windows is found to repeat itself. That run has one hash at all its places: two are listed.
    """
    first, last = tokens.offsets[row], tokens.offsets[row + 1]
    for i in range(last - first):
        scratch.levels[i] = tokens.hashes[first + i]
    _lengthen(scratch.levels, last - first, 1, gram, scratch.grams)
    n: Int = np.int64(0)
    lowest: Int = np.int64(-1)
    within = length - gram
    # The least of a window is looked for anew only when it has left the window: otherwise the one gram that
    # enters is compared with it. On average that is two comparisons for a token.
    for i in range(last - first - length + 1):
        end, before = i + within, lowest
        if lowest < i:
            lowest = i
            for j in range(i + 1, end):
                lowest = j if scratch.grams[j] <= scratch.grams[lowest] else lowest
        lowest = end if scratch.grams[end] <= scratch.grams[lowest] else lowest
        print_ = scratch.grams[lowest]
        twice = n > 1 and scratch.prints[n - 1] == print_ and scratch.prints[n - 2] == print_
        if lowest != before and not twice:
            scratch.prints[n] = print_
            n += 1
        scratch.which[i] = n - 1
    return n


@device
def _lengthen(levels: Hashes, n: Int, have: Int, wanted: Int, out: Hashes) -> None:
    """`out`: hashes of runs of `wanted` tokens, from those in `levels` of runs of 2^j <= `have` tokens.

    Twice two runs that overlap are the whole run: so it takes few steps, and each is as strong as the hash
    of two words, while polynomials that roll collide on texts of two words (Thue-Morse).
    """
    # In place: `levels[i + run]` is read before the loop gets there and makes it longer.
    run: Int = np.int64(1)
    while 2 * run <= have:
        run *= 2
    while 2 * run <= wanted:
        for i in range(n - 2 * run + 1):
            levels[i] = combine(levels[i], levels[i + run])
        run *= 2
    rest = wanted - run
    for i in range(n - wanted + 1):
        out[i] = avalanche(combine(levels[i], levels[i + rest]))
