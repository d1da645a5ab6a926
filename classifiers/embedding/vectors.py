"""Static vectors: a document is the sum of its words' vectors, learned and random ones, in whole numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from classifiers.embedding import arrays
from classifiers.embedding.codes import MAX_DIMENSION, Codes
from pipeline.errors import PlanError
from stages.text.buffers import Bytes, view
from stages.text.hashing import P3, avalanche, combine, hash_lower
from stages.text.kernel import Int, device, kernel
from stages.text.table import Words, words
from stages.text.unicode import IDEOGRAPH
from stages.text.words import trim

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Sizes = npt.NDArray[np.float64]

FILE = "static.npz"
MOST = 4096
"""A word counts as 1 + ln(times it stands there), up to so many times."""


@dataclass(frozen=True)
class Vectors:
    """Learned vectors of some words, and random signs for all.

    A document's code is in two parts. The first adds the learned vectors of its distinct words, times
    1 + ln(count): what it is about. The second adds, for each word, +1 or -1 in every dimension, by the bits
    of its hash: which words it has, in any language (a random projection; Achlioptas 2003, Charikar 2002).
    Both are made of length 1; the first is then shortened to the share of the words that are known to it.
    """

    hashes: Hashes
    """uint64 [words], rising: of the words in lower case."""
    vectors: Codes
    """int8 [words, dimension]: weighted for how common the word is."""
    n_signs: int = 128

    @property
    def dimension(self) -> int:
        """Bytes of a document's code."""
        return int(self.vectors.shape[1]) + self.n_signs

    def embed(self, texts: pa.StringArray) -> Codes:
        """int8 [rows, dimension]; all 0 for null and for text without words."""
        rows = view(texts)
        table = words(texts)
        room = 1 << (2 * int(np.diff(table.offsets).max(initial=0)) + 2).bit_length()
        keys, counts, used = np.zeros(room, np.uint64), np.zeros(room, np.int32), np.empty(room, np.int64)
        out = np.zeros((len(texts), self.dimension), np.int8)
        sums, vector = np.empty(self.dimension, np.int64), np.empty(self.dimension, np.float64)
        _embed(rows.data, table, self.hashes, self.vectors, _weights(), keys, counts, used, sums, vector, out)
        return out

    def save(self, path: Path) -> None:
        """Write the file."""
        arrays.save(path, hashes=self.hashes, vectors=self.vectors, n_signs=np.int64(self.n_signs))

    @staticmethod
    def load(path: Path) -> Vectors:
        """Read the file.

        Raises:
            PlanError: it is none.
        """
        hashes, vectors, signs = arrays.load(path, "static vectors", "hashes", "vectors", "n_signs")
        n_signs = int(signs)
        good = hashes.dtype == np.uint64 and vectors.dtype == np.int8 and vectors.ndim == 2
        if not good or len(hashes) != len(vectors) or (hashes[1:] <= hashes[:-1]).any() or n_signs % 64:
            raise PlanError(f"{path}: no file of static vectors")
        if not 0 < vectors.shape[1] + n_signs <= MAX_DIMENSION:
            raise PlanError(f"{path}: more than {MAX_DIMENSION} dimensions")
        return Vectors(hashes, vectors, n_signs)


def signs_alone(n_signs: int = 256) -> Vectors:
    """No learned vectors."""
    return Vectors(np.zeros(0, np.uint64), np.zeros((0, 0), np.int8), n_signs)


@cache
def _weights() -> Ints:
    """int64 [MOST]: 256 * (1 + ln(i + 1)), whole, so that all machines agree."""
    return np.array([round(256 * (1 + math.log(i + 1))) for i in range(MOST)], np.int64)


@kernel
def _embed(
    data: Bytes, table: Words, hashes: Hashes, vectors: Codes, weights: Ints,
    keys: Hashes, counts: npt.NDArray[np.int32], used: Ints, sums: Ints, vector: Sizes, out: Codes,
) -> None:  # fmt: skip
    learned = vectors.shape[1]
    for row in range(len(out)):
        n = _count(data, table, table.offsets[row], table.offsets[row + 1], keys, counts, used)
        sums[:] = 0
        known: Int = np.int64(0)
        total: Int = np.int64(0)
        for i in range(n):
            slot = used[i]
            key = keys[slot]
            weight = weights[min(int(counts[slot]), len(weights)) - 1]
            total += weight
            row_of_word = _find(hashes, key)
            if row_of_word >= 0:
                known += weight
                for j in range(learned):
                    sums[j] += weight * np.int64(vectors[row_of_word, j])
            _add_signs(sums, learned, key, weight)
            # Only the slots in use are emptied: the table is as large as the longest text of the batch needs.
            keys[slot], counts[slot] = np.uint64(0), 0
        if n:
            _scale(sums, 0, learned, np.float64(known) / np.float64(total), vector)
            _scale(sums, learned, len(sums), 1.0, vector)
            _round(vector, out[row])


@device
def _count(
    data: Bytes, table: Words, first: Int, last: Int, keys: Hashes, counts: npt.NDArray[np.int32], used: Ints
) -> Int:
    """Distinct words into the hash table, their slots into `used`; returns their number.

    Of characters that are words (CJK) pairs count instead of single ones: alone they say too little.
    """
    n: Int = np.int64(0)
    before = np.uint64(0)
    for word in range(first, last):
        start, end = trim(data, np.int64(table.starts[word]), np.int64(table.ends[word]))
        if start == end:
            continue
        key = hash_lower(data, start, end, np.uint64(0))
        if table.flags[word] & IDEOGRAPH:
            single = key
            if word > first and table.flags[word - 1] & IDEOGRAPH and table.ends[word - 1] == start:
                key = avalanche(combine(before, key))
            before = single
        slot = np.int64(key & np.uint64(len(keys) - 1))
        while counts[slot] and keys[slot] != key:
            # Twice as many slots as words, a power of two: a free one is near, and & is the remainder.
            slot = slot + 1 & len(keys) - 1
        if not counts[slot]:
            keys[slot], used[n] = key, slot
            n += 1
        counts[slot] += 1
    return n


@device
def _find(hashes: Hashes, key: np.uint64) -> Int:
    """Index of a key among rising ones, or -1."""
    low: Int = np.int64(0)
    high: Int = np.int64(len(hashes))
    while low < high:
        middle = (low + high) >> 1
        if hashes[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low if low < len(hashes) and hashes[low] == key else np.int64(-1)


@device
def _add_signs(sums: Ints, start: Int, key: np.uint64, weight: Int) -> None:
    for block in range(start, len(sums), 64):
        # One hash gives 64 signs, a bit each; a multiple of a large prime makes another one for each block.
        bits = avalanche(key + np.uint64(block + 1 - start) * P3)
        for j in range(64):
            sums[block + j] += weight if bits >> np.uint64(j) & np.uint64(1) else -weight


@device
def _scale(sums: Ints, start: Int, stop: Int, length: float, vector: Sizes) -> None:
    """`sums[start:stop]` with this length, or 0."""
    square = 0.0
    for j in range(start, stop):
        square += np.float64(sums[j]) * np.float64(sums[j])
    factor = length / math.sqrt(square) if square > 0 else 0.0
    for j in range(start, stop):
        vector[j] = np.float64(sums[j]) * factor


@device
def _round(vector: Sizes, out: Codes) -> None:
    largest = 0.0
    for value in vector:
        largest = max(largest, abs(value))
    for j in range(len(vector)):
        out[j] = np.int8(np.rint(vector[j] * (127 / largest))) if largest > 0 else np.int8(0)
