"""Compiled parts of the planted corpus: composing, editing, writing and comparing documents as word numbers.

A document is an int32 array; a word is its number, twice, plus one where a line ends behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from numba import njit

NGRAM = 5
MIN_WORDS, MAX_WORDS = 100, 20_000
ROOM = MAX_WORDS * 6
"""Words of the longest version: seven edits at .8 that each put a quarter in front make 4.8 times as many."""

Tokens: TypeAlias = npt.NDArray[np.int32]
Hashes: TypeAlias = npt.NDArray[np.uint64]
State: TypeAlias = npt.NDArray[np.uint64]
Function = TypeVar("Function", bound=Callable[..., Any])
Int: TypeAlias = int | np.int64

_njit: Any = njit


class Pool(NamedTuple):
    """Real text to draw from."""

    tokens: Tokens
    """int32: the words of all passages."""
    starts: npt.NDArray[np.int64]
    """int64 [passages + 1]: where each begins in `tokens`."""
    lower: Tokens
    """int32 [words]: number of the word in lower case."""
    data: npt.NDArray[np.uint8]
    """UTF-8 of all words, each with a space behind it."""
    ends: npt.NDArray[np.int64]
    """int64 [words + 1]: where each begins in `data`."""


def compiled(function: Function) -> Function:
    made: Function = _njit(nogil=True, cache=True)(function)
    return made


@compiled
def key(seed: int, a: int, b: int) -> np.uint64:
    """Where a stream of random numbers begins."""
    h = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(a)
    h = mixed(h) * np.uint64(0xBF58476D1CE4E5B9) + np.uint64(b)
    return mixed(h)


@compiled
def mixed(z: np.uint64) -> np.uint64:
    """SplitMix64's finaliser (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators")."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@compiled
def uniform(state: State) -> float:
    """In [0, 1); moves the state on."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    return np.float64(mixed(state[0]) >> np.uint64(11)) / 9007199254740992.0


@compiled
def below(state: State, n: Int) -> Int:
    return np.int64(uniform(state) * n)


@compiled
def rounded(state: State, x: float) -> Int:
    """x up or down, x on average."""
    return np.int64(np.floor(x + uniform(state)))


@compiled
def compose(pool: Pool, state: State, mean_log: float, sigma: float, out: Tokens) -> int:
    """A document of passages of log-normal length; returns its number of words."""
    normal = np.sqrt(-2 * np.log(1 - uniform(state))) * np.cos(2 * np.pi * uniform(state))
    wanted = min(max(np.exp(mean_log + sigma * normal), MIN_WORDS), MAX_WORDS)
    n = 0
    while n < wanted:
        passage = below(state, len(pool.starts) - 1)
        for i in range(pool.starts[passage], pool.starts[passage + 1]):
            out[n] = pool.tokens[i] << 1
            n += 1
        out[n - 1] |= np.int32(uniform(state) < 0.3)
    return n


@compiled
def run(pool: Pool, state: State, out: Tokens, start: Int, n: Int) -> None:
    """Overwrite n words with as many that follow each other in the pool."""
    first = below(state, len(pool.tokens) - n)
    for i in range(n):
        out[start + i] = pool.tokens[first + i] << 1


@compiled
def edit(pool: Pool, words: Tokens, n: Int, aim: float, state: State, out: Tokens) -> Int:
    """A version of `words`, its 5-grams of about the Jaccard similarity `aim`; returns its number of words.

    One of four edits: single words replaced, a passage replaced, the end cut off, something put in front.
    Where a fraction q of the n-grams stays and as many new ones come, the similarity is q / (2 - q).
    """
    kind = below(state, 4)
    n_grams = n - NGRAM + 1
    stays = 2 * aim / (1 + aim)
    front: Int = 0
    if kind == 3:
        front = max(1, rounded(state, n_grams * (1 / aim - 1)))
        run(pool, state, out, 0, front)
    out[front : front + n] = words[:n]
    if kind == 0:
        for _ in range(max(1, rounded(state, n * (1 - stays ** (1 / NGRAM))))):
            at = below(state, n)
            out[at] = pool.tokens[below(state, len(pool.tokens))] << 1 | (out[at] & 1)
    elif kind == 1:
        length = max(1, rounded(state, n_grams * (1 - stays) - NGRAM + 1))
        run(pool, state, out, below(state, n - length + 1), length)
    elif kind == 2:
        return min(n - 1, rounded(state, n_grams * aim) + NGRAM - 1)
    return front + n


@compiled
def shingles(pool: Pool, words: Tokens, n: int, out: Hashes) -> int:
    """The set of 5-grams in lower case, as sorted hashes; returns how many."""
    for i in range(n - NGRAM + 1):
        h = np.uint64(0)
        for j in range(i, i + NGRAM):
            h = mixed(h + np.uint64(0x9E3779B97F4A7C15) + np.uint64(pool.lower[words[j] >> 1]))
        out[i] = h
    found = out[: n - NGRAM + 1]
    found.sort()
    n_different = 0
    for i in range(len(found)):
        if i == 0 or found[i] != found[i - 1]:
            out[n_different] = found[i]
            n_different += 1
    return n_different


@compiled
def jaccard(a: Hashes, b: Hashes) -> float:
    """Of two sorted sets."""
    i = j = shared = 0
    while i < len(a) and j < len(b):
        if a[i] == b[j]:
            shared += 1
            i += 1
            j += 1
        elif a[i] < b[j]:
            i += 1
        else:
            j += 1
    return shared / max(1, len(a) + len(b) - shared)


@compiled
def spell(pool: Pool, words: Tokens, n: int, text: npt.NDArray[np.uint8], at: int) -> int:
    """Write a document's UTF-8 at `at`; returns where it ends."""
    for i in range(n):
        word = words[i] >> 1
        for j in range(pool.ends[word], pool.ends[word + 1]):
            text[at] = pool.data[j]
            at += 1
        if words[i] & 1:
            text[at - 1] = 10
    return at - 1


@compiled
def write_documents(
    pool: Pool,
    seed: int,
    group: npt.NDArray[np.int64],
    member: npt.NDArray[np.int64],
    chained: npt.NDArray[np.bool_],
    aim: npt.NDArray[np.float64],
    mean_log: float,
    sigma: float,
    text: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int32],
    similar: npt.NDArray[np.float64],
) -> int:
    """Write documents until `text` may not hold one more: text, where each ends, similarity to its original.

    Returns how many. The copy of number m is one edit of the first member, or, chained, m edits of it.
    """
    words, other = np.empty(ROOM, np.int32), np.empty(ROOM, np.int32)
    own, before = np.empty(ROOM, np.uint64), np.empty(ROOM, np.uint64)
    state = np.empty(1, np.uint64)
    for row in range(len(group)):
        if len(text) - offsets[row] < ROOM * 12:
            return row
        state[0] = key(seed, group[row], 0)
        n = compose(pool, state, mean_log, sigma, words)
        n_edits = member[row] if chained[row] else min(member[row], 1)
        for step in range(1, n_edits + 1):
            state[0] = key(seed, group[row], step if chained[row] else member[row])
            if aim[row] < 1:
                n_other, n = n, edit(pool, words, n, aim[row], state, other)
                words, other = other, words
            if step == n_edits:
                similar[row] = 1.0
                if aim[row] < 1:
                    n_before = shingles(pool, other, n_other, before)
                    n_own = shingles(pool, words, n, own)
                    similar[row] = jaccard(own[:n_own], before[:n_before])
        offsets[row + 1] = spell(pool, words, n, text, offsets[row])
    return len(group)


@compiled
def compose_sets(
    pool: Pool, seed: int, mean_log: float, sigma: float, hashes: Hashes, offsets: npt.NDArray[np.int64]
) -> int:
    """The shingles of documents that are nobody's copy, one after another; returns of how many."""
    words, state = np.empty(ROOM, np.int32), np.empty(1, np.uint64)
    for row in range(len(offsets) - 1):
        if len(hashes) - offsets[row] < MAX_WORDS + 40:
            return row
        state[0] = key(seed, row, 0)
        n = compose(pool, state, mean_log, sigma, words)
        offsets[row + 1] = offsets[row] + shingles(pool, words, n, hashes[offsets[row] :])
    return len(offsets) - 1


@compiled
def closest(hashes: Hashes, offsets: npt.NDArray[np.int64], out: npt.NDArray[np.float64]) -> None:
    """For each of the first sets, the highest similarity to any set behind the first ones."""
    for a in range(len(out)):
        for b in range(len(out), len(offsets) - 1):
            own, other = hashes[offsets[a] : offsets[a + 1]], hashes[offsets[b] : offsets[b + 1]]
            out[a] = max(out[a], jaccard(own, other))
