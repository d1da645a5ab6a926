"""Which n-grams of a document's words occur more than once, for n = 2, 3, 4 … in turn.

An n-gram occurs twice only if both the (n - 1)-grams in it do. So all pairs of words are counted, and longer
ones only where two repeated ones stand side by side: most text is through after three or four words. An
n-gram is known by the numbers of those two, so that beyond the hashes of pairs nothing is left to chance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stages.text.hashing import P1, P2
from stages.text.kernel import Int, device
from stages.text.slots import Slots, bits_for, number, slots
from stages.text.table import Hashes

Numbers = npt.NDArray[np.int64]


class Repeated(NamedTuple):
    """Scratch for the n-grams of one document; what is left to see of them stands first in `places`."""

    slots: Slots
    grams: Numbers
    """int64 [words]: the number of the n-gram at each place."""
    places: npt.NDArray[np.int32]
    """int32 [words]: where, in words from the start of the document, ascending."""
    counts: npt.NDArray[np.int32]
    """int32 [words]: how often the n-gram of a number occurs."""
    chars: Numbers
    """int64 [words + 1]: characters of all words before."""
    once: Hashes
    twice: Hashes
    """uint64: 2^`SPREAD` bits or more for each of twice as many pairs as there are words."""


SPREAD = 3
"""Bits of the bitmap for each pair, as a power of two: few pairs share theirs by chance, and those of a long
document still fit the first cache."""


def repeated(n_words: int) -> Repeated:
    """Scratch for documents of up to `n_words` words."""
    arrays = np.empty(n_words, np.int64), np.empty(n_words, np.int32), np.empty(n_words, np.int32)
    n_bits = 1 << (bits_for(max(n_words, 1)) + SPREAD)
    bitmaps = np.zeros(n_bits // 64 + 1, np.uint64), np.zeros(n_bits // 64 + 1, np.uint64)
    return Repeated(slots(n_words), *arrays, np.zeros(n_words + 1, np.int64), *bitmaps)


@device
def pairs(hashes: Hashes, first: Int, last: Int, scratch: Repeated, oldest: Int) -> tuple[Int, Int]:
    """Number the pairs of words of a document that may occur twice: (how many, the next free id)."""
    n = _candidates(hashes, first, max(last - first - 1, np.int64(0)), scratch)
    bits, fresh = bits_for(n), oldest
    for i in range(n):
        place = np.int64(scratch.places[np.uint64(i)])
        fresh = _count(scratch, bits, oldest, fresh, i, place, _pair(hashes, first + place))
    return n, fresh


@device
def _candidates(hashes: Hashes, first: Int, n: Int, scratch: Repeated) -> Int:
    """Fill `places` with the pairs whose bit another pair has, too: how many of the `n`.

    Most pairs occur once. To find that out by a bit takes a fraction of what a look into the table does.
    """
    shift = np.uint64(64 - bits_for(n) - SPREAD)
    for i in range(((1 << (bits_for(n) + SPREAD)) >> 6) + 1):
        scratch.once[np.uint64(i)] = scratch.twice[np.uint64(i)] = np.uint64(0)
    for place in range(n):
        bit = _pair(hashes, first + place) >> shift
        cell, mask = bit >> np.uint64(6), np.uint64(1) << (bit & np.uint64(63))
        scratch.twice[cell] |= scratch.once[cell] & mask
        scratch.once[cell] |= mask
    n_candidates: Int = np.int64(0)
    for place in range(n):
        bit = _pair(hashes, first + place) >> shift
        # Written in any case; if no other pair has the bit the next one overwrites it. No branch to
        # mispredict.
        scratch.places[np.uint64(n_candidates)] = place
        n_candidates += np.int64(scratch.twice[bit >> np.uint64(6)] >> (bit & np.uint64(63)) & np.uint64(1))
    return n_candidates


@device
def _pair(hashes: Hashes, word: Int) -> np.uint64:
    joined: np.uint64 = (hashes[np.uint64(word)] * P1 + hashes[np.uint64(word + 1)]) * P2
    return joined


@device
def longer(scratch: Repeated, n: Int, oldest: Int) -> tuple[Int, Int]:
    """Go from `n` places of repeated n-grams to those of longer ones: (how many these are, next free id)."""
    bits, fresh = bits_for(n), oldest
    n_longer: Int = np.int64(0)
    for i in range(n - 1):
        place = scratch.places[i]
        if scratch.places[i + 1] == place + 1:
            # Both are known by exact numbers, and so is what the two make: no hash of it is needed.
            key = np.uint64(scratch.grams[i]) << np.uint64(32) | np.uint64(scratch.grams[i + 1])
            fresh = _count(scratch, bits, oldest, fresh, n_longer, place, key)
            n_longer += 1
    return n_longer, fresh


@device
def _count(
    scratch: Repeated, bits: Int, oldest: Int, fresh: Int, index: Int, place: Int, key: np.uint64
) -> Int:
    which = number(scratch.slots, bits, oldest, key, fresh)
    gram = np.uint64(which - oldest)
    scratch.grams[np.uint64(index)] = which - oldest
    scratch.places[np.uint64(index)] = place
    if which < fresh:
        scratch.counts[gram] += 1
        return fresh
    scratch.counts[gram] = 1
    return fresh + 1


@device
def drop_single(scratch: Repeated, n: Int) -> Int:
    """Leave of `n` places those whose n-gram occurs more than once: how many these are."""
    kept: Int = np.int64(0)
    for i in range(n):
        gram, place = scratch.grams[i], scratch.places[i]
        # As above: what does not stay is overwritten.
        scratch.grams[np.uint64(kept)], scratch.places[np.uint64(kept)] = gram, place
        kept += scratch.counts[gram] > 1
    return kept


@device
def top(scratch: Repeated, n: Int, words: Int, longest: bool) -> tuple[Int, Int]:
    """The most frequent of `n` repeated n-grams of so many words: (how often it occurs, its first place).

    Of several the longest in characters, or the one that came first, wins. (1, 0) if there is none.
    """
    times: Int = np.int64(1)
    where: Int = np.int64(0)
    for i in range(n):
        count, place = np.int64(scratch.counts[scratch.grams[i]]), np.int64(scratch.places[i])
        longer_one = longest and chars_of(scratch, place, words) > chars_of(scratch, where, words)
        if count > times or (count == times and longer_one):
            times, where = count, place
    return times, where


@device
def chars_of(scratch: Repeated, place: Int, words: Int) -> Int:
    """Characters of the n-gram of so many words at `place`, without spaces."""
    return np.int64(scratch.chars[place + words] - scratch.chars[place])


@device
def chars_covered(scratch: Repeated, n: Int, words: Int, only: Int) -> Int:
    """Characters of the words that lie in any of the `n` n-grams, each word once.

    If `only` is not negative, in those that are the same as the one at this place.
    """
    total: Int = np.int64(0)
    end: Int = np.int64(0)
    gram: Int = np.int64(-1)
    for i in range(n):
        place = np.int64(scratch.places[i])
        gram = scratch.grams[i] if place == only else gram
        if only < 0 or scratch.grams[i] == gram:
            total += scratch.chars[place + words] - scratch.chars[max(place, end)]
            end = place + words
    return total


@device
def chars_walked(scratch: Repeated, n: Int, words: Int) -> Int:
    """Characters of n-grams met before, on a walk that jumps over them.

    The walk steps by one word from an n-gram that is new to it, which it remembers, and by n words from one
    it remembers. One that occurs once is new where the walk meets it and never met again: it only makes the
    step of one. So to look at the places of the others is all of the walk. Destroys the counts.
    """
    total = free = np.int64(0)
    for i in range(n):
        place, gram = np.int64(scratch.places[i]), scratch.grams[i]
        if place < free:
            continue
        if scratch.counts[gram]:
            scratch.counts[gram] = 0
        else:
            total += chars_of(scratch, place, words)
            free = place + words
    return total


@device
def chars_of_later(scratch: Repeated, n: Int, words: Int) -> Int:
    """Characters of the words in n-grams that occurred before, each word once, and the spaces between them.

    Destroys the counts.
    """
    total: Int = np.int64(0)
    last: Int = np.int64(-words)
    for i in range(n):
        place, gram = np.int64(scratch.places[i]), scratch.grams[i]
        if scratch.counts[gram]:
            scratch.counts[gram] = 0
            continue
        known = max(words - (place - last), np.int64(0))
        total += scratch.chars[place + words] - scratch.chars[place + known] + min(words - known, words - 1)
        last = place
    return total


@device
def chars_in_all(scratch: Repeated, n: Int, words: Int) -> Int:
    """Characters of the `n` n-grams, however they overlap."""
    total: Int = np.int64(0)
    for i in range(n):
        total += chars_of(scratch, np.int64(scratch.places[i]), words)
    return total
