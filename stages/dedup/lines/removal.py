"""Documents without the units that go."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.dedup.lines.hashes import (
    REPEATED,
    Seeds,
    UnitScratch,
    UnitSettings,
    compare,
    has_words,
    scratch_for,
)
from stages.dedup.lines.units import EVERY_LINE, cut, is_blank
from stages.text.buffers import Bytes, Offsets, view
from stages.text.kernel import Int, device, kernel

N_UNITS, N_REMOVED, N_BYTES_REMOVED = range(3)
Flags = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]


class Removed(NamedTuple):
    """The hashes that go from each document; those of row i are `hashes[ends[i]:ends[i + 1]]`, ascending."""

    hashes: Counts
    ends: Offsets
    touched: npt.NDArray[np.bool_]
    """bool [rows]: documents that lose something; the others stay as they are, and are not compared."""


def removed_of(lists: pa.ListArray) -> Removed:
    """From a column list<int64>, null where a document is not touched."""
    ends = lists.offsets.to_numpy().astype(np.int32)
    touched = lists.is_valid().to_numpy(zero_copy_only=False)
    hashes = lists.values.to_numpy()
    hashes.flags.writeable = False  # Numba would compile anew for arrays that happen to be writable
    return Removed(hashes, ends, touched)


def without(
    array: pa.StringArray, seeds: Seeds, removed: Removed, settings: UnitSettings, min_words_removed: int
) -> tuple[pa.StringArray, Counts]:
    """(the texts without what goes, int64 [rows, 3]: units, units removed, bytes removed).

    A unit that stays brings the white space (or line feeds) before it; the first brings none. White space at
    the end of the text stays where anything does.
    """
    rows, texts, scratch = len(array), view(array), scratch_for(array, settings)
    counts = np.zeros((rows, 3), np.int64)
    out = np.empty(int(texts.offsets[-1]) - int(texts.offsets[0]), np.uint8)
    ends, gone = np.zeros(rows + 1, np.int32), np.empty(len(scratch.status), np.uint8)
    _remove(*texts, seeds, removed, settings, min_words_removed, scratch, gone, out, ends, counts)
    kept, valid = pa.py_buffer(out[: int(ends[-1])]), pa.array(texts.valid).buffers()[1]
    return pa.StringArray.from_buffers(rows, pa.py_buffer(ends), kept, valid), counts


@kernel
def _remove(
    data: Bytes, offsets: Offsets, valid: npt.NDArray[np.bool_], seeds: Seeds, removed: Removed,
    settings: UnitSettings, min_words_removed: Int, scratch: UnitScratch, gone: Flags, out: Bytes,
    ends: Offsets, counts: Counts,
) -> None:  # fmt: skip
    n_out: Int = np.int64(0)
    fresh: Int = np.int64(1)
    for row in range(len(valid)):
        start, stop = np.int64(offsets[row]), np.int64(offsets[row + 1])
        if valid[row]:
            begin = n_out
            n_gone: Int = np.int64(0)
            n: Int = np.int64(0)
            if not removed.touched[row]:
                n = cut(data, start, stop, settings.kind, scratch.units, row)
            else:
                n, fresh = compare(data, start, stop, seeds[row], settings, scratch, row, fresh)
                n_gone = _mark(n, row, removed, settings, scratch, gone)
                if min_words_removed and n_gone:
                    n_gone -= _spare(data, n, min_words_removed, scratch, gone)
            n_out = _write(data, start, stop, n, n_gone, scratch, gone, out, n_out)
            counts[row, N_BYTES_REMOVED] = stop - start - (n_out - begin)
            for i in range(n):
                some = settings.kind != EVERY_LINE or not is_blank(data, i, scratch.units)
                counts[row, N_UNITS] += some
                counts[row, N_REMOVED] += n_gone > 0 and some and gone[i]
        ends[row + 1] = n_out


@device
def _mark(
    n: Int, row: Int, removed: Removed, settings: UnitSettings, scratch: UnitScratch, gone: Flags
) -> Int:
    """Set `gone` for the units of every span that goes; gives their number."""
    # Spans overlap: it is enough to know how far the spans reach that went so far.
    n_gone: Int = np.int64(0)
    until: Int = np.int64(0)
    first, last = np.int64(removed.ends[row]), np.int64(removed.ends[row + 1])
    for i in range(n):
        if i <= n - settings.span and scratch.status[i]:
            is_repeat = scratch.status[i] == REPEATED and settings.repeats
            if is_repeat or _holds(removed.hashes, first, last, np.int64(scratch.hashes[i])):
                until = i + settings.span
        gone[i] = i < until
        n_gone += i < until
    return n_gone


@device
def _holds(hashes: Counts, first: Int, last: Int, wanted: np.int64) -> bool:
    """Whether `wanted` is among the ascending `hashes[first:last]`."""
    stop = last
    while first < last:
        middle = (first + last) // 2
        if hashes[middle] < wanted:
            first = middle + 1
        else:
            last = middle
    return bool(first < stop and hashes[first] == wanted)


@device
def _spare(data: Bytes, n: Int, min_words: Int, scratch: UnitScratch, gone: Flags) -> Int:
    """Keep runs of units that have fewer words; gives how many units that are."""
    spared: Int = np.int64(0)
    i: Int = np.int64(0)
    while i < n:
        first = i
        while i < n and gone[i]:
            i += 1
        if i > first:
            start, stop = np.int64(scratch.units.starts[first]), np.int64(scratch.units.ends[i - 1])
            if not has_words(data, start, stop, min_words):
                for j in range(first, i):
                    gone[j] = 0
                spared += i - first
        i += 1
    return spared


@device
def _write(
    data: Bytes,
    start: Int,
    stop: Int,
    n: Int,
    n_gone: Int,
    scratch: UnitScratch,
    gone: Flags,
    out: Bytes,
    position: Int,
) -> Int:
    """Write what stays of `data[start:stop]` to `out` from `position` on; gives where it ends."""
    # Most documents lose nothing: one copy, without a look at their units.
    if n_gone == 0:
        return _copy(data, start, stop, out, position)
    end: Int = np.int64(-1)
    for i in range(n):
        if not gone[i]:
            first = np.int64(scratch.units.starts[i] if end < 0 else scratch.units.ends[i - 1])
            end = np.int64(scratch.units.ends[i])
            position = _copy(data, first, end, out, position)
    return position if end < 0 else _copy(data, np.int64(scratch.units.ends[n - 1]), stop, out, position)


@device
def _copy(data: Bytes, start: Int, stop: Int, out: Bytes, position: Int) -> Int:
    for i in range(stop - start):
        out[np.uint64(position + i)] = data[np.uint64(start + i)]
    return position + stop - start
