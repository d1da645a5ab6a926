"""Text as datatrove compares it: lower case, numbers as 0, no punctuation and no marks.

Source: datatrove 0.10.1, `utils/text.py` (`simplify_text`). Text is made lower case, a number becomes 0,
    punctuation and white space one space, then everything is decomposed and loses its marks (NFD without Mn).
Differs: combining marks with a width of their own (25 of category Mc, in a few Indic scripts and in musical
    notation) stay in the order they were typed in.
"""

from __future__ import annotations

import unicodedata
from itertools import chain

import numpy as np
import numpy.typing as npt

from stages.text.buffers import Bytes
from stages.text.kernel import Int, device
from stages.text.marks import SYMBOLS, ranges
from stages.text.unicode import decode, two_stage
from stages.text.utf8 import encode

GROWTH = 3
"""Bytes of simplified text for each byte of the text, at most: a syllable of Hangul becomes three letters."""
_DROPPED, _BLANK, _DIGIT, _HANGUL, _SEVERAL = (n << 24 for n in range(1, 6))
"""What becomes of a character. A value below _DROPPED is the distance to the one character that it becomes.
From _SEVERAL on: the characters of `_PARTS` from (value - _SEVERAL) >> 2 on, as many as the last
two bits say."""
_FIRST_SYLLABLE, _LAST_SYLLABLE = 0xAC00, 0xD7A3
"""Syllables of Hangul, which are decomposed by arithmetic: a table would have 11,172 entries for them."""
_POINTS = np.array([ord(c) for c in ".,،٫⎖⎗⎘"], np.int64)
"""What may stand between the digits of a number."""
_LATER_DIGITS = (
    0x10D40, 0x116D0, 0x116DA, 0x11BF0, 0x11DE0, 0x11F50, 0x16130, 0x16D70, 0x1CCF0, 0x1E4F0, 0x1E5F1,
)  # fmt: skip
"""Zeros that Unicode got after version 14, which the `regex` package knows and interpreters may not."""


def _simplified() -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """What becomes of each character: (blocks and index of the table, `_PARTS`)."""
    table, parts = np.zeros(0x110000, np.int32), [0]
    digits = [zero + i for zero in _LATER_DIGITS for i in range(10)]
    for code in chain(range(0x3400), range(0xA000, 0xAC00), range(0xF900, 0x20000), range(0x2F800, 0x2FA20)):
        lowered = chr(code).lower()
        left = [ord(c) for c in unicodedata.normalize("NFD", lowered) if unicodedata.category(c) != "Mn"]
        if unicodedata.category(chr(code)) == "Nd":
            digits.append(code)
        elif chr(code).isspace():
            table[code] = _BLANK
        elif len(left) > 1:
            table[code] = _SEVERAL + (len(parts) << 2 | len(left))
            parts += left
        else:
            table[code] = left[0] - code if left else _DROPPED
    for first, last in ranges(SYMBOLS):
        table[first : last + 1] = _BLANK
    table[digits] = _DIGIT  # a full-width one is among the symbols, too, which come second
    table[0xE0100:0xE01F0] = _DROPPED
    table[_FIRST_SYLLABLE : _LAST_SYLLABLE + 1] = _HANGUL
    return *two_stage(table), np.array(parts, np.int32)


_INDEX, _TABLE, _PARTS = _simplified()
_ASCII = np.where(_TABLE[:128] < _DROPPED, np.arange(128) + _TABLE[:128], 0).astype(np.uint8)
_ASCII[_TABLE[:128] == _BLANK] = 0x20
"""uint8 [128]: what becomes of each character in ASCII; 0 for digits."""


@device
def simplify(data: Bytes, start: Int, stop: Int, out: Bytes) -> Int:
    """Write `data[start:stop]` simplified; gives its length. There may be one space at the end."""
    n: Int = np.int64(0)
    blank: Int = np.int64(1)
    position = start
    while position < stop:
        code, after = decode(data, position, stop)
        # Most text is ASCII: one look into 128 bytes, and no second table.
        if code < 0x80:
            value: Int = np.int64(_ASCII[np.uint64(code)])
            if value == 0:
                value, after = np.int64(0x30), _behind_number(data, after, stop)
            # Always written, and kept if no second space in a row: nothing for the processor to guess.
            out[np.uint64(n)] = value
            n += 1 - (blank & (value == 0x20))
            blank = np.int64(value == 0x20)
        else:
            value = _simple(code)
            if value == _BLANK:
                out[np.uint64(n)] = 0x20
                n += 1 - blank
                blank = np.int64(1)
            elif value != _DROPPED:
                if value == _DIGIT:
                    after = _behind_number(data, after, stop)
                n = _write(value, code, out, n)
                blank = np.int64(0)
        position = after
    return n


@device
def _simple(code: Int) -> Int:
    """What the table says of a character."""
    # Two stages: blocks of 128 characters that have the same values are stored once.
    return np.int64(_TABLE[np.uint64(np.int64(_INDEX[np.uint64(code >> 7)]) << 7 | code & 127)])


@device
def _behind_number(data: Bytes, position: Int, stop: Int) -> Int:
    """End of the number whose first digit ends at `position`: digits, or digits, a point and digits."""
    position = _behind_digits(data, position, stop)
    if position < stop:
        code, after = decode(data, position, stop)
        point = False
        for i in range(len(_POINTS)):
            point |= code == _POINTS[i]
        if point:
            end = _behind_digits(data, after, stop)
            return end if end > after else position
    return position


@device
def _behind_digits(data: Bytes, position: Int, stop: Int) -> Int:
    while position < stop:
        code, after = decode(data, position, stop)
        if _simple(code) != _DIGIT:
            break
        position = after
    return position


@device
def _write(value: Int, code: Int, out: Bytes, position: Int) -> Int:
    """Write what `code` becomes, `value` by the table; gives where it ends."""
    if value < _DROPPED:
        return encode(code + value, out, position)
    if value == _DIGIT:
        return encode(np.int64(0x30), out, position)
    if value == _HANGUL:  # arithmetic of the Unicode Standard, section 3.12
        syllable = code - _FIRST_SYLLABLE
        position = encode(0x1100 + syllable // 588, out, position)
        position = encode(0x1161 + syllable % 588 // 28, out, position)
        return encode(0x11A7 + syllable % 28, out, position) if syllable % 28 else position
    first = (value - _SEVERAL) >> 2
    for i in range(first, first + (value & 3)):
        position = encode(np.int64(_PARTS[i]), out, position)
    return position
