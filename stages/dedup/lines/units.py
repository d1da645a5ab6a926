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
"""Ways to cut. White space alone is a unit for EVERY_LINE, and for the others stands between units."""
_SPACE = 0x20


class Pieces(NamedTuple):
    """Scratch for the units of one document at a time, and the tokens of all where sentences need them."""

    starts: Bounds
    """int32 [units]: first byte, in the data."""
    ends: Bounds
    """int32 [units]: the byte behind the last."""
    token_starts: Bounds
    token_ends: Bounds
    token_offsets: npt.NDArray[np.int64]
    """int64 [rows + 1]: see `stages.text.table.Words`."""


def pieces(array: pa.StringArray, how: int) -> Pieces:
    """Scratch for the rows of `array`."""
    n = int(np.diff(view(array).offsets).max(initial=0)) + 1
    # Room for the worst case costs nothing: the system gives memory to pages that are written.
    starts, ends = np.empty(n, np.int32), np.empty(n, np.int32)
    tokens = words(array if how == ENGLISH else array[:0], "english")
    return Pieces(starts, ends, tokens.starts, tokens.ends, tokens.offsets)


def cutting(unit: Unit, sentences: Sentences, blank: bool) -> int:
    """The way to cut; `blank` says whether blank lines are lines."""
    if unit == "line":
        return EVERY_LINE if blank else LINE
    if unit == "paragraph":
        return PARAGRAPH
    return ENGLISH if sentences == "english" else SENTENCE


def n_units(array: pa.StringArray, how: int) -> npt.NDArray[np.int64]:
    """int64 [rows]: the units of each text, blank ones not counted; 0 for null."""
    counted = np.zeros(len(array), np.int64)
    _count(*view(array), how, pieces(array, how), counted)
    return counted


@kernel
def _count(
    data: Bytes, offsets: Offsets, valid: npt.NDArray[np.bool_], how: Int, room: Pieces,
    out: npt.NDArray[np.int64],
) -> None:  # fmt: skip
    for row in range(len(out)):
        if valid[row]:
            out[row] = cut(data, np.int64(offsets[row]), np.int64(offsets[row + 1]), how, room, row)
            for i in range(out[row] if how == EVERY_LINE else 0):
                out[row] -= is_blank(data, i, room)


@device
def is_blank(data: Bytes, i: Int, room: Pieces) -> bool:
    """Whether unit `i` is white space alone."""
    first, last = strip(data, np.int64(room.starts[i]), np.int64(room.ends[i]))
    return bool(first == last)


@device
def cut(data: Bytes, start: Int, stop: Int, how: Int, room: Pieces, row: Int) -> Int:
    """Write where the units of `data[start:stop]`, which is `row`, begin and end; gives their number.

    A line or paragraph keeps the white space at its ends, a sentence does not.
    """
    if how == ENGLISH:
        return _cut_english(data, room.token_offsets[row], room.token_offsets[row + 1], room)
    n: Int = np.int64(0)
    at = start
    while at < stop or (at == stop and how == EVERY_LINE and start < stop):
        if how == SENTENCE:
            after = next_sentence(data, at, stop)
            first, last = strip(data, at, after)
            some = first < last
        else:
            first, last, after = next_segment(data, at, stop, BLANK if how == PARAGRAPH else NEWLINE)
            some = how == EVERY_LINE or strip(data, first, last)[0] < last
        if some:
            room.starts[np.uint64(n)], room.ends[np.uint64(n)] = first, last
            n += 1
        at = after
    return n


@device
def _cut_english(data: Bytes, first: Int, last: Int, room: Pieces) -> Int:
    """Sentences of the tokens `first` to `last`: `stages.text.sentences.count_sentences`, written down."""
    n: Int = np.int64(0)
    ended = True
    for i in range(first, last):
        start, end = np.int64(room.token_starts[i]), np.int64(room.token_ends[i])
        gap = start - np.int64(room.token_ends[i - 1]) if i > first else np.int64(0)
        begins = i == first or (ended and (gap > 1 or (gap == 1 and byte(data, start - 1) != _SPACE)))
        ended = ended and not begins
        code, after = decode(data, start, end)
        if sentence_break(code) & ENDS and after == end:
            ended = True
        elif ended and not all_marks(data, start, end):
            begins, ended = True, False
        if begins:
            room.starts[n] = start
            n += 1
        room.ends[n - 1] = end
    return n
