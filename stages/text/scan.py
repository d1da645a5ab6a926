"""Looking at bytes eight at a time, as one 64-bit number."""

from __future__ import annotations

import numpy as np

from stages.text.buffers import Bytes, byte
from stages.text.kernel import Int, device

EACH = np.uint64(0x0101010101010101)
"""A number times this holds it in each of its eight bytes."""
HIGH = np.uint64(0x8080808080808080)
_ONE = np.uint64(1)
_CASE, _FROM_A, _BEHIND_Z = (EACH * np.uint64(n) for n in (0x20, 0x80 - 0x61, 0x80 - 0x7B))


@device
def load(data: Bytes, pos: Int) -> np.uint64:
    """The eight bytes from `pos` on, the first lowest; all of them must be there."""
    value = np.uint64(0)
    for i in range(8):  # the compiler makes one load of it
        value |= np.uint64(byte(data, pos + i)) << np.uint64(8 * i)
    return value


@device
def holds(value: np.uint64, wanted: np.uint64) -> np.uint64:
    """Not 0 where one of the eight bytes is `wanted`; its lowest bit then stands in the first such byte.

    Source: Mycroft 1987, in Warren, "Hacker's Delight", section 6-1.
    """
    zero = value ^ wanted * EACH
    return (zero - EACH) & ~zero & HIGH


@device
def find(data: Bytes, start: Int, stop: Int, wanted: Int) -> Int:
    """Where the byte `wanted` stands first in `data[start:stop]`, or `stop`."""
    while start + 8 <= stop and holds(load(data, start), np.uint64(wanted)) == 0:
        start += 8
    while start < stop and byte(data, start) != wanted:
        start += 1
    return start


@device
def count_chars(data: Bytes, start: Int, stop: Int) -> Int:
    """Code points in UTF-8 `data[start:stop]`: bytes that do not continue one."""
    n = stop - start
    while start + 8 <= stop:
        value = load(data, start)
        # A byte that continues a character is 10xxxxxx: its top bit without the next one. The product adds
        # the eight flags up in its top byte.
        continues = (value >> np.uint64(7)) & ~(value >> np.uint64(6)) & EACH
        n -= np.int64((continues * EACH) >> np.uint64(56))
        start += 8
    while start < stop:
        n -= byte(data, start) & 0xC0 == 0x80
        start += 1
    return n


@device
def count(data: Bytes, start: Int, stop: Int, wanted: Int) -> Int:
    """How often the byte `wanted`, which is ASCII, occurs in `data[start:stop]`."""
    n = np.int64(0)
    while start + 8 <= stop:
        other = load(data, start) ^ np.uint64(wanted) * EACH
        # Adding 127 to the low seven bits carries into the eighth unless they are all zero.
        low = (other & ~HIGH) + ~HIGH
        n += 8 - np.int64((((low | other) & HIGH) >> np.uint64(7)) * EACH >> np.uint64(56))
        start += 8
    while start < stop:
        n += byte(data, start) == wanted
        start += 1
    return n


@device
def behind_letters(data: Bytes, pos: Int, stop: Int) -> Int:
    """Where the ASCII letters that stand at `pos` end."""
    while pos + 8 <= stop:
        value = load(data, pos)
        # In small letters and without top bits, a sum carries into the top bit from `a` on, another behind
        # `z`.
        seven = (value | _CASE) & ~HIGH
        letters = (seven + _FROM_A) & ~(seven + _BEHIND_Z) & ~value & HIGH
        if letters != HIGH:
            # The lowest other byte: bits below it, one in each byte before it, added up by the product.
            others = (letters ^ HIGH) >> np.uint64(7)
            return pos + np.int64((((others & (~others + _ONE)) - _ONE) & EACH) * EACH >> np.uint64(56))
        pos += 8
    while pos < stop and ord("a") <= byte(data, pos) | 0x20 <= ord("z"):
        pos += 1
    return pos
