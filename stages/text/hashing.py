"""64-bit hashes of byte ranges, words and sequences: xxHash64 and its steps.

Source: Collet, "xxHash fast digest algorithm", specification 0.2.0, section XXH64. Everything is unsigned and
wraps; `signed` gives the int64 that Arrow columns and SQL hold.
"""

from __future__ import annotations

import numpy as np

from stages.text.buffers import Bytes, byte
from stages.text.kernel import Int, device
from stages.text.unicode import decode, lower

P1 = np.uint64(0x9E3779B185EBCA87)
P2 = np.uint64(0xC2B2AE3D27D4EB4F)
P3 = np.uint64(0x165667B19E3779F9)
P4 = np.uint64(0x85EBCA77C2B2AE63)
P5 = np.uint64(0x27D4EB2F165667C5)


@device
def xxh64(data: Bytes, start: Int, stop: Int, seed: np.uint64) -> np.uint64:
    """XXH64 of `data[start:stop]`."""
    pos = start
    if stop - start >= 32:
        # Four lanes that do not wait for each other keep the multiplier busy.
        a, b, c, d = seed + P1 + P2, seed + P2, seed, seed - P1
        while pos + 32 <= stop:
            a = _round(a, _read(data, pos, 8))
            b = _round(b, _read(data, pos + 8, 8))
            c = _round(c, _read(data, pos + 16, 8))
            d = _round(d, _read(data, pos + 24, 8))
            pos += 32
        h = _rotate(a, 1) + _rotate(b, 7) + _rotate(c, 12) + _rotate(d, 18)
        h = _merge(_merge(_merge(_merge(h, a), b), c), d)
    else:
        h = seed + P5
    h += np.uint64(stop - start)
    while pos + 8 <= stop:
        h = combine(h, _read(data, pos, 8))
        pos += 8
    if pos + 4 <= stop:
        h = _rotate(h ^ _read(data, pos, 4) * P1, 23) * P2 + P3
        pos += 4
    while pos < stop:
        h = absorb(h, byte(data, pos))
        pos += 1
    return avalanche(h)


@device
def hash_lower(data: Bytes, start: Int, stop: Int, seed: np.uint64) -> np.uint64:
    """Hash of `data[start:stop]` in lower case: XXH64's step for a byte, taken for each code point."""
    h = seed + P5
    pos = start
    while pos < stop:
        code, pos = decode(data, pos, stop)
        h = absorb(h, lower(code))
    return avalanche(h)


@device
def combine(h: np.uint64, value: np.uint64) -> np.uint64:
    """`h` after one more 64-bit value (XXH64's step for eight bytes). Finish with `avalanche`."""
    return _rotate(h ^ _round(np.uint64(0), value), 27) * P1 + P4


@device
def absorb(h: np.uint64, value: Int) -> np.uint64:
    """`h` after one more small non-negative value (XXH64's step for a byte). Finish with `avalanche`."""
    return _rotate(h ^ np.uint64(value) * P5, 11) * P1


@device
def avalanche(h: np.uint64) -> np.uint64:
    """Every bit of `h` reaches every bit of the result."""
    h = (h ^ (h >> np.uint64(33))) * P2
    h = (h ^ (h >> np.uint64(29))) * P3
    return h ^ (h >> np.uint64(32))


@device
def signed(h: np.uint64) -> np.int64:
    """The same 64 bits as int64."""
    return np.int64(h)


@device
def _read(data: Bytes, pos: Int, n_bytes: Int) -> np.uint64:
    value = np.uint64(0)
    # The compiler makes one load of it, as `n_bytes` is a constant where this is inlined.
    for i in range(n_bytes):
        value |= np.uint64(byte(data, pos + i)) << np.uint64(8 * i)
    return value


@device
def _rotate(x: np.uint64, by: Int) -> np.uint64:
    return (x << np.uint64(by)) | (x >> np.uint64(64 - by))


@device
def _round(lane: np.uint64, value: np.uint64) -> np.uint64:
    return _rotate(lane + value * P2, 31) * P1


@device
def _merge(h: np.uint64, lane: np.uint64) -> np.uint64:
    return (h ^ _round(np.uint64(0), lane)) * P1 + P4
