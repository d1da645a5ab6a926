"""The profile `gpt3`: what Spark's MinHashLSH hashes, words as features of HashingTF, and its permutations.

Source: Apache Spark 4, `ml/feature` (Tokenizer, HashingTF, MinHashLSH). GPT-3 (Brown et al. 2020,
arXiv:2005.14165, appendix A) was deduplicated with it: 10 hashes of these features.
Differs: lower case is that of Unicode's simple mapping and of the interpreter's Unicode, the JVM's may be
    another; an empty text has no word, where Spark gives it one, which is empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.dedup.minhash.banding import Minima
from stages.dedup.minhash.digests import murmur3
from stages.dedup.minhash.shingles import Bits, Hasher, Shingling, lower_sigmas
from stages.text.buffers import Bytes, Offsets, byte
from stages.text.kernel import Int, device, kernel
from stages.text.table import Hashes, Rows
from stages.text.unicode import decode, lower
from stages.text.utf8 import encode

GROWTH = 2
"""Bytes in lower case for each byte of the text, at most."""
N_FEATURES = 1 << 18
PRIME = 2038074743

_SEED = np.uint32(42)
_DOTTED_I, _DOT_ABOVE = 0x130, 0x307
"""The one character that Java's lower case makes two of."""


@dataclass(frozen=True, kw_only=True)
class Gpt3(Shingling):
    """Single words, ten minima of 31 bits: candidates only, which are to be compared."""

    bands: ClassVar[int] = 10
    rows: ClassVar[int] = 1
    choices: ClassVar[Mapping[str, Sequence[Any]]] = {
        "unit": ("word",), "ngram": (1,), "hashing": ("xxhash",), "bits": (32,),
    }  # fmt: skip

    ngram: int = 1

    def prepared(self, array: pa.StringArray) -> pa.StringArray:
        return lower_sigmas(array)

    def hasher(self, longest: int, bits: Bits) -> Hasher:
        lowered = np.empty(longest * GROWTH, np.uint8)
        return lambda texts, out, ends: hash_words(*texts, lowered, out, ends)

    def lower_minima(self, hashes: Hashes, ends: Rows, seed: int, minima: Minima) -> None:
        sign(hashes, ends, *permutations(minima.shape[1], seed), minima)


@lru_cache(maxsize=8)
def permutations(n: int, seed: int) -> tuple[Hashes, Hashes]:
    """uint64 [n] factors and uint64 [n] terms: feature -> ((1 + feature) * factor + term) mod PRIME."""
    draw = _Random(seed)
    pairs = [(1 + draw.below(PRIME - 1), draw.below(PRIME - 1)) for _ in range(n)]
    factors, terms = zip(*pairs, strict=True)
    return np.array(factors, np.uint64), np.array(terms, np.uint64)


class _Random:
    """The generator of `java.util.Random`."""

    def __init__(self, seed: int):
        self.state = (seed ^ 0x5DEECE66D) & (1 << 48) - 1

    def below(self, bound: int) -> int:
        """`nextInt(bound)`, for a bound that is no power of two."""
        while True:
            self.state = (self.state * 0x5DEECE66D + 0xB) & (1 << 48) - 1
            bits = self.state >> 17
            if bits - bits % bound + bound - 1 < 1 << 31:
                return bits % bound


@kernel
def hash_words(
    data: Bytes, texts: Offsets, valid: npt.NDArray[np.bool_], lowered: Bytes, out: Hashes, ends: Rows
) -> None:
    """Fills `out` with the feature of each word, and `ends[i + 1]` with where those of row i end."""
    n: Int = np.int64(0)
    for row in range(len(valid)):
        if valid[row]:
            length = _lower(data, np.int64(texts[row]), np.int64(texts[row + 1]), lowered)
            n = _features(lowered, length, out, n)
        ends[row + 1] = n


@kernel
def sign(hashes: Hashes, ends: Rows, factors: Hashes, terms: Hashes, minima: npt.NDArray[np.uint32]) -> None:
    """Lowers the uint32 [rows, n] `minima` by the permuted features."""
    prime = np.uint64(PRIME)
    for row in range(len(minima)):
        for i in range(minima.shape[1]):
            lowest, factor, term = np.uint64(minima[row, i]), factors[i], terms[i]
            for j in range(ends[row], ends[row + 1]):
                lowest = min(lowest, ((hashes[np.uint64(j)] + np.uint64(1)) * factor + term) % prime)
            minima[row, i] = lowest


@device
def _features(text: Bytes, length: Int, out: Hashes, n: Int) -> Int:
    """Write the features of words as Java's `split` has them: empty ones, too, but for those at the end."""
    begin, last = np.int64(0), n
    for position in range(length + 1):
        if position == length or _is_space(byte(text, position)):
            feature = np.uint64(murmur3(text, begin, np.int64(position), _SEED)) & np.uint64(N_FEATURES - 1)
            out[np.uint64(n)] = feature
            n += 1
            last = n if position > begin else last
            begin = np.int64(position + 1)
    return last


@device
def _is_space(char: Int) -> bool:
    return bool(char == 0x20 or 0x09 <= char <= 0x0D)


@device
def _lower(data: Bytes, position: Int, stop: Int, out: Bytes) -> Int:
    """Write `data[position:stop]` in lower case; gives its length."""
    n: Int = np.int64(0)
    while position < stop:
        code, position = decode(data, position, stop)
        n = encode(lower(code), out, n)
        if code == _DOTTED_I:
            n = encode(np.int64(_DOT_ABOVE), out, n)
    return n
