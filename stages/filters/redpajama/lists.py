"""Word lists as kernels take them: sets of hashes of words, or of several words in a row."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stages.filters.redpajama.normal import SEED
from stages.text.hashing import avalanche, combine, xxh64
from stages.text.kernel import Int, device
from stages.text.table import Hashes


class WordSet(NamedTuple):
    """An open-addressing table; 0 is a free slot."""

    keys: Hashes
    """uint64 [slots], a power of two, at least half of them free."""
    most_words: int
    """Words of the longest entry."""


@lru_cache(maxsize=64)
def word_set(entries: tuple[str, ...], *, normal: bool) -> WordSet:
    """The set of `entries`, words split at spaces; `normal`: lower-cased and decomposed, as the text is."""
    keys: set[int] = set()
    most = 0
    for entry in entries:
        words = (unicodedata.normalize("NFD", entry.lower()) if normal else entry).split()
        hashed = [_hash(w) for w in words]
        most = max(most, len(words))
        if words:
            keys.add(int(sequence(np.array(hashed, np.uint64))))
    size = 4
    while size < 2 * len(keys):
        size *= 2
    table = np.zeros(size, np.uint64)
    for key in sorted(keys):
        slot = key & (size - 1)
        while table[slot]:
            slot = (slot + 1) & (size - 1)
        table[slot] = key
    table.flags.writeable = False
    return WordSet(table, most)


def _hash(word: str) -> np.uint64:
    data = np.frombuffer(word.encode(), np.uint8)
    return np.uint64(xxh64(data, np.int64(0), np.int64(len(data)), SEED))


@device
def longer(key: np.uint64, word: np.uint64) -> np.uint64:
    """The unfinished key of a sequence after one more word."""
    return combine(key, word)


@device
def sequence(hashes: npt.NDArray[np.uint64]) -> np.uint64:
    """The key of words in a row."""
    key = np.uint64(0)
    for h in hashes:
        key = longer(key, h)
    return avalanche(key)


@device
def holds(words: WordSet, key: np.uint64) -> bool:
    """Whether the set has an unfinished key."""
    key = avalanche(key)
    mask = np.uint64(len(words.keys) - 1)
    slot = key & mask
    while words.keys[slot] != np.uint64(0):
        if words.keys[slot] == key:
            return True
        slot = (slot + np.uint64(1)) & mask
    return False


@device
def count_entries(words: WordSet, hashes: Hashes, n_words: Int) -> Int:
    """How many runs of words of a document are entries."""
    n = np.int64(0)
    for first in range(n_words):
        key = np.uint64(0)
        for i in range(first, min(n_words, np.int64(first + words.most_words))):
            key = longer(key, hashes[i])
            n += holds(words, key)
    return n
