"""What `stages.text.english` cuts off the ends of a chunk and out of its middle: character by character.

The classes are those of spaCy 3.8 (`lang/char_classes.py`), written as Unicode categories within blocks. It
knows the letters of some scripts only, and the symbols of Unicode 11: later emoji are ordinary characters.
"""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.text.buffers import Bytes, byte
from stages.text.english_exceptions import exception_table, find
from stages.text.kernel import Int, constants, device
from stages.text.unicode import Table, decode, decode_before, two_stage, within

PREFIX = 1
"""Cut off the front."""
SUFFIX = 2
"""Cut off the end."""
ALPHA = 4
"""A letter of a script that is known."""
LOWER = 8
"""ALPHA, and lower case or of a script without case."""
UPPER = 16
"""ALPHA, and upper case or of a script without case."""
QUOTE = 32
SYMBOL = 64
"""Cut out wherever it is."""
BEFORE_STOP = 128
"""A full stop behind it is cut off."""
DIGIT = 256
"""ASCII only."""
JOINT = 512
"""May be cut out of the middle, depending on what surrounds it."""

_CASED = (
    (0x41, 0x5A), (0x61, 0x7A), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x1BF), (0x1C4, 0x2AF),  # Latin
    (0x386, 0x386), (0x388, 0x38A), (0x38C, 0x38C), (0x38E, 0x38F), (0x391, 0x3A9), (0x3AC, 0x3AF),
    (0x3B1, 0x3C9), (0x3CC, 0x3CE),  # Greek
    (0x400, 0x401), (0x403, 0x40A), (0x40C, 0x40D), (0x410, 0x451), (0x453, 0x45A), (0x45C, 0x45D),
    (0x490, 0x491), (0x496, 0x497), (0x4A2, 0x4A3), (0x4AE, 0x4AF), (0x4BA, 0x4BB), (0x4D8, 0x4D9),
    (0x4E8, 0x4E9),  # Cyrillic
    (0x1D00, 0x1D25), (0x1D6B, 0x1D77), (0x1D79, 0x1D9A), (0x1E00, 0x1EFF), (0x2C60, 0x2C7B),
    (0x2C7E, 0x2C7F), (0xA722, 0xA76F), (0xA771, 0xA787), (0xA78B, 0xA78E), (0xA790, 0xA7B9),
    (0xA7FA, 0xA7FA), (0xAB30, 0xAB5A), (0xAB60, 0xAB64), (0xFF21, 0xFF3A), (0xFF41, 0xFF5A),
)  # fmt: skip
_CASELESS = (
    (0x591, 0x5F4), (0xFB1D, 0xFB4F),  # Hebrew
    (0x620, 0x64A), (0x66E, 0x6D5), (0x6E5, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8BD), (0xFB50, 0xFBB1),
    (0xFBD3, 0xFD3D), (0xFD50, 0xFDC7), (0xFDF0, 0xFDFB), (0xFE70, 0xFEFC), (0x1EE00, 0x1EEBB),  # Arabic
    (0x900, 0x9FF), (0xB80, 0xCFF), (0xD80, 0xDFF), (0x1200, 0x137F),  # India, Sri Lanka, Ethiopia
    (0x1100, 0x11FF), (0xAC00, 0xD7AF),  # Hangul
    (0x2E80, 0x2FDF), (0x2FF0, 0x30FF), (0x31C0, 0x31EF), (0x3200, 0x4DBF), (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF), (0xFE30, 0xFE4F), (0x1F200, 0x1F2FF), (0x20000, 0x2A6DF), (0x2A700, 0x2EBEF),
    (0x2F800, 0x2FA1F),  # Chinese, Japanese
)  # fmt: skip
_LATER_SYMBOLS = (
    (0x166D, 0x166D), (0x2B97, 0x2B97), (0x2BC9, 0x2BC9), (0x2BFF, 0x2BFF), (0x2E50, 0x2E51),
    (0x2FFC, 0x2FFF), (0x31E4, 0x31EF), (0x32FF, 0x32FF), (0xFD40, 0xFD4F), (0xFDCF, 0xFDCF),
    (0xFDFE, 0xFDFF), (0x1019C, 0x1019C), (0x11FD5, 0x11FF1), (0x1CC00, 0x1CFC3), (0x1D1E9, 0x1D1EA),
    (0x1E14F, 0x1E14F), (0x1ED2E, 0x1ED2E), (0x1F10D, 0x1F10F), (0x1F16C, 0x1F16F), (0x1F1AD, 0x1F1AD),
    (0x1F6D5, 0x1F6DF), (0x1F6FA, 0x1F6FF), (0x1F774, 0x1F77F), (0x1F7D9, 0x1F7FF), (0x1F8AE, 0x1F8FF),
    (0x1F90C, 0x1F90F), (0x1F93F, 0x1F93F), (0x1F971, 0x1F972), (0x1F977, 0x1F979), (0x1F97B, 0x1F97B),
    (0x1F9A3, 0x1F9AF), (0x1F9BA, 0x1F9BF), (0x1F9C3, 0x1F9CF), (0x1FA00, 0x1FA5F), (0x1FA6E, 0x1FFFF),
)  # fmt: skip
"""Symbols since Unicode 12, and the places left for more."""
QUOTES = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉\u2329\u232a⟦⟧"
MARKS = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪"
_CURRENCIES = "$£€¥฿﷼" + "".join(map(chr, range(0x20A0, 0x20C0)))
JOINTS = "….+-*^,:<>=/~–—"
_UNITS = """km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz m/s km/h
    kmh mph hPa Pa mbar mb MB kb KB gb GB tb TB T G M K % км км² км³ м м² м³ дм дм² дм³ см см² см³ мм мм² мм³
    нм кг г мг м/с км/ч кПа Па мбар Кб КБ кб Мб МБ мб Гб ГБ гб Тб ТБ كم كم² كم³ م م² م³ سم سم² سم³ مم مم² مم³
    غرام جرام جم كغ ملغ كوب اكواب"""
_AMOUNTS = [*_UNITS.split(), *_CURRENCIES, "US$", "C$", "A$"]


def _flags() -> Table:
    flags = np.zeros(0x110000, np.int32)
    codes = np.arange(0x32000, dtype=np.int32)
    category = np.array([unicodedata.category(chr(c)) for c in codes])
    cased, caseless = within(codes, _CASED), within(codes, _CASELESS)
    lower = caseless | cased & ((category == "Ll") | (codes == 0x294))
    upper = caseless | cased & ((category == "Lu") | (codes == 0x3A2))
    symbol = (category == "So") & ~within(codes, _LATER_SYMBOLS)
    flags[: len(codes)] = (
        ALPHA * (cased | caseless)
        | (LOWER | BEFORE_STOP) * lower
        | UPPER * upper
        | (SYMBOL | PREFIX | SUFFIX | JOINT) * symbol
    )
    for chars, flag in (
        (QUOTES, QUOTE | PREFIX | SUFFIX | BEFORE_STOP),
        (MARKS, PREFIX | SUFFIX | BEFORE_STOP),
        ("§%=" + _CURRENCIES, PREFIX),
        ("–—", PREFIX | SUFFIX),
        ("%²-+|0123456789", BEFORE_STOP),
        ("0123456789", DIGIT),
        (JOINTS, JOINT),
    ):
        flags[[ord(c) for c in chars]] |= flag
    return flags


def _tables() -> tuple[npt.NDArray[Any], ...]:
    index, blocks = two_stage(_flags())
    return index, blocks.astype(np.uint16), *exception_table({unit.encode(): 1 for unit in _AMOUNTS})


_INDEX, _FLAGS, _AMOUNT_KEYS, _AMOUNT_VALUES = constants(4, _tables)
_MAX_AMOUNT = max(len(unit.encode()) for unit in _AMOUNTS)
ELLIPSIS = 0x2026
STOP, PLUS, HYPHEN, DOLLAR, DASH = ord("."), ord("+"), ord("-"), ord("$"), 0x2014
_DEGREE, _CURLY = 0xB0, 0x2019


@device
def flags_of(code: Int) -> Int:
    """The flags of a code point."""
    if code < 0x80:
        return np.int64(_FLAGS[np.uint64(code)])
    return np.int64(_FLAGS[np.uint64(np.int64(_INDEX[np.uint64(code >> 7)]) << 7 | code & 127)])


@device
def prefix(data: Bytes, start: Int, stop: Int) -> Int:
    """Bytes to cut off the front of `data[start:stop]`, which is not empty; 0 for none."""
    code, after = decode(data, start, stop)
    if flags_of(code) & PREFIX:
        return after - start
    if code == STOP:
        run = _run(data, start, stop)
        return run if run > 1 else 0
    if code == PLUS:
        return 0 if after < stop and flags_of(byte(data, after)) & DIGIT else 1
    if after < stop and (code == ord("C") or code == ord("A")):
        return 2 if byte(data, after) == DOLLAR else 0
    if after + 1 < stop and code == ord("U") and byte(data, after) == ord("S"):
        return 3 if byte(data, after + 1) == DOLLAR else 0
    return 0


@device
def suffix(data: Bytes, start: Int, stop: Int) -> Int:
    """Bytes to cut off the end of `data[start:stop]`; 0 for none. What stands before plays no part."""
    if start >= stop:
        return 0
    code, last = decode_before(data, start, stop)
    before, second = decode_before(data, start, last) if last > start else (np.int64(0), last)
    flags = flags_of(code)
    if code == ELLIPSIS and before == ELLIPSIS:
        return stop - second
    if flags & SUFFIX:
        return stop - last
    if code == STOP:
        return _full_stop(data, start, last, before, second)
    if code == PLUS:
        return flags_of(before) & DIGIT and 1
    if (code == ord("s") or code == ord("S")) and (before == ord("'") or before == _CURLY):
        return stop - second
    return _amount(data, start, stop)


@device
def joint(data: Bytes, pos: Int, stop: Int, before: Int) -> Int:
    """Bytes to cut out at `pos`, where the character before is `before` (0: none); 0 for none."""
    code, after = decode(data, pos, stop)
    flags = flags_of(code)
    if not flags & JOINT:
        return 0
    if flags & SYMBOL or code == ELLIPSIS:
        return after - pos
    follower = decode(data, after, stop)[0] if after < stop else np.int64(0)
    left, right = flags_of(before), flags_of(follower)
    if code == STOP:
        if follower == STOP:
            return _run(data, pos, stop)
        return 1 if left & (LOWER | QUOTE) and right & (UPPER | QUOTE) else 0
    if code in (PLUS, HYPHEN) or code == ord("*") or code == ord("^"):
        if left & DIGIT and (right & DIGIT or follower == HYPHEN):
            return 1
        if code != HYPHEN:
            return 0
    if not left & (ALPHA | DIGIT) or (code == ord(",") and not left & ALPHA):
        return 0
    if right & ALPHA:
        return after - pos
    return _dashes(data, pos, stop, code, after)


@device
def _dashes(data: Bytes, pos: Int, stop: Int, code: Int, after: Int) -> Int:
    """Bytes of two or three hyphens, or two dashes, at `pos`, that a letter follows; 0 for anything else."""
    limit = 3 if code == HYPHEN else 2 if code == DASH else 0
    for _ in range(1, limit):
        if after >= stop:
            return 0
        follower, end = decode(data, after, stop)
        if follower != code:
            return 0
        after = end
        if after < stop and flags_of(decode(data, after, stop)[0]) & ALPHA:
            return after - pos
    return 0


@device
def _full_stop(data: Bytes, start: Int, last: Int, before: Int, second: Int) -> Int:
    """Bytes of the full stops to cut off; the last stands at `last`, behind the character `before`."""
    if before == STOP:
        first = last
        while first > start and byte(data, first - 1) == STOP:
            first -= 1
        return last + 1 - first
    flags = flags_of(before)
    if last == start or not flags & (BEFORE_STOP | UPPER):
        return 0
    if flags & BEFORE_STOP:
        return 1
    previous = decode_before(data, start, second)[0] if second > start else np.int64(0)
    degrees = previous == _DEGREE and (before == ord("F") or before == ord("C") or before == ord("K"))
    return 1 if degrees or flags_of(previous) & UPPER else 0


@device
def _amount(data: Bytes, start: Int, stop: Int) -> Int:
    """Bytes of the unit or currency that ends `data[start:stop]` behind a digit; 0 if none does."""
    first = stop
    while first > start and stop - first <= _MAX_AMOUNT and not flags_of(byte(data, first - 1)) & DIGIT:
        first -= 1
    if first in (stop, start) or stop - first > _MAX_AMOUNT:
        return 0
    return stop - first if find(data, first, stop, _AMOUNT_KEYS, _AMOUNT_VALUES) else 0


@device
def _run(data: Bytes, pos: Int, stop: Int) -> Int:
    """How many full stops stand from `pos` on."""
    end = pos
    while end < stop and byte(data, end) == STOP:
        end += 1
    return end - pos
