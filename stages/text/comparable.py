"""Texts as they are compared: composed (NFC), and without characters that nobody sees.

Text that is composed already and shows all it has, which is most, is looked through once and given back.
Source: Unicode Standard Annex 15 (normalisation forms); property Default_Ignorable_Code_Point of UAX 44.
"""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.text.buffers import Bytes, Offsets, byte, view
from stages.text.kernel import Int, constants, device, kernel
from stages.text.scan import EACH, HIGH, load
from stages.text.unicode import decode, two_stage

ONE, SEVEN, TOP = np.uint64(1), np.uint64(7), np.uint64(56)
IGNORABLE = (
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)  # fmt: skip
"""First and last of what is default-ignorable: soft hyphens, zero-width characters, marks of direction."""
_DECOMPOSED, _IGNORABLE = 1, 2
"""Why a row is not given back as it is: it may not be composed, it has ignorable characters."""


def comparable(texts: pa.StringArray) -> pa.StringArray:
    """The texts composed and without default-ignorable characters; nulls stay."""
    found, data = view(texts), view(texts).data
    why = np.zeros(len(texts), np.uint8)
    _look_through(*found, why)
    rows, new = np.flatnonzero(why).tolist(), list[bytes]()
    for row in rows:
        start, stop = int(found.offsets[row]), int(found.offsets[row + 1])
        out = np.empty(stop - start, np.uint8)
        text = out[: _copy_visible(data, start, stop, out)].tobytes()
        if why[row] & _DECOMPOSED:
            text = unicodedata.normalize("NFC", text.decode()).encode()
        new.append(text)
    return _with(texts, rows, new) if rows else texts


def _with(texts: pa.StringArray, rows: list[int], new: list[bytes]) -> pa.StringArray:
    """The texts, but for some rows, in one copy of their bytes."""
    data, offsets, _ = view(texts)
    parts, begin = list[Any](), 0
    for row, text in zip(rows, new, strict=True):
        parts += [data[offsets[begin] : offsets[row]].data, text]
        begin = row + 1
    lengths = np.diff(offsets)
    lengths[rows] = [len(text) for text in new]
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    joined = pa.py_buffer(b"".join([*parts, data[offsets[begin] : offsets[-1]].data]))
    valid = texts.is_valid().buffers()[1]
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(ends), joined, valid, texts.null_count)


@kernel
def _look_through(
    data: Bytes, texts: Offsets, valid: npt.NDArray[np.bool_], why: npt.NDArray[np.uint8]
) -> None:
    """Find the rows with a character that is ignorable, decomposed, or may compose with what is before it."""
    for row in range(len(valid)):
        if valid[row]:
            pos: Int = np.int64(texts[row])
            stop = np.int64(texts[row + 1])
            while pos < stop:
                lead = byte(data, pos)
                if lead < 0x80:
                    pos = _skip_ascii(data, pos, stop)
                elif 0xE4 <= lead <= 0xE9:  # ideographs
                    pos += 3
                elif 0xC3 <= lead <= 0xCB or 0xD0 <= lead <= 0xD1:  # Latin and Cyrillic letters
                    pos += 2
                else:
                    code, pos = decode(data, pos, stop)
                    why[row] |= _reason(code)


@kernel
def _copy_visible(data: Bytes, pos: Int, stop: Int, out: Bytes) -> Int:
    """Copy what is not ignorable; gives how many bytes that is."""
    n: Int = np.int64(0)
    while pos < stop:
        code, after = decode(data, pos, stop)
        if code < 0x80 or not _reason(code) & _IGNORABLE:
            for i in range(pos, after):
                out[np.uint64(n)] = byte(data, i)
                n += 1
        pos = after
    return n


@device
def _skip_ascii(data: Bytes, pos: Int, stop: Int) -> Int:
    """Where the first byte stands in `data[pos:stop]` that is not ASCII, or `stop`."""
    while pos + 8 <= stop:
        beyond = load(data, pos) & HIGH
        if beyond:
            # A one in each byte before the first that is not ASCII; EACH adds them up in the highest byte.
            before = (((beyond & (~beyond + ONE)) >> SEVEN) - ONE) & EACH
            return pos + np.int64(before * EACH >> TOP)
        pos += 8
    while pos < stop and byte(data, pos) < 0x80:
        pos += 1
    return pos


@device
def _reason(code: Int) -> np.uint8:
    return _REASONS[np.uint64(np.int64(_BLOCKS[np.uint64(code >> 7)]) << 7 | code & 127)]  # type: ignore[no-any-return]


def _tables() -> tuple[npt.NDArray[Any], ...]:
    reasons = np.zeros(0x110000, np.int32)
    for code in (*range(0x80, 0xD800), *range(0xF900, 0x20000), *range(0x2F800, 0x2FA20)):
        char = chr(code)
        # A decomposition into two composes again, the second with what stands before it.
        parts = unicodedata.decomposition(char).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            reasons[int(parts[1], 16)] = _DECOMPOSED
        if unicodedata.combining(char) or not unicodedata.is_normalized("NFC", char):
            reasons[code] = _DECOMPOSED
    reasons[0x1161:0x1176] = reasons[0x11A8:0x11C3] = _DECOMPOSED  # jamo, which compose by arithmetic
    for first, last in IGNORABLE:
        reasons[first : last + 1] = _IGNORABLE
    blocks, values = two_stage(reasons)
    return blocks, values.astype(np.uint8)


_BLOCKS, _REASONS = constants(2, _tables)
