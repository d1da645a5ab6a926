"""The one randomness: u = xxh3_64(seed, step, document id) / 2^64.

A choice depends on what it is about and on nothing else, so it is the same for any number of workers, any
engine, and after any crash.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash


def key(*parts: object) -> int:
    """A 64-bit key from the parts' text; parts are separated, so ('ab', 'c') differs from ('a', 'bc')."""
    return xxhash.xxh3_64_intdigest("\x1f".join(map(str, parts)).encode())


def hash64(ids: pa.Array, *parts: object) -> npt.NDArray[np.uint64]:
    """uint64 [rows]: one hash for each id (string array without nulls), keyed by `parts`."""
    seed = key(*parts)
    digest = xxhash.xxh3_64_intdigest
    return np.fromiter((digest(i, seed=seed) for i in ids.cast(pa.binary()).to_pylist()), np.uint64, len(ids))


def uniform(ids: pa.Array, *parts: object) -> npt.NDArray[np.float64]:
    """float64 [rows] in [0, 1): `hash64 / 2^64`, rounded down to the 53 bits a float holds."""
    return (hash64(ids, *parts) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def permute(index: npt.NDArray[np.int64], n: int, seed: int) -> npt.NDArray[np.int64]:
    """Where each of `index` (values in [0, n)) goes in a keyed permutation of [0, n).

    A four-round Feistel network over the next even number of bits, walking cycles until the value is below
    n (Black & Rogaway 2002, "Ciphers with arbitrary finite domains"): no index array, any n below 2^62.
    """
    half = max(1, ((n - 1).bit_length() + 1) // 2)
    mask = np.uint64((1 << half) - 1)
    keys = [np.uint64(key("feistel", seed, r)) for r in range(4)]
    out = index.astype(np.uint64)
    walking = np.arange(len(out))
    with np.errstate(over="ignore"):
        while len(walking):
            left, right = out[walking] >> np.uint64(half), out[walking] & mask
            for k in keys:
                left, right = right, left ^ (_mix(right + k) & mask)
            out[walking] = (left << np.uint64(half)) | right
            walking = walking[out[walking] >= np.uint64(n)]
    return out.astype(np.int64)


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    # The finaliser of splitmix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit.
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
