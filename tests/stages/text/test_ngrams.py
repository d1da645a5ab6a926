"""Repeated n-grams against counting all of them; the walk of datatrove is tested where it is used."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from stages.text.ngrams import (
    Repeated,
    chars_covered,
    chars_in_all,
    drop_single,
    longer,
    pairs,
    repeated,
    top,
)
from stages.text.table import words as table

DOCUMENTS = st.lists(st.lists(st.sampled_from(["a", "b", "cc", "ddd"]), max_size=40), min_size=1, max_size=4)


def prepared(documents: list[list[str]]) -> tuple[Repeated, pa.StringArray]:
    return repeated(max(map(len, documents))), pa.array([" ".join(d) for d in documents])


def grams(words: list[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


@given(DOCUMENTS)
def test_places_of_repeated_ngrams(documents: list[list[str]]) -> None:
    scratch, array = prepared(documents)
    found, oldest = table(array), 1
    for row, words in enumerate(documents):
        scratch.chars[1 : len(words) + 1] = np.cumsum([len(w) for w in words])
        n, fresh = pairs(found.hashes, int(found.offsets[row]), int(found.offsets[row + 1]), scratch, oldest)
        for size in range(2, 11):
            n = drop_single(scratch, n)
            counts = Counter(grams(words, size))
            expected = [i for i, gram in enumerate(grams(words, size)) if counts[gram] > 1]
            assert scratch.places[:n].tolist() == expected
            check_numbers(scratch, n, size, words)
            n, fresh = longer(scratch, n, fresh)
        oldest = fresh
    assert len(found.offsets) == len(documents) + 1


def check_numbers(scratch: Repeated, n: int, size: int, words: list[str]) -> None:
    counts = {g: k for g, k in Counter(grams(words, size)).items() if k > 1}
    length = {g: sum(map(len, g)) for g in counts}
    first = {g: grams(words, size).index(g) for g in counts}
    earliest = max(counts, key=lambda g: (counts[g], -first[g]), default=())
    longest = max(counts, key=lambda g: (counts[g], length[g], -first[g]), default=())
    assert top(scratch, n, size, False) == ((counts[earliest], first[earliest]) if counts else (1, 0))
    assert top(scratch, n, size, True) == ((counts[longest], first[longest]) if counts else (1, 0))
    assert chars_in_all(scratch, n, size) == sum(k * length[g] for g, k in counts.items())
    inside = {i + k for i, g in enumerate(grams(words, size)) if g in counts for k in range(size)}
    assert chars_covered(scratch, n, size, -1) == sum(len(words[i]) for i in inside)
    if counts:
        one = {i + k for i, g in enumerate(grams(words, size)) if g == longest for k in range(size)}
        assert chars_covered(scratch, n, size, first[longest]) == sum(len(words[i]) for i in one)


def test_documents_of_one_word_and_of_none() -> None:
    scratch, array = prepared([["a"], [], ["a", "b"]])
    found = table(array)
    for row in range(3):
        start, stop = int(found.offsets[row]), int(found.offsets[row + 1])
        assert pairs(found.hashes, start, stop, scratch, 1 + row)[0] == 0


def test_many_words_stay_linear_in_room() -> None:
    words = [str(i % 50_000) for i in range(100_000)]
    scratch, array = prepared([words])
    found = table(array)
    n, fresh = pairs(found.hashes, 0, len(words), scratch, 1)
    assert 49_999 <= fresh - 1 <= 50_000  # the pair in the middle occurs once
    for _ in range(8):
        n = drop_single(scratch, n)
        n, fresh = longer(scratch, n, fresh)
    assert drop_single(scratch, n) == 100_000 - 9 - 9  # at the end, and where the second half begins
