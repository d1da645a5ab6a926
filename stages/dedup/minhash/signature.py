"""MinHash signatures of texts: the least of each permutation of their shingles' hashes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline import keyed
from stages.dedup.minhash.banding import Minima
from stages.dedup.minhash.shingles import Bits, Shingling, parts
from stages.text.kernel import Int, device, kernel
from stages.text.table import Hashes, Rows

_BLOCK = 4096
"""Shingles that the minima are lowered by at a time: 16 kB, so they are still in the first cache."""
_ALL = {32: np.uint32(0xFFFFFFFF), 64: np.uint64(0xFFFFFFFFFFFFFFFF)}
"""Minimum over nothing, by its bits."""


def signatures(
    array: pa.StringArray, n_permutations: int, shingling: Shingling, seed: int = 1
) -> tuple[Minima, npt.NDArray[np.int64]]:
    """(uint32 or uint64 [rows, n_permutations] minima over each text's shingles, int64 [rows] their number).

    With minima of 32 bits, that of two texts with n shingles each and none in common is equal with
    probability n / 2^33, with 64 never. Texts without a shingle, and null, have minima that mean nothing:
    all ones.
    """
    minima = np.full((len(array), n_permutations), _ALL[shingling.bits])
    n_shingles = np.zeros(len(array), np.int64)
    for part in parts(array, shingling, shingling.bits):
        n = np.diff(part.ends)
        rows = slice(part.first, part.first + len(n))
        n_shingles[rows] = n
        shingling.lower_minima(part.hashes, part.ends, seed, minima[rows])
    return minima, n_shingles


def lower_permuted(hashes: Hashes, ends: Rows, seed: int, minima: Minima) -> None:
    """Lower `minima` [rows, n] by the hashes of each row under the first n of `permutations`."""
    n = minima.shape[1]
    if minima.dtype == np.uint64:
        _lower_64(hashes, ends, *permutations(n, seed, 64), minima)
    else:
        _lower_32(hashes, ends, *permutations(n, seed), np.empty(_BLOCK, np.uint32), minima)


@lru_cache(maxsize=8)
def permutations(n: int, seed: int, bits: Bits = 32) -> tuple[Minima, Minima]:
    """uint32 or uint64 [n] odd factors and [n] terms: h -> factor * h + term permutes [0, 2^bits).

    Multiply-shift hashing keeping the order of the high bits (Dietzfelbinger, Hagerup, Katajainen, Penttonen
    1997). Two-universal families do as well as random ones on hashed, that is high-entropy, input (Chung,
    Mitzenmacher, Vadhan 2013, "Why simple hash functions work").
    """
    factors = [keyed.key("minhash", seed, "factor", i) >> 64 - bits | 1 for i in range(n)]
    terms = [keyed.key("minhash", seed, "term", i) >> 64 - bits for i in range(n)]
    width = np.uint32 if bits == 32 else np.uint64
    return np.array(factors, width), np.array(terms, width)


@kernel
def _lower_32(
    hashes: Hashes, ends: Rows, factors: npt.NDArray[np.uint32], terms: npt.NDArray[np.uint32],
    block: npt.NDArray[np.uint32], minima: npt.NDArray[np.uint32],
) -> None:  # fmt: skip
    for row in range(len(minima)):
        for first in range(ends[row], ends[row + 1], len(block)):
            n = min(ends[row + 1] - first, np.int64(len(block)))
            # Half a hash is enough for a minimum of 32 bits, and twice as many halves fit into a vector.
            for i in range(n):
                block[np.uint64(i)] = hashes[np.uint64(first + i)] >> np.uint64(32)
            _lower_by_block(minima[row], block, n, factors, terms)


@device
def _lower_by_block(
    minima: npt.NDArray[np.uint32], block: npt.NDArray[np.uint32], n: Int, factors: npt.NDArray[np.uint32],
    terms: npt.NDArray[np.uint32],
) -> None:  # fmt: skip
    # One permutation at a time over all shingles: the inner loop becomes multiply, add, minimum on vectors.
    for i in range(len(minima)):
        lowest, factor, term = minima[i], factors[i], terms[i]
        for j in range(n):
            lowest = min(lowest, np.uint32(block[np.uint64(j)] * factor + term))
        minima[i] = lowest


@kernel
def _lower_64(hashes: Hashes, ends: Rows, factors: Hashes, terms: Hashes, minima: Hashes) -> None:
    # No block: hashes are as wide as minima already, so there is nothing to be narrowed beforehand.
    for row in range(len(minima)):
        for i in range(minima.shape[1]):
            lowest, factor, term = minima[row, i], factors[i], terms[i]
            for j in range(ends[row], ends[row + 1]):
                lowest = min(lowest, hashes[np.uint64(j)] * factor + term)
            minima[row, i] = lowest
