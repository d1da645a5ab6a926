"""Cutting a text into the units that are compared: lines, paragraphs, sentences."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.text.boundaries import ENDS, sentence_break
from stages.text.buffers import Bytes, Offsets, byte, view
from stages.text.kernel import Int, device, kernel
from stages.text.lines import strip
from stages.text.segments import BLANK, NEWLINE, next_segment
from stages.text.sentences import all_marks, next_sentence
from stages.text.table import words
from stages.text.unicode import decode

Unit: TypeAlias = Literal["line", "paragraph", "sentence", "span"]
"""`line`: between line feeds; `paragraph`: between blank lines; `sentence`; `span`: sentences in a row."""
Sentences: TypeAlias = Literal["unicode", "english"]
"""`unicode`: UAX #29, any language; `english`: as spaCy's sentencizer ends them in English tokens."""

Bounds = npt.NDArray[np.int32]
EVERY_LINE, LINE, PARAGRAPH, SENTENCE, ENGLISH = range(5)
"""Kinds of units. White space alone is a unit of EVERY_LINE; of the others it stands between units."""
_SPACE = 0x20


class UnitBounds(NamedTuple):
    """Bounds of the units of one document at a time, and of the tokens of all where sentences need them."""

    starts: Bounds
    """int32 [units]: first byte, in the data."""
    ends: Bounds
    """int32 [units]: the byte behind the last."""
    token_starts: Bounds
    token_ends: Bounds
    token_offsets: npt.NDArray[np.int64]
    """int64 [rows + 1]: see `stages.text.table.Words`."""


def unit_bounds(array: pa.StringArray, kind: int) -> UnitBounds:
    """Room for the units of any row of `array`."""
    n = int(np.diff(view(array).offsets).max(initial=0)) + 1
    # Arrays for the worst case cost nothing: the system gives memory to pages that are written.
    starts, ends = np.empty(n, np.int32), np.empty(n, np.int32)
    tokens = words(array if kind == ENGLISH else array[:0], "english")
    return UnitBounds(starts, ends, tokens.starts, tokens.ends, tokens.offsets)


def unit_kind(unit: Unit, sentences: Sentences, blank: bool) -> int:
    """The kind of unit that the settings mean; `blank` says whether blank lines are lines."""
    if unit == "line":
        return EVERY_LINE if blank else LINE
    if unit == "paragraph":
        return PARAGRAPH
    return ENGLISH if sentences == "english" else SENTENCE


def n_units(array: pa.StringArray, kind: int) -> npt.NDArray[np.int64]:
    """int64 [rows]: the units of each text, blank ones not counted; 0 for null."""
    counted = np.zeros(len(array), np.int64)
    _count(*view(array), kind, unit_bounds(array, kind), counted)
    return counted


@kernel
def _count(
    data: Bytes, offsets: Offsets, valid: npt.NDArray[np.bool_], kind: Int, units: UnitBounds,
    out: npt.NDArray[np.int64],
) -> None:  # fmt: skip
    for row in range(len(out)):
        if valid[row]:
            out[row] = cut(data, np.int64(offsets[row]), np.int64(offsets[row + 1]), kind, units, row)
            for i in range(out[row] if kind == EVERY_LINE else 0):
                out[row] -= is_blank(data, i, units)


@device
def is_blank(data: Bytes, i: Int, units: UnitBounds) -> bool:
    """Whether unit `i` is white space alone."""
    first, last = strip(data, np.int64(units.starts[i]), np.int64(units.ends[i]))
    return bool(first == last)


@device
def cut(data: Bytes, start: Int, stop: Int, kind: Int, units: UnitBounds, row: Int) -> Int:
    """Write the bounds of the units of `data[start:stop]`, the text of `row`, to `units`; gives their number.

    A line or paragraph keeps the white space at its ends, a sentence does not.
    """
    if kind == ENGLISH:
        return _cut_english(data, units.token_offsets[row], units.token_offsets[row + 1], units)
    n: Int = np.int64(0)
    position = start
    while position < stop or (position == stop and kind == EVERY_LINE and start < stop):
        if kind == SENTENCE:
            after = next_sentence(data, position, stop)
            first, last = strip(data, position, after)
            some = first < last
        else:
            first, last, after = next_segment(data, position, stop, BLANK if kind == PARAGRAPH else NEWLINE)
            some = kind == EVERY_LINE or strip(data, first, last)[0] < last
        if some:
            units.starts[np.uint64(n)], units.ends[np.uint64(n)] = first, last
            n += 1
        position = after
    return n


@device
def _cut_english(data: Bytes, first: Int, last: Int, units: UnitBounds) -> Int:
    """Sentences of the tokens `first` to `last`: `stages.text.sentences.count_sentences`, but written."""
    n: Int = np.int64(0)
    ended = True
    for i in range(first, last):
        start, end = np.int64(units.token_starts[i]), np.int64(units.token_ends[i])
        gap = start - np.int64(units.token_ends[i - 1]) if i > first else np.int64(0)
        begins = i == first or (ended and (gap > 1 or (gap == 1 and byte(data, start - 1) != _SPACE)))
        ended = ended and not begins
        code, after = decode(data, start, end)
        if sentence_break(code) & ENDS and after == end:
            ended = True
        elif ended and not all_marks(data, start, end):
            begins, ended = True, False
        if begins:
            units.starts[n] = start
            n += 1
        units.ends[n - 1] = end
    return n
