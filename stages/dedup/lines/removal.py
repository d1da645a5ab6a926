"""Documents without the units that go."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.dedup.lines.hashes import Cutting, Room, Seeds, compare, has_words, room_for
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
    """bool [rows]: others stay as they are, and are not compared."""


def removed_of(lists: pa.ListArray) -> Removed:
    """From a column list<int64>, null where a document is not touched."""
    ends = lists.offsets.to_numpy().astype(np.int32)
    touched = lists.is_valid().to_numpy(zero_copy_only=False)
    hashes = lists.values.to_numpy()
    hashes.flags.writeable = False  # Numba would compile anew for arrays that happen to be writable
    return Removed(hashes, ends, touched)


def without(
    array: pa.StringArray, seeds: Seeds, removed: Removed, cutting: Cutting, min_words_removed: int
) -> tuple[pa.StringArray, Counts]:
    """(the texts without what goes, int64 [rows, 3]: units, units removed, bytes removed).

    A unit that stays brings the white space (or line feeds) before it; the first brings none. White space at
    the end of the text stays where anything does.
    """
    rows, texts, room = len(array), view(array), room_for(array, cutting)
    counts = np.zeros((rows, 3), np.int64)
    out = np.empty(int(texts.offsets[-1]) - int(texts.offsets[0]), np.uint8)
    ends, gone = np.zeros(rows + 1, np.int32), np.empty(len(room.compared), np.uint8)
    _remove(*texts, seeds, removed, cutting, min_words_removed, room, gone, out, ends, counts)
    kept, valid = pa.py_buffer(out[: int(ends[-1])]), pa.array(texts.valid).buffers()[1]
    return pa.StringArray.from_buffers(rows, pa.py_buffer(ends), kept, valid), counts


@kernel
def _remove(
    data: Bytes, offsets: Offsets, valid: npt.NDArray[np.bool_], seeds: Seeds, removed: Removed,
    cutting: Cutting, min_words_removed: Int, room: Room, gone: Flags, out: Bytes, ends: Offsets,
    counts: Counts,
) -> None:  # fmt: skip
    at: Int = np.int64(0)
    fresh: Int = np.int64(1)
    for row in range(len(valid)):
        start, stop = np.int64(offsets[row]), np.int64(offsets[row + 1])
        if valid[row]:
            begin = at
            n_gone: Int = np.int64(0)
            n: Int = np.int64(0)
            if not removed.touched[row]:
                n = cut(data, start, stop, cutting.how, room.pieces, row)
            else:
                n, fresh = compare(data, start, stop, seeds[row], cutting, room, row, fresh)
                n_gone = _mark(n, row, removed, cutting, room, gone)
                if min_words_removed and n_gone:
                    n_gone -= _spare(data, n, min_words_removed, room, gone)
            at = _write(data, start, stop, n, n_gone, room, gone, out, at)
            counts[row, N_BYTES_REMOVED] = stop - start - (at - begin)
            for i in range(n):
                some = cutting.how != EVERY_LINE or not is_blank(data, i, room.pieces)
                counts[row, N_UNITS] += some
                counts[row, N_REMOVED] += n_gone > 0 and some and gone[i]
        ends[row + 1] = at


@device
def _mark(n: Int, row: Int, removed: Removed, cutting: Cutting, room: Room, gone: Flags) -> Int:
    """Set `gone` for the units of every span that goes; gives their number."""
    n_gone: Int = np.int64(0)
    until: Int = np.int64(0)
    first, last = np.int64(removed.ends[row]), np.int64(removed.ends[row + 1])
    for i in range(n):
        if i <= n - cutting.span and room.compared[i]:
            again = room.compared[i] == 2 and cutting.repeats
            if again or _holds(removed.hashes, first, last, np.int64(room.hashes[i])):
                until = i + cutting.span
        gone[i] = i < until
        n_gone += i < until
    return n_gone


@device
def _holds(hashes: Counts, first: Int, last: Int, wanted: np.int64) -> bool:
    stop = last
    while first < last:
        middle = (first + last) // 2
        if hashes[middle] < wanted:
            first = middle + 1
        else:
            last = middle
    return bool(first < stop and hashes[first] == wanted)


@device
def _spare(data: Bytes, n: Int, min_words: Int, room: Room, gone: Flags) -> Int:
    """Keep runs of units that have fewer words; gives how many units that are."""
    spared: Int = np.int64(0)
    i: Int = np.int64(0)
    while i < n:
        first = i
        while i < n and gone[i]:
            i += 1
        if i > first:
            start, stop = np.int64(room.pieces.starts[first]), np.int64(room.pieces.ends[i - 1])
            if not has_words(data, start, stop, min_words):
                for j in range(first, i):
                    gone[j] = 0
                spared += i - first
        i += 1
    return spared


@device
def _write(
    data: Bytes, start: Int, stop: Int, n: Int, n_gone: Int, room: Room, gone: Flags, out: Bytes, at: Int
) -> Int:
    """Write what stays of `data[start:stop]` to `out` from `at` on; gives where it ends."""
    if n_gone == 0:
        return _copy(data, start, stop, out, at)
    end: Int = np.int64(-1)
    for i in range(n):
        if not gone[i]:
            first = np.int64(room.pieces.starts[i] if end < 0 else room.pieces.ends[i - 1])
            end = np.int64(room.pieces.ends[i])
            at = _copy(data, first, end, out, at)
    return at if end < 0 else _copy(data, np.int64(room.pieces.ends[n - 1]), stop, out, at)


@device
def _copy(data: Bytes, start: Int, stop: Int, out: Bytes, at: Int) -> Int:
    for i in range(stop - start):
        out[np.uint64(at + i)] = data[np.uint64(start + i)]
    return at + stop - start
