"""Hashes of byte ranges that other tools take: XXH32, SHA-1, MurmurHash3."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stages.text.buffers import Bytes, byte
from stages.text.kernel import Int, device
from stages.text.table import Bounds, Hashes

Block = npt.NDArray[np.uint32]
LANES = 16
"""Messages that SHA-1 takes at once: the compiler makes vector instructions of loops over them."""


class Sha1Scratch(NamedTuple):
    """Scratch for LANES messages at a time; the lanes of a word lie side by side."""

    state: Block
    """uint32 [5 * LANES]: the hash of the blocks so far."""
    spread: Block
    """uint32 [80 * LANES]: the words of a block, and those made of them."""
    chain: Block
    """uint32 [85 * LANES]: the first variable in each round."""
    active: Block
    """uint32 [LANES]: all bits, or none where a message has ended."""


def sha1_scratch() -> Sha1Scratch:
    state, spread, chain = (np.empty(rows * LANES, np.uint32) for rows in (5, 80, 85))
    return Sha1Scratch(state, spread, chain, np.empty(LANES, np.uint32))


_SHA1 = np.array([0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0], np.uint32)
_1, _2, _3, _4, _5, _8, _14, _16 = (np.uint64(n * LANES) for n in (1, 2, 3, 4, 5, 8, 14, 16))
"""Distances in rounds, as steps in the scratch."""
_XX = tuple(map(np.uint32, (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1)))
_X1, _X2, _X3, _X4, _X5 = _XX
_M1, _M2, _MN = np.uint32(0xCC9E2D51), np.uint32(0x1B873593), np.uint32(0xE6546B64)


@device
def xxh32(data: Bytes, start: Int, stop: Int) -> np.uint32:
    """XXH32 of `data[start:stop]`, seed 0 (Collet, "xxHash fast digest algorithm", section XXH32)."""
    position = start
    if stop - start >= 16:
        a, b, c, d = np.uint32(_X1 + _X2), _X2, np.uint32(0), np.uint32(np.uint32(0) - _X1)
        while position + 16 <= stop:
            a, b = _xx_round(a, _word(data, position)), _xx_round(b, _word(data, position + 4))
            c, d = _xx_round(c, _word(data, position + 8)), _xx_round(d, _word(data, position + 12))
            position += 16
        h = np.uint32(_turn(a, 1) + _turn(b, 7) + _turn(c, 12) + _turn(d, 18))
    else:
        h = _X5
    h = np.uint32(h + np.uint32(stop - start))
    while position + 4 <= stop:
        h = np.uint32(_turn(np.uint32(h + np.uint32(_word(data, position) * _X3)), 17) * _X4)
        position += 4
    while position < stop:
        h = np.uint32(_turn(np.uint32(h + np.uint32(np.uint32(byte(data, position)) * _X5)), 11) * _X1)
        position += 1
    h = np.uint32((h ^ h >> np.uint32(15)) * _X2)
    h = np.uint32((h ^ h >> np.uint32(13)) * _X3)
    return np.uint32(h ^ h >> np.uint32(16))


@device
def murmur3(data: Bytes, start: Int, stop: Int, seed: np.uint32) -> np.uint32:
    """MurmurHash3_x86_32 of `data[start:stop]` (Appleby, "SMHasher")."""
    h, position = seed, start
    while position + 4 <= stop:
        h = np.uint32(_turn(np.uint32(h ^ _murmur_mix(_word(data, position))), 13) * np.uint32(5) + _MN)
        position += 4
    left = np.uint32(0)
    for i in range(stop - position):
        left |= np.uint32(np.uint32(byte(data, position + i)) << np.uint32(8 * i))
    h = np.uint32(h ^ _murmur_mix(left) ^ np.uint32(stop - start))
    h = np.uint32((h ^ h >> np.uint32(16)) * np.uint32(0x85EBCA6B))
    h = np.uint32((h ^ h >> np.uint32(13)) * np.uint32(0xC2B2AE35))
    return np.uint32(h ^ h >> np.uint32(16))


@device
def sha1(data: Bytes, starts: Bounds, stops: Bounds, out: Hashes, first: Int, scratch: Sha1Scratch) -> None:
    """Fills `out[first:first + LANES]` with the first eight bytes, the first lowest, of the SHA-1 of each
    `data[starts[lane]:stops[lane]]` (FIPS 180-4)."""
    state, spread = scratch.state, scratch.spread
    longest: Int = np.int64(0)
    for lane in range(LANES):
        longest = max(longest, np.int64(stops[lane] - starts[lane]))
        for i in range(5):
            state[i * LANES + lane] = _SHA1[i]
    for block in range((longest + 8) // 64 + 1):
        for lane in range(LANES):
            begin, end = np.int64(starts[lane]), np.int64(stops[lane])
            # A message that has ended goes on with the others, but adds nothing to its state.
            scratch.active[lane] = 0xFFFFFFFF if 64 * block <= end - begin + 8 else 0
            _fill(data, begin, begin + 64 * block, end, spread, lane)
        # One loop over rounds and lanes: each step back is a fixed distance, so it becomes vector code.
        for word in range(16 * LANES, 80 * LANES):
            index = np.uint64(word)
            mixed = spread[index - _3] ^ spread[index - _8] ^ spread[index - _14] ^ spread[index - _16]
            spread[index] = _turn(np.uint32(mixed), 1)
        _sha1_block(spread, scratch.chain, state, scratch.active)
    for lane in range(LANES):
        low, high = np.uint64(_swap(state[lane])), np.uint64(_swap(state[LANES + lane]))
        out[np.uint64(first + lane)] = low | high << np.uint64(32)


@device
def _sha1_block(spread: Block, chain: Block, state: Block, active: Block) -> None:
    """Take one block in."""
    # What SHA-1 calls b, c, d and e is what a was one to four rounds before, rotated: so there is one chain.
    for lane in range(LANES):
        chain[4 * LANES + lane], chain[3 * LANES + lane] = state[lane], state[LANES + lane]
        for i in range(3):
            chain[(2 - i) * LANES + lane] = _turn(state[(2 + i) * LANES + lane], 2)
    _rounds(chain, spread, 0, 0x5A827999)
    _rounds(chain, spread, 1, 0x6ED9EBA1)
    _rounds(chain, spread, 2, 0x8F1BBCDC)
    _rounds(chain, spread, 3, 0xCA62C1D6)
    for lane in range(LANES):
        state[lane] += chain[84 * LANES + lane] & active[lane]
        state[LANES + lane] += chain[83 * LANES + lane] & active[lane]
        for i in range(3):
            state[(2 + i) * LANES + lane] += _turn(chain[(82 - i) * LANES + lane], 30) & active[lane]


@device
def _rounds(chain: Block, spread: Block, part: Int, constant: Int) -> None:
    for index in range(20 * part * LANES, 20 * (part + 1) * LANES):
        i = np.uint64(index)
        b, c, d = chain[i + _3], _turn(chain[i + _2], 30), _turn(chain[i + _1], 30)
        # Choice and majority, each with one operation less than in the standard.
        if part == 0:
            f = d ^ (b & (c ^ d))
        elif part == 2:
            f = (b & c) | (d & (b | c))
        else:
            f = b ^ c ^ d
        mixed = np.uint32(_turn(chain[i + _4], 5) + np.uint32(f) + _turn(chain[i], 30))
        chain[i + _5] = np.uint32(mixed + spread[i] + np.uint32(constant))


@device
def _fill(data: Bytes, start: Int, position: Int, stop: Int, spread: Block, lane: Int) -> None:
    """The 16 words of the block at `position`, padded behind `stop`."""
    for i in range(16):
        here = position + 4 * i
        if here + 4 <= stop:
            spread[i * LANES + lane] = _swap(_word(data, here))
            continue
        value = np.uint32(0)
        for k in range(here, min(here + 4, stop)):
            value |= np.uint32(np.uint32(byte(data, k)) << np.uint32(24 - 8 * (k - here)))
        if here <= stop:
            value |= np.uint32(np.uint32(0x80) << np.uint32(24 - 8 * (stop - here)))
        spread[i * LANES + lane] = value
    if position + 56 > stop:
        n_bits = (stop - start) * 8
        spread[14 * LANES + lane], spread[15 * LANES + lane] = (
            np.uint32(n_bits >> 32),
            np.uint32(n_bits & 0xFFFFFFFF),
        )


@device
def _murmur_mix(value: np.uint32) -> np.uint32:
    return np.uint32(_turn(np.uint32(value * _M1), 15) * _M2)


@device
def _xx_round(lane: np.uint32, value: np.uint32) -> np.uint32:
    return np.uint32(_turn(np.uint32(lane + np.uint32(value * _X2)), 13) * _X1)


@device
def _word(data: Bytes, position: Int) -> np.uint32:
    value = np.uint32(0)
    for i in range(4):  # the compiler makes one load of it
        value |= np.uint32(np.uint32(byte(data, position + i)) << np.uint32(8 * i))
    return value


@device
def _swap(value: np.uint32) -> np.uint32:
    low, high = value & np.uint32(0x00FF00FF), value & np.uint32(0xFF00FF00)
    return np.uint32(_turn(np.uint32(low), 24) | _turn(np.uint32(high), 8))


@device
def _turn(value: np.uint32, by: Int) -> np.uint32:
    """Rotated to the left."""
    return np.uint32(value << np.uint32(by) | value >> np.uint32(32 - by))
