"""The units of documents as 64-bit hashes: what `keys` sends to the queries and `rewrite` looks up again."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.dedup.lines.units import UnitBounds, cut, unit_bounds
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
SHORT, FIRST, REPEATED = range(3)
"""Status of a span: too short to be compared; said for the first time by its document, or once more."""


class UnitSettings(NamedTuple):
    """The settings of a step, as kernels take them: what a unit is, and which are compared."""

    kind: int
    """Kind of unit: see `stages.dedup.lines.units`."""
    span: int
    """Number of units in a row that are compared as one."""
    form: Form
    """Normalisation in which they are compared."""
    min_chars: int
    min_words: int
    repeats: int
    """Whether a unit that the document has said before goes: 0 or 1."""


class UnitScratch(NamedTuple):
    """Scratch for one document at a time."""

    units: UnitBounds
    text: Bytes
    """uint8: its units normalised, a space between them."""
    bounds: npt.NDArray[np.int64]
    """int64 [units, 2]: where each begins and ends in `text`."""
    hashes: Seeds
    """uint64 [spans]: hash of the span from each unit on."""
    status: npt.NDArray[np.uint8]
    """uint8 [spans]: SHORT, FIRST or REPEATED."""
    slots: Slots


def scratch_for(array: pa.StringArray, settings: UnitSettings) -> UnitScratch:
    """Scratch for the rows of `array`."""
    units = unit_bounds(array, settings.kind)
    n = len(units.starts)
    # Arrays for the worst case cost nothing: the system gives memory to pages that are written.
    text, bounds = np.empty(n * (GROWTH + 1) + 8, np.uint8), np.empty((n, 2), np.int64)
    return UnitScratch(units, text, bounds, np.empty(n, np.uint64), np.empty(n, np.uint8), slots(n))


def collect(
    array: pa.StringArray, seeds: Seeds, settings: UnitSettings
) -> tuple[pa.ListArray, npt.NDArray[np.int64]]:
    """(list<int64>: the different hashes of each document, in the order in which it says them; null for null
    text, int64 [rows, 2]: spans that are never touched, spans said again).
    """
    rows, texts = len(array), view(array)
    hashes = np.empty(int(texts.offsets[-1]) - int(texts.offsets[0]) + rows, np.int64)
    ends, counts = np.zeros(rows + 1, np.int32), np.zeros((rows, 2), np.int64)
    _collect(*texts, seeds, settings, scratch_for(array, settings), hashes, ends, counts)
    values = pa.array(hashes[: int(ends[-1])].copy())
    return pa.ListArray.from_arrays(pa.array(ends), values, mask=pa.array(~texts.valid)), counts


@kernel
def _collect(
    data: Bytes, offsets: Offsets, valid: npt.NDArray[np.bool_], seeds: Seeds, settings: UnitSettings,
    scratch: UnitScratch, out: npt.NDArray[np.int64], ends: Offsets, counts: npt.NDArray[np.int64],
) -> None:  # fmt: skip
    n_out: Int = np.int64(0)
    fresh: Int = np.int64(1)
    for row in range(len(valid)):
        if valid[row]:
            start, stop = np.int64(offsets[row]), np.int64(offsets[row + 1])
            n, fresh = compare(data, start, stop, seeds[row], settings, scratch, row, fresh)
            for i in range(n - settings.span + 1):
                counts[row, 0] += scratch.status[i] == SHORT
                counts[row, 1] += scratch.status[i] == REPEATED and settings.repeats
                if scratch.status[i] == FIRST:
                    out[np.uint64(n_out)] = signed(scratch.hashes[i])
                    n_out += 1
        ends[row + 1] = n_out


@device
def compare(
    data: Bytes,
    start: Int,
    stop: Int,
    seed: np.uint64,
    settings: UnitSettings,
    scratch: UnitScratch,
    row: Int,
    fresh: Int,
) -> tuple[Int, Int]:
    """Write the hashes of the spans of `data[start:stop]`, the text of `row`: (units, the next free id).

    There are `span` - 1 spans less than units, and none of a document with fewer units than a span has.
    """
    n = cut(data, start, stop, settings.kind, scratch.units, row)
    position: Int = np.int64(0)
    for i in range(n):
        first, last = np.int64(scratch.units.starts[i]), np.int64(scratch.units.ends[i])
        scratch.bounds[i, 0] = position
        position = normalise(data, first, last, settings.form, scratch.text, position)
        scratch.bounds[i, 1] = position
        scratch.text[np.uint64(position)] = 0x20
        position += 1
    # Ids go on growing from document to document: slots of earlier ones count as empty, and none is cleared.
    bits, oldest = bits_for(n), fresh
    for i in range(n - settings.span + 1):
        first, last = scratch.bounds[i, 0], scratch.bounds[i + settings.span - 1, 1]
        scratch.status[i] = SHORT
        if _is_long_enough(data, i, first, last, settings, scratch):
            key = xxh64(scratch.text, first, last, seed)
            new = number(scratch.slots, bits, oldest, key, fresh) == fresh
            scratch.hashes[i] = key
            scratch.status[i] = FIRST if new else REPEATED
            fresh += new
    return n, fresh


@device
def _is_long_enough(
    data: Bytes, i: Int, first: Int, last: Int, settings: UnitSettings, scratch: UnitScratch
) -> bool:
    # Bytes are compared before characters are counted: most spans are decided by the cheap test.
    if settings.min_chars:
        inner, outer = strip(scratch.text, first, last)
        if outer - inner < settings.min_chars or count_chars(scratch.text, inner, outer) < settings.min_chars:
            return False
    if settings.min_words:
        units = scratch.units
        start, stop = np.int64(units.starts[i]), np.int64(units.ends[i + settings.span - 1])
        return has_words(data, start, stop, settings.min_words)
    return True


@device
def has_words(data: Bytes, position: Int, stop: Int, wanted: Int) -> bool:
    """Whether `data[position:stop]` has that many words: see `stages.text.words`."""
    n: Int = np.int64(0)
    while n < wanted:
        _, position, n_chars, _ = next_word(data, position, stop)
        if n_chars == 0:
            return False
        n += 1
    return True
