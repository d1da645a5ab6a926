"""How many sentences the lines of a text have, looked at only where one may end: other bytes are skipped."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stages.text.boundaries import (
    ENDS,
    S_EXTEND,
    S_FULL_STOP,
    S_SEPARATOR,
    S_TERMINAL,
    sentence_break,
)
from stages.text.buffers import Bytes, Offsets, byte
from stages.text.english import split_english
from stages.text.kernel import Int, device, kernel
from stages.text.lines import strip
from stages.text.scan import find
from stages.text.sentences import count_sentences as spacy
from stages.text.sentences import next_sentence
from stages.text.unicode import ALNUM, SPACE, char_class, decode, decode_before

Bounds = npt.NDArray[np.int32]
KINDS = ENDS - 1


@kernel
def count_sentences(
    data: Bytes, offsets: Offsets, valid: npt.NDArray[np.bool_], out: npt.NDArray[np.int64]
) -> None:
    """Sentences of the lines of each text, by Unicode's rules, which know all scripts."""
    for row in range(len(valid)):
        pos: Int = np.int64(offsets[row])
        end = np.int64(offsets[row + 1]) if valid[row] else pos
        while pos < end:
            stop = find(data, pos, end, np.int64(0x0A))
            out[row] += count_in_line(data, pos, stop)
            pos = stop + 1


@kernel
def count_english_sentences(
    data: Bytes, offsets: Offsets, valid: npt.NDArray[np.bool_], starts: Bounds, stops: Bounds,
    out: npt.NDArray[np.int64],
) -> None:  # fmt: skip
    """Sentences of the lines of each text, as spaCy's sentencizer counts them; two arrays are scratch for the
    tokens of a line, of which there are at most as many as bytes."""
    for row in range(len(valid)):
        pos: Int = np.int64(offsets[row])
        end = np.int64(offsets[row + 1]) if valid[row] else pos
        while pos < end:
            stop = find(data, pos, end, np.int64(0x0A))
            out[row] += _count_english_in_line(data, pos, stop, starts, stops)
            pos = stop + 1


@device
def count_in_line(data: Bytes, pos: Int, stop: Int) -> Int:
    """Sentences of the line `data[pos:stop]` by Unicode's rules."""
    pos, stop = strip(data, pos, stop)
    n: Int = np.int64(pos < stop)
    while True:
        begin = _next_end(data, pos, stop)
        if begin == stop:
            return n
        while begin > pos:  # the rules look at the character before, without its marks
            code, begin = decode_before(data, pos, begin)
            if sentence_break(code) & KINDS != S_EXTEND:
                break
        pos = next_sentence(data, begin, stop)
        n += pos < stop


@device
def _count_english_in_line(data: Bytes, pos: Int, stop: Int, starts: Bounds, stops: Bounds) -> Int:
    pos, stop = strip(data, pos, stop)
    n: Int = np.int64(pos < stop)
    while True:
        mark = _next_end(data, pos, stop)
        if mark == stop:
            return n
        begin = mark
        while begin > pos and not char_class(decode_before(data, pos, begin)[0]) & SPACE:
            begin = decode_before(data, pos, begin)[1]
        pos = _settled(data, mark, stop)
        n += spacy(data, starts, stops, 0, split_english(data, begin, pos, starts, stops, 0)) - 1


@device
def _next_end(data: Bytes, pos: Int, stop: Int) -> Int:
    """Where the first character from `pos` on stands that may end a sentence; `stop` if there is none."""
    while pos < stop:
        lead = byte(data, pos)
        if lead == 0x2E or lead == 0x3F or lead == 0x21 or lead < 0x20:
            return pos
        if lead < 0x80:
            pos += 1
            continue
        code, after = decode(data, pos, stop)
        kind = sentence_break(code)
        if kind & ENDS or kind & KINDS in (S_FULL_STOP, S_TERMINAL, S_SEPARATOR):
            return pos
        pos = after
    return stop


@device
def _settled(data: Bytes, pos: Int, stop: Int) -> Int:
    """The end of the first run without white space, behind that of `pos`, that has a letter or digit and
    nothing that may end a sentence: whether one began is known there."""
    while True:
        while pos < stop and not char_class(decode(data, pos, stop)[0]) & SPACE:
            pos = decode(data, pos, stop)[1]
        while pos < stop and char_class(decode(data, pos, stop)[0]) & SPACE:
            pos = decode(data, pos, stop)[1]
        if pos == stop:
            return stop
        first, some = pos, False
        while pos < stop:
            code, after = decode(data, pos, stop)
            if char_class(code) & SPACE:
                break
            some |= char_class(code) & ALNUM != 0
            pos = after
        if some and _next_end(data, first, pos) == pos:
            return pos
