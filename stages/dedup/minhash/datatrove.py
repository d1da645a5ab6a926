"""The profile `datatrove`: shingles and permutations of its MinHash, for signatures equal to its own.

Source: datatrove 0.10.1, `pipeline/dedup/minhash.py`. Text is simplified (see `simplify`), words are spaCy's
    English tokens; a shingle is hashed as a string, its words with one space between them.
Differs: what `stages.dedup.minhash.simplify` and `stages.text.english` say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.dedup.minhash.banding import Minima
from stages.dedup.minhash.digests import LANES, Sha1Scratch, sha1, sha1_scratch, xxh32
from stages.dedup.minhash.shingles import Bits, Hasher, Shingling, lower_sigmas
from stages.dedup.minhash.simplify import GROWTH, simplify
from stages.text.buffers import Bytes, Offsets
from stages.text.english import split_english
from stages.text.hashing import xxh64
from stages.text.kernel import Int, device, kernel
from stages.text.table import Bounds, Hashes, Rows

PRIME, _WRAP = np.uint64(2**61 - 1), np.uint64(2**64 - (2**61 - 1))
_XXHASH, _SHA1 = 0, 1


@dataclass(frozen=True, kw_only=True)
class Datatrove(Shingling):
    """FineWeb's, which took `hashing: sha1` and minima of 64 bits."""

    choices: ClassVar[Mapping[str, Sequence[Any]]] = {"unit": ("word",)}

    bits: Bits = 64

    def prepared(self, array: pa.StringArray) -> pa.StringArray:
        return lower_sigmas(array)

    def hasher(self, longest: int, bits: Bits) -> Hasher:
        scratch, ngram = scratch_for(longest), self.ngram
        hashing = _SHA1 if self.hashing == "sha1" else _XXHASH
        return lambda texts, out, ends: hash_shingles(*texts, ngram, hashing, bits, out, ends, scratch)

    def lower_minima(self, hashes: Hashes, ends: Rows, seed: int, minima: Minima) -> None:
        lower = sign_64 if minima.dtype == np.uint64 else sign_32
        lower(hashes, ends, *permutations(minima.shape[1], seed), minima)


class ShingleScratch(NamedTuple):
    """Scratch for one document at a time."""

    simple: Bytes
    """uint8 [bytes * GROWTH + 8]: the simplified text."""
    joined: Bytes
    """uint8 [2 * bytes * GROWTH + 8]: its words, one space between them."""
    starts: Bounds
    """int32 [bytes * GROWTH + LANES]: first bytes of the words, in either."""
    ends: Bounds
    """int32 [bytes * GROWTH + LANES]: the bytes behind the words."""
    sha1: Sha1Scratch


def scratch_for(n_bytes: int) -> ShingleScratch:
    """Scratch for documents of up to `n_bytes` bytes."""
    n = n_bytes * GROWTH
    texts = np.empty(n + 8, np.uint8), np.empty(2 * n + 8, np.uint8)
    words = np.empty(n + LANES, np.int32), np.empty(n + LANES, np.int32)
    return ShingleScratch(*texts, *words, sha1_scratch())


@lru_cache(maxsize=8)
def permutations(n: int, seed: int) -> tuple[Hashes, Hashes]:
    """uint64 [n] factors and uint64 [n] terms: h -> (factor * h + term mod 2^64) mod 2^61 - 1."""
    random = np.random.RandomState(seed)
    factors = random.randint(1, int(PRIME), dtype=np.uint64, size=n)
    return factors, random.randint(0, int(PRIME), dtype=np.uint64, size=n)


@kernel
def hash_shingles(
    data: Bytes, texts: Offsets, valid: npt.NDArray[np.bool_], ngram: Int, hashing: Int, bits: Int,
    out: Hashes, ends: Rows, scratch: ShingleScratch,
) -> None:  # fmt: skip
    """Fills `out` with the hashes of all shingles, and `ends[i + 1]` with where those of row i end.

    Behind them `out` needs room for LANES more. A hash has `bits` bits: 32 or 64.
    """
    n: Int = np.int64(0)
    for row in range(len(valid)):
        if valid[row]:
            length = simplify(data, np.int64(texts[row]), np.int64(texts[row + 1]), scratch.simple)
            n_words = split_english(
                scratch.simple, np.int64(0), length, scratch.starts, scratch.ends, np.int64(0)
            )
            n_shingles = max(n_words - ngram + 1, np.int64(0))
            if n_shingles:
                _join(scratch, n_words)
                _hash(scratch, n_shingles, ngram, hashing, bits, out, n)
            n += n_shingles
        ends[row + 1] = n


@kernel
def sign_64(hashes: Hashes, ends: Rows, factors: Hashes, terms: Hashes, minima: Hashes) -> None:
    """Fills the uint64 [rows, n] `minima`, all ones before, but for rows without a hash."""
    # v mod p, for v < 2p, has the order of v - p mod 2^64, where what wraps is largest: one comparison less.
    for row in range(len(minima)):
        for i in range(minima.shape[1]):
            lowest, factor, term = minima[row, i], factors[i], terms[i]
            for j in range(ends[row], ends[row + 1]):
                h = hashes[np.uint64(j)] * factor + term
                lowest = min(lowest, np.uint64((h >> np.uint64(61)) - (~h & PRIME)))
            if ends[row] < ends[row + 1]:
                minima[row, i] = lowest + PRIME if lowest >= _WRAP else lowest


@kernel
def sign_32(
    hashes: Hashes, ends: Rows, factors: Hashes, terms: Hashes, minima: npt.NDArray[np.uint32]
) -> None:
    """Lowers the uint32 [rows, n] `minima` by the last 32 bits of each permuted hash, which has 61."""
    for row in range(len(minima)):
        for i in range(minima.shape[1]):
            lowest, factor, term = np.uint64(minima[row, i]), factors[i], terms[i]
            for j in range(ends[row], ends[row + 1]):
                h = hashes[np.uint64(j)] * factor + term
                # 2^61 is 1 mod p; where h < p, h - p wraps and is the larger one: no branch for either.
                h = (h >> np.uint64(61)) + (h & PRIME)
                lowest = min(lowest, min(h, h - PRIME) & np.uint64(0xFFFFFFFF))
            minima[row, i] = lowest


@device
def _join(scratch: ShingleScratch, n_words: Int) -> None:
    """Copy the words of `simple` to `joined`, one space behind each; `starts` and `ends` then tell where."""
    starts, ends = scratch.starts, scratch.ends
    position, word = np.int64(0), np.int64(0)
    while word < n_words:
        # Words that one space parts lie as they should already: they are copied as one.
        first, shift = word, position - starts[word]
        while word + 1 < n_words and starts[word + 1] == ends[word] + 1:
            word += 1
        begin, length = np.int64(starts[first]), np.int64(ends[word] - starts[first])
        for i in range(length):
            scratch.joined[np.uint64(position + i)] = scratch.simple[np.uint64(begin + i)]
        scratch.joined[np.uint64(position + length)] = 0x20
        for i in range(first, word + 1):
            starts[i], ends[i] = starts[i] + shift, ends[i] + shift
        position, word = position + length + 1, word + 1


@device
def _hash(
    scratch: ShingleScratch, n: Int, ngram: Int, hashing: Int, bits: Int, out: Hashes, first: Int
) -> None:
    """Write the hashes of the first `n` shingles to `out`, from `first` on."""
    # A shingle is a range of the joined words: nothing is copied for it.
    text, starts, ends = scratch.joined, scratch.starts, scratch.ends[ngram - 1 :]
    if hashing == _XXHASH:
        for i in range(n):
            begin, end = np.int64(starts[i]), np.int64(ends[i])
            long = bits == 64
            h = xxh64(text, begin, end, np.uint64(0)) if long else np.uint64(xxh32(text, begin, end))
            out[np.uint64(first + i)] = h
        return
    # SHA-1 takes LANES messages at once: behind the last shingle, empty ones.
    for i in range(n, n + LANES):
        starts[i] = ends[i] = 0
    for i in range(0, n, LANES):
        sha1(text, starts[i : i + LANES], ends[i : i + LANES], out, first + i, scratch.sha1)
    if bits == 32:
        for i in range(first, first + n):
            out[np.uint64(i)] &= np.uint64(0xFFFFFFFF)
