"""Phrases of menus (sign in, items in cart), cut out of a line while it is written to a buffer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stages.text.buffers import Bytes
from stages.text.kernel import Int, device
from stages.text.lines import strip
from stages.text.unicode import SPACE, char_class, decode, decode_before, lower

Codes = npt.NDArray[np.int32]


class Patterns(NamedTuple):
    """Phrases in lower case, one behind the other."""

    codes: Codes
    """int32 [characters of all]"""
    ends: Codes
    """int32 [phrases]: where each ends"""


class Menus(NamedTuple):
    """What is cut out, and where it must stand in the line."""

    prefixes: Patterns
    suffixes: Patterns
    anywhere: Patterns
    literal: bool
    """Else a dot in a phrase is any character, and white space at an end of the line hides a phrase."""


def patterns(phrases: Sequence[str]) -> Patterns:
    """Phrases as a kernel takes them."""
    lowered = [p.lower() for p in phrases]
    codes = np.array([ord(c) for p in lowered for c in p], np.int32)
    return Patterns(codes, np.cumsum([len(p) for p in lowered], dtype=np.int32))


@device
def edited(data: Bytes, start: Int, stop: Int, menus: Menus, out: Bytes, pos: Int) -> Int:
    """Write the line `data[start:stop]` to `out` from `pos` on, without the phrases; gives where it ends."""
    close = pos
    while start < stop:
        code, after = decode(data, start, stop)
        behind = _matches(data, start, stop, menus.anywhere, not menus.literal)
        if behind < 0 and char_class(code) & SPACE:
            behind = _matches(data, after, stop, menus.anywhere, not menus.literal)
        if behind > start:
            start = behind
        else:
            close = copy(data, start, after, out, close)
            start = after
    close = _without_suffix(out, pos, close, menus)
    first, last = strip(out, pos, close) if menus.literal else (pos, close)
    behind = _matches(out, first, last, menus.prefixes, not menus.literal)
    if behind < 0:
        return close
    if behind < close:
        code, after = decode(out, behind, close)
        behind = after if char_class(code) & SPACE else behind
    return copy(out, behind, close, out, pos)


@device
def _without_suffix(out: Bytes, start: Int, stop: Int, menus: Menus) -> Int:
    last = strip(out, start, stop)[1] if menus.literal else stop
    pos = _matches_before(out, start, last, menus.suffixes, not menus.literal)
    if pos < 0:
        return stop
    if pos > start:
        code, before = decode_before(out, start, pos)
        pos = before if char_class(code) & SPACE else pos
    return pos


@device
def _matches(data: Bytes, start: Int, stop: Int, phrases: Patterns, dots: bool) -> Int:
    """Where the first phrase that begins at `start` ends; -1 if none does."""
    first: Int = np.int64(0)
    for last in phrases.ends:
        pos, i = start, first
        while i < last and pos < stop:
            code, after = decode(data, pos, stop)
            if lower(code) != phrases.codes[i] and not (dots and phrases.codes[i] == 0x2E):
                break
            pos = after
            i += 1
        if i == last:
            return pos
        first = np.int64(last)
    return np.int64(-1)


@device
def _matches_before(data: Bytes, start: Int, stop: Int, phrases: Patterns, dots: bool) -> Int:
    """Where the first phrase that ends at `stop` begins; -1 if none does."""
    first: Int = np.int64(0)
    for last in phrases.ends:
        pos, i = stop, np.int64(last)
        while i > first and pos > start:
            code, before = decode_before(data, start, pos)
            if lower(code) != phrases.codes[i - 1] and not (dots and phrases.codes[i - 1] == 0x2E):
                break
            pos = before
            i -= 1
        if i == first:
            return pos
        first = np.int64(last)
    return np.int64(-1)


@device
def copy(data: Bytes, start: Int, stop: Int, out: Bytes, pos: Int) -> Int:
    for i in range(stop - start):
        out[np.uint64(pos + i)] = data[np.uint64(start + i)]
    return pos + stop - start
