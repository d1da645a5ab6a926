"""Digests against hashlib, the xxhash package and scikit-learn's MurmurHash3."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import pytest
import xxhash
from sklearn.utils import murmurhash3_32

from stages.dedup.minhash.digests import LANES, murmur3, sha1, sha1_scratch, xxh32

DATA = random.Random(3).randbytes(2000)
ARRAY = np.frombuffer(DATA, np.uint8)


def sha1_of(pairs: list[tuple[int, int]]) -> list[int]:
    starts, stops = (np.array(each, np.int32) for each in zip(*pairs, strict=True))
    out = np.zeros(LANES + 3, np.uint64)
    sha1(ARRAY, starts, stops, out, 2, sha1_scratch())
    assert out[[0, 1, -1]].tolist() == [0, 0, 0]
    return out[2:-1].tolist()


def expected(start: int, stop: int) -> int:
    return int.from_bytes(hashlib.sha1(DATA[start:stop]).digest()[:8], "little")


def test_sha1_of_every_length_up_to_four_blocks() -> None:
    for first in range(0, 256, LANES):
        pairs = [(first, first + first + lane) for lane in range(LANES)]
        assert sha1_of(pairs) == [expected(*pair) for pair in pairs]
    assert 256 % LANES == 0


@pytest.mark.parametrize("seed", range(5))
def test_sha1_of_messages_of_different_lengths_side_by_side(seed: int) -> None:
    draw = random.Random(seed)
    pairs = [
        (a, draw.randint(a, min(len(DATA), a + draw.choice([0, 8, 60, 70, 1500])))) for a in range(LANES)
    ]
    assert sha1_of(pairs) == [expected(*pair) for pair in pairs]


@pytest.mark.parametrize("start", [0, 1, 7])
def test_32_bits_of_every_length(start: int) -> None:
    for length in range(150):
        part = DATA[start : start + length]
        assert xxh32(ARRAY, start, start + length) == xxhash.xxh32_intdigest(part)
        assert murmur3(ARRAY, start, start + length, np.uint32(42)) == murmurhash3_32(part, 42, positive=True)
