"""Lists of stop words, one for each language, as a hash table that is looked into once a word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.text.buffers import Bytes, byte, view
from stages.text.hashing import P1, hash_lower
from stages.text.kernel import Int, device, kernel
from stages.text.scan import count_chars
from stages.text.table import Bounds, Hashes, Words, describe, words
from stages.text.unicode import UPPER
from stages.text.words import trim

EXACT, ANY_CASE, TRIMMED = range(3)
"""How a word of the text is compared: as it is; in lower case; so and without punctuation around it."""


class StopWords(NamedTuple):
    """The table of list g is `keys[first[g]:first[g + 1]]`, a power of two long; key 0 is free."""

    keys: Hashes
    """uint64 [slots]"""
    ids: Bounds
    """int32 [slots]: which word of the list."""
    first: npt.NDArray[np.int64]
    """int64 [lists + 1]"""
    n_words: npt.NDArray[np.int64]
    """int64 [lists]: in each, all different."""
    n_chars: npt.NDArray[np.int64]
    """int64 [lists]: of the longest."""
    n_parts: npt.NDArray[np.int64]
    """int64 [lists]: into how many words of the table the longest falls."""


def stop_words(lists: Sequence[Sequence[str]], comparison: int) -> StopWords:
    """What `find_stop_word` looks into.

    A stop word of several CJK characters is several words of the table: it is found where they touch, and as
    it is written.

    Raises:
        ValueError: a stop word holds no letter or number, or is several words with space between them.
    """
    tables = [_table(listed, comparison) for listed in lists]
    sizes = [0, *(len(keys) for keys, _, _ in tables)]
    return StopWords(
        np.concatenate([keys for keys, _, _ in tables]),
        np.concatenate([ids for _, ids, _ in tables]),
        np.cumsum(sizes).astype(np.int64),
        np.array([len(set(listed)) for listed in lists], np.int64),
        np.array([max(map(len, listed), default=0) for listed in lists], np.int64),
        np.array([parts for _, _, parts in tables], np.int64),
    )


def _table(listed: Sequence[str], comparison: int) -> tuple[Hashes, Bounds, int]:
    size = 1 << (4 * len(listed)).bit_length()
    keys, ids, most = np.zeros(size, np.uint64), np.zeros(size, np.int32), 1
    for number, word in enumerate(listed):
        hashes, parts = _hashes(word, comparison)
        most = max(most, parts)
        for key in hashes:
            slot = int(key) & (size - 1)
            while keys[slot] not in (0, key):
                slot = (slot + 1) & (size - 1)
            keys[slot], ids[slot] = key, number
    return keys, ids, most


def _hashes(word: str, comparison: int) -> tuple[list[np.uint64], int]:
    """The hashes under which a text may hold `word`, and how many words of the table it is."""
    lower = word if comparison == EXACT else "".join(c.lower()[0] for c in word)
    out = np.zeros(2, np.uint64)
    _hash(view(pa.array([lower])).data, np.int64(len(lower.encode())), comparison == TRIMMED, out)
    if comparison != TRIMMED:
        return list(out), 1
    table = words(pa.array([word]))
    if not out[1] or any(table.starts[1:] != table.ends[:-1]):
        raise ValueError(f"{word!r} is no single word")
    if len(table.hashes) == 1:
        return list(out), 1
    key = table.hashes[0]
    with np.errstate(over="ignore"):
        for part in table.hashes[1:]:
            key = key * P1 + part
    return [key], len(table.hashes)


@kernel
def _hash(data: Bytes, stop: Int, trimmed: bool, out: Hashes) -> None:
    _, _, out[0] = describe(data, np.int64(0), stop)
    start, end = trim(data, np.int64(0), stop) if trimmed else (np.int64(0), stop)
    out[1] = hash_lower(data, start, end, np.uint64(0)) if start < end else np.uint64(0)


@device
def find_stop_word(
    listed: StopWords, group: Int, comparison: Int, data: Bytes, table: Words, word: Int, stop: Int
) -> Int:
    """Which stop word starts at word `word`, or -1; the words of the document end before `stop`."""
    here = np.uint64(word)
    start: Int = np.int64(table.starts[here])
    end: Int = np.int64(table.ends[here])
    kinds, first, last = table.flags[here], byte(data, start), byte(data, end - 1)
    as_it_stands = comparison != TRIMMED or (
        97 <= first <= 122 and 97 <= last <= 122 and listed.n_parts[group] == 1
    )
    plain = as_it_stands and (comparison == EXACT or kinds & UPPER == 0)
    if plain and table.n_chars[here] > listed.n_chars[group]:
        return np.int64(-1)
    key = table.hashes[here]
    stop_word = _look_up(listed, group, key)
    if plain or stop_word >= 0:
        return stop_word
    for part in range(word + 1, min(stop, word + listed.n_parts[group])):
        if table.starts[part] != table.ends[part - 1]:
            break
        key = key * P1 + table.hashes[part]
        stop_word = _look_up(listed, group, key)
        if stop_word >= 0:
            return stop_word
    if comparison == TRIMMED:
        start, end = trim(data, start, end)
    if start == end or count_chars(data, start, end) > listed.n_chars[group]:
        return stop_word
    return _look_up(listed, group, hash_lower(data, start, end, np.uint64(0)))


@device
def _look_up(listed: StopWords, group: Int, key: np.uint64) -> Int:
    first = listed.first[group]
    mask = np.uint64(listed.first[group + 1] - first - 1)
    slot = key & mask
    while True:
        have = listed.keys[np.uint64(first) + slot]
        if have == key:
            return np.int64(listed.ids[np.uint64(first) + slot])
        if have == 0:
            return np.int64(-1)
        slot = (slot + np.uint64(1)) & mask
