"""The units of documents as 64-bit hashes: what `keys` sends to the queries and `rewrite` looks up again."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.dedup.lines.units import Pieces, cut, pieces
from stages.text.buffers import Bytes, Offsets, view
from stages.text.hashing import signed, xxh64
from stages.text.kernel import Int, device, kernel
from stages.text.lines import strip
from stages.text.normal import GROWTH, Form, normalise
from stages.text.scan import count_chars
from stages.text.slots import Slots, bits_for, number, slots
from stages.text.words import next_word

Seeds = npt.NDArray[np.uint64]
"""uint64 [rows]: hash of each document's scope; equal units of different scopes have different hashes."""


class Cutting(NamedTuple):
    """What is compared."""

    how: int
    """See `stages.dedup.lines.units`."""
    span: int
    """Units in a row that are compared as one."""
    form: Form
    min_chars: int
    min_words: int
    repeats: int
    """Whether what a document says again is looked at: 0 or 1."""


class Room(NamedTuple):
    """Scratch for one document at a time."""

    pieces: Pieces
    text: Bytes
    """uint8: its units normalised, a space between them."""
    bounds: npt.NDArray[np.int64]
    """int64 [units, 2]: where each begins and ends in `text`."""
    hashes: Seeds
    """uint64 [spans]"""
    compared: npt.NDArray[np.uint8]
    """uint8 [spans]: 0 where it is never touched, 1 where the document says it first, 2 where again."""
    slots: Slots


def room_for(array: pa.StringArray, cutting: Cutting) -> Room:
    """Scratch for the rows of `array`."""
    room = pieces(array, cutting.how)
    n = len(room.starts)
    # Room for the worst case costs nothing: the system gives memory to pages that are written.
    text, bounds = np.empty(n * (GROWTH + 1) + 8, np.uint8), np.empty((n, 2), np.int64)
    return Room(room, text, bounds, np.empty(n, np.uint64), np.empty(n, np.uint8), slots(n))


def collect(
    array: pa.StringArray, seeds: Seeds, cutting: Cutting
) -> tuple[pa.ListArray, npt.NDArray[np.int64]]:
    """(list<int64>: the different hashes of each document, in the order in which it says them; null for null
    text, int64 [rows, 2]: spans that are never touched, spans said again).
    """
    rows, texts = len(array), view(array)
    hashes = np.empty(int(texts.offsets[-1]) - int(texts.offsets[0]) + rows, np.int64)
    ends, counts = np.zeros(rows + 1, np.int32), np.zeros((rows, 2), np.int64)
    _collect(*texts, seeds, cutting, room_for(array, cutting), hashes, ends, counts)
    values = pa.array(hashes[: int(ends[-1])].copy())
    return pa.ListArray.from_arrays(pa.array(ends), values, mask=pa.array(~texts.valid)), counts


@kernel
def _collect(
    data: Bytes, offsets: Offsets, valid: npt.NDArray[np.bool_], seeds: Seeds, cutting: Cutting, room: Room,
    out: npt.NDArray[np.int64], ends: Offsets, counts: npt.NDArray[np.int64],
) -> None:  # fmt: skip
    at: Int = np.int64(0)
    fresh: Int = np.int64(1)
    for row in range(len(valid)):
        if valid[row]:
            start, stop = np.int64(offsets[row]), np.int64(offsets[row + 1])
            n, fresh = compare(data, start, stop, seeds[row], cutting, room, row, fresh)
            for i in range(n - cutting.span + 1):
                counts[row, 0] += room.compared[i] == 0
                counts[row, 1] += room.compared[i] == 2 and cutting.repeats
                if room.compared[i] == 1:
                    out[np.uint64(at)] = signed(room.hashes[i])
                    at += 1
        ends[row + 1] = at


@device
def compare(
    data: Bytes, start: Int, stop: Int, seed: np.uint64, cutting: Cutting, room: Room, row: Int, fresh: Int
) -> tuple[Int, Int]:
    """Write the hashes of the spans of `data[start:stop]`, which is `row`: (units, the next free id).

    There are `span` - 1 spans less than units, and none of a document with fewer units than a span has.
    """
    n = cut(data, start, stop, cutting.how, room.pieces, row)
    at: Int = np.int64(0)
    for i in range(n):
        first, last = np.int64(room.pieces.starts[i]), np.int64(room.pieces.ends[i])
        room.bounds[i, 0] = at
        at = normalise(data, first, last, cutting.form, room.text, at)
        room.bounds[i, 1] = at
        room.text[np.uint64(at)] = 0x20
        at += 1
    bits, oldest = bits_for(n), fresh
    for i in range(n - cutting.span + 1):
        first, last = room.bounds[i, 0], room.bounds[i + cutting.span - 1, 1]
        room.compared[i] = 0
        if _is_long_enough(data, i, first, last, cutting, room):
            key = xxh64(room.text, first, last, seed)
            new = number(room.slots, bits, oldest, key, fresh) == fresh
            room.hashes[i] = key
            room.compared[i] = 1 if new else 2
            fresh += new
    return n, fresh


@device
def _is_long_enough(data: Bytes, i: Int, first: Int, last: Int, cutting: Cutting, room: Room) -> bool:
    if cutting.min_chars:
        inner, outer = strip(room.text, first, last)
        if outer - inner < cutting.min_chars or count_chars(room.text, inner, outer) < cutting.min_chars:
            return False
    if cutting.min_words:
        pieces = room.pieces
        start, stop = np.int64(pieces.starts[i]), np.int64(pieces.ends[i + cutting.span - 1])
        return has_words(data, start, stop, cutting.min_words)
    return True


@device
def has_words(data: Bytes, at: Int, stop: Int, wanted: Int) -> bool:
    """Whether `data[at:stop]` has that many words: see `stages.text.words`."""
    n: Int = np.int64(0)
    while n < wanted:
        _, at, n_chars, _ = next_word(data, at, stop)
        if n_chars == 0:
            return False
        n += 1
    return True
