"""Code points to UTF-8."""

from __future__ import annotations

import numpy as np

from stages.text.buffers import Bytes
from stages.text.kernel import Int, device


@device
def encode(code: Int, out: Bytes, pos: Int) -> Int:
    """Write a code point to `out[pos:]`; gives where it ends."""
    value, n = utf8(code)
    for i in range(n):
        out[np.uint64(pos + i)] = value >> np.uint64(8 * i) & np.uint64(0xFF)
    return pos + n


@device
def utf8(code: Int) -> tuple[np.uint64, Int]:
    """The bytes of a code point as one number, the first lowest, and how many there are."""
    if code < 0x80:
        return np.uint64(code), np.int64(1)
    low = 0x80 | code & 0x3F
    middle = 0x80 | code >> 6 & 0x3F
    if code < 0x800:
        return np.uint64(0xC0 | code >> 6 | low << 8), np.int64(2)
    if code < 0x10000:
        return np.uint64(0xE0 | code >> 12 | middle << 8 | low << 16), np.int64(3)
    high = 0x80 | code >> 12 & 0x3F
    return np.uint64(0xF0 | code >> 18 | high << 8 | middle << 16 | low << 24), np.int64(4)
