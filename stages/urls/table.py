"""Millions of entries as sorted hashes: 8 bytes each, 2 for the list, found without a search tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from stages.text.buffers import Bytes
from stages.text.hashing import xxh64
from stages.text.kernel import Int, device, kernel

Hashes = npt.NDArray[np.uint64]
Kind: TypeAlias = Literal["domain", "page", "folder", "word"]
"""What an entry is: a host with all below it, an address, an address with all below it, a word."""


class Block(NamedTuple):
    """Some entries of one list."""

    list: int
    kind: Kind
    hashes: Hashes
    scores: npt.NDArray[np.float64] | None = None


class Table(NamedTuple):
    """Entries of one kind of all lists, sorted by hash and then by list.

    That any of n entries has the hash of a text that is none of them is n / 2^64: with ten million entries
    and twenty look-ups an address, one address in 10^11 matches by accident.
    """

    hashes: Hashes
    """uint64 [entries]: XXH64."""
    lists: npt.NDArray[np.uint16]
    """uint16 [entries]: the list's number."""
    scores: npt.NDArray[np.float64]
    """float64 [entries], of equal entries the highest; [0] if the lists have no scores."""

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return self.hashes.nbytes + self.lists.nbytes + self.scores.nbytes


def build(blocks: Sequence[Block]) -> Table:
    """One table of all blocks, which come in the order of their lists; all of them have scores, or none."""
    hashes = np.concatenate([b.hashes for b in blocks])
    order = np.argsort(hashes, kind="stable")
    hashes = hashes[order]
    lists = np.repeat(np.array([b.list for b in blocks], np.uint16), [len(b.hashes) for b in blocks])[order]
    first = np.ones(len(hashes), np.bool_)
    first[1:] = (hashes[1:] != hashes[:-1]) | (lists[1:] != lists[:-1])
    scores = np.concatenate([np.empty(0), *(b.scores for b in blocks if b.scores is not None)])
    if len(scores):
        scores = np.maximum.reduceat(scores[order], np.flatnonzero(first))
    return Table(hashes[first], lists[first], scores)


@device
def position(hashes: Hashes, h: np.uint64) -> Int:
    """Where `h` first stands in sorted `hashes`, or -1.

    Hashes are spread evenly, so the value says nearly where it is: from there steps that double, then halves.
    """
    n: Int = np.int64(len(hashes))
    if n == 0:
        return np.int64(-1)
    # The high half of the hash as a fraction, times n: an interpolated place, mostly within one cache line.
    low: Int = np.int64(((h >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))
    high, step = low, np.int64(16)
    while low > 0 and hashes[np.uint64(low)] >= h:
        high, low, step = low, max(low - step, np.int64(0)), step * 2
    step = np.int64(16)
    while high < n and hashes[np.uint64(high)] < h:
        low, high, step = high, min(high + step, n), step * 2
    while low < high:
        middle = (low + high) >> 1
        if hashes[np.uint64(middle)] < h:
            low = middle + 1
        else:
            high = middle
    return low if low < n and hashes[np.uint64(low)] == h else np.int64(-1)


def hash_rows(data: Bytes, offsets: npt.NDArray[Any]) -> Hashes:
    """uint64 [rows]: hash of each row."""
    out = np.empty(len(offsets) - 1, np.uint64)
    _hash_rows(data, offsets, out)
    return out


@kernel
def _hash_rows(data: Bytes, offsets: npt.NDArray[Any], out: Hashes) -> None:
    for row in range(len(out)):
        out[row] = xxh64(data, np.int64(offsets[row]), np.int64(offsets[row + 1]), np.uint64(0))
