"""Characters in UTF-8 bytes: decoding, classes, lower case. Built from the interpreter's own Unicode tables.

A class is a set of flags; the tables are two-stage (a block of 128 code points is stored once, however often
it occurs), so all of Unicode takes about 50 kB.
"""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.text.buffers import Bytes, byte
from stages.text.kernel import Int, constants, device

LETTER = 1
"""`str.isalpha`: general category L*."""
ALNUM = 2
"""`str.isalnum`"""
SPACE = 4
"""`str.isspace`"""
SEPARATOR = 8
"""Ends a word: SPACE, and the punctuation and symbols of the CJK blocks, which stand without spaces."""
PUNCTUATION = 16
"""General category P*."""
MARK = 32
"""General category M*: belongs to the character before."""
IDEOGRAPH = 64
"""A word of its own: CJK ideographs and kana."""
UPPER = 128
"""Has another lower-case character."""

REPLACEMENT = 0xFFFD

_CJK_MARKS = ((0x3000, 0x303F), (0x30FB, 0x30FB), (0xFE30, 0xFE6F), (0xFF00, 0xFFEF))
_CJK_WORDS = (
    (0x3005, 0x3007),  # 々〆〇
    (0x3040, 0x30FF),  # hiragana, katakana
    (0x31F0, 0x31FF),  # katakana extensions
    (0x3400, 0x4DBF),  # extension A
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),  # compatibility
    (0xFF66, 0xFF9F),  # halfwidth katakana
    (0x1AFF0, 0x1B16F),  # kana supplements
    (0x20000, 0x3FFFF),  # the ideographic planes
)
_ASSIGNED = (range(0x40000), range(0xE0000, 0xE1000))
"""The rest of Unicode is private use or unassigned, without properties."""


Table = npt.NDArray[np.int32]


def _tables() -> tuple[npt.NDArray[Any], ...]:
    classes, shifts = np.zeros(0x110000, np.int32), np.zeros(0x110000, np.int32)
    for part in _ASSIGNED:
        chars = list(map(chr, part))
        codes = np.array(part, np.int32)
        category = np.array([c[0] for c in map(unicodedata.category, chars)])
        space, alnum = np.array(list(map(str.isspace, chars))), np.array(list(map(str.isalnum, chars)))
        # The first character of `lower` is the simple mapping; only İ has more (i and a dot above).
        shift = np.array([ord(c.lower()[0]) for c in chars], np.int32) - codes
        mark = within(codes, _CJK_MARKS) & np.isin(category, ["P", "S"])
        classes[part.start : part.stop] = (
            LETTER * (category == "L")
            | ALNUM * alnum
            | SPACE * space
            | SEPARATOR * (space | mark)
            | PUNCTUATION * (category == "P")
            | MARK * (category == "M")
            | IDEOGRAPH * (alnum & within(codes, _CJK_WORDS))
            | UPPER * (shift != 0)
        )
        shifts[part.start : part.stop] = shift
    index, blocks = two_stage(classes)
    return index, blocks.astype(np.uint8), *two_stage(shifts)


def within(codes: Table, ranges: tuple[tuple[int, int], ...]) -> npt.NDArray[np.bool_]:
    """Which of `codes` lie in one of `ranges`, first and last included."""
    inside = np.zeros(len(codes), np.bool_)
    for first, last in ranges:
        inside |= (first <= codes) & (codes <= last)
    return inside


def two_stage(values: Table) -> tuple[npt.NDArray[np.uint16], Table]:
    """`values` of all code points as (number of each block of 128, the different blocks in a row)."""
    blocks: dict[bytes, int] = {}
    index = [blocks.setdefault(block.tobytes(), len(blocks)) for block in values.reshape(-1, 128)]
    return np.array(index, np.uint16), np.frombuffer(b"".join(blocks), np.int32)


_CLASS_INDEX, _CLASS, _SHIFT_INDEX, _SHIFT = constants(4, _tables)


@device
def decode(data: Bytes, pos: Int, stop: Int) -> tuple[Int, Int]:
    """The character that starts at `pos` < `stop`: (code point, where the next one starts).

    Never reads at or behind `stop`. A byte that starts no character is U+FFFD and one byte long.
    """
    lead = byte(data, pos)
    if lead < 0x80:
        return lead, pos + 1
    # 0xC0, 0xC1 and 0xF5 on start no character. Continuing bytes are not checked: Arrow's text is valid, and
    # of other bytes any code point does, as long as nothing behind `stop` is read.
    if 0xC2 <= lead < 0xE0 and pos + 2 <= stop:
        return (lead & 0x1F) << 6 | byte(data, pos + 1) & 0x3F, pos + 2
    if 0xE0 <= lead < 0xF0 and pos + 3 <= stop:
        middle = byte(data, pos + 1) & 0x3F
        return (lead & 0x0F) << 12 | middle << 6 | byte(data, pos + 2) & 0x3F, pos + 3
    if 0xF0 <= lead < 0xF5 and pos + 4 <= stop:
        high = (byte(data, pos + 1) & 0x3F) << 12 | (byte(data, pos + 2) & 0x3F) << 6
        code = (lead & 0x07) << 18 | high | byte(data, pos + 3) & 0x3F
        return min(code, np.int64(0x10FFFF)), pos + 4
    return np.int64(REPLACEMENT), pos + 1


@device
def decode_before(data: Bytes, start: Int, pos: Int) -> tuple[Int, Int]:
    """The character that ends at `pos` > `start`: (code point, where it starts)."""
    before = pos - 1
    while before > start and byte(data, before) & 0xC0 == 0x80:
        before -= 1
    code, _ = decode(data, before, pos)
    return code, before


@device
def char_class(code: Int) -> Int:
    """The flags of a code point."""
    if code < 0x80:
        # Block 0 is the first of the blocks, so that ASCII needs one load instead of two.
        return np.int64(_CLASS[np.uint64(code)])
    return np.int64(_CLASS[np.uint64(np.int64(_CLASS_INDEX[np.uint64(code >> 7)]) << 7 | code & 127)])


@device
def lower(code: Int) -> Int:
    """The code point in lower case: Unicode's simple mapping, one character to one, no context."""
    if code < 0x80:
        return code + 32 if 0x41 <= code <= 0x5A else code
    return code + np.int64(_SHIFT[np.uint64(np.int64(_SHIFT_INDEX[np.uint64(code >> 7)]) << 7 | code & 127)])
