"""Long books that have nothing to do with each other but common phrases and a licence: nothing is a copy.

Each is English sentences drawn anew, one of a hundred common phrases after every third, and the same licence
at the end, a twentieth of the whole. Two of them share few word 5-grams, but many character 5-grams, and the
more the longer they are.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import planted
import pyarrow as pa
import pyarrow.parquet as pq
from curves import duplicates
from edits import Pool, Tokens, below, compiled, key, spell, uniform
from processes import run, warm

ENGLISH = planted.SETS[:3]
LICENCE = 20
"""One word in so many."""
PHRASES, PHRASE_WORDS = 100, 6
CASES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("word 5-grams (default)", {}),
    ("  verified", {"verify_jaccard": 0.8}),
    ("character 5-grams, no guard", {"unit": "char", "max_cluster": 0}),
    ("  guarded", {"unit": "char"}),
    ("  verified", {"unit": "char", "verify_jaccard": 0.8}),
)


@compiled
def book(pool: Pool, seed: int, number: int, n_words: int, state: npt.NDArray[np.uint64], out: Tokens) -> int:
    """Compose a book; returns its number of words."""
    state[0] = key(seed, number, 0)
    n = 0
    while n < n_words - n_words // LICENCE:
        passage = below(state, len(pool.starts) - 1)
        for i in range(pool.starts[passage], pool.starts[passage + 1]):
            out[n] = pool.tokens[i] << 1
            n += 1
        if uniform(state) < 1 / 3:
            phrase = below(state, PHRASES) * 1000
            for i in range(phrase, phrase + PHRASE_WORDS):
                out[n] = pool.tokens[i] << 1
                n += 1
        out[n - 1] |= np.int32(uniform(state) < 0.2)
    for i in range(PHRASES * 1000, PHRASES * 1000 + n_words // LICENCE):
        out[n] = pool.tokens[i] << 1
        n += 1
    return n


@compiled
def books(
    pool: Pool,
    seed: int,
    first: int,
    n_words: int,
    text: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int32],
) -> int:
    """Write books into `text` until it, or `offsets`, may not hold one more; returns how many."""
    words, state = np.empty(n_words + 100, np.int32), np.empty(1, np.uint64)
    for row in range(len(offsets) - 1):
        if len(text) - offsets[row] < n_words * 12 + 4096:
            return row
        n = book(pool, seed, first + row, n_words, state, words)
        offsets[row + 1] = spell(pool, words, n, text, offsets[row])
    return len(offsets) - 1


def batches(pool: Pool, seed: int, n_books: int, n_words: int) -> Iterator[pa.RecordBatch]:
    text = np.empty((32 << 20) + n_words * 12, np.uint8)
    first = 0
    while first < n_books:
        offsets = np.zeros(n_books - first + 1, np.int32)
        n = books(pool, seed, first, n_words, text, offsets)
        data = pa.py_buffer(text[: offsets[n]].tobytes())
        texts = pa.StringArray.from_buffers(n, pa.py_buffer(offsets[: n + 1]), data)
        ids = pa.array(planted.identifiers(np.arange(first, first + n)))
        yield pa.RecordBatch.from_arrays([ids, texts], ["id", "text"])
        first += n


def likeness(texts: list[str], n: int, of_words: bool) -> tuple[float, float]:
    """Mean and highest Jaccard similarity of n-grams over all pairs."""
    units = [text.lower().split() if of_words else text.lower() for text in texts]
    sets = [{tuple(u[i : i + n]) for i in range(len(u) - n + 1)} for u in units]
    found = [len(a & b) / len(a | b) for a, b in combinations(sets, 2)]
    return sum(found) / len(found), max(found)


def marin(given: argparse.Namespace, home: Path) -> None:
    """Clusters among books of which none is a copy: there should be none."""
    pool = planted.pool(planted.sentences(given.data, ENGLISH))
    (home / "in").mkdir()
    size, sample = 0, list[str]()
    options = {"compression": "zstd", "compression_level": 3, "use_dictionary": False}
    for part, batch in enumerate(batches(pool, given.seed, given.books, given.words)):
        pq.write_table(pa.Table.from_batches([batch]), home / f"in/part-{part:05d}.parquet", **options)
        size += batch.column("text").nbytes
        sample = sample or batch.column("text").slice(0, 8).to_pylist()
    print(f"{given.books:,} books of {given.words:,} words, {size / 1e9:.2f} GB")
    for of_words, name in ((True, "word"), (False, "character")):
        mean, most = likeness(sample, 5, of_words)
        print(f"Jaccard similarity of two books' {name} 5-grams: {mean:.4f} on average, {most:.4f} at most")
    print(
        f"{'':30} {'clusters':>9} {'largest':>9} {'removed':>9} {'seconds':>9} {'of CPU':>9} {'peak GB':>9}"
    )
    for name, settings in CASES:
        warm(settings, home)
        done = run(f"{home}/in/part-*.parquet", settings, home / "out", given.workers, given.memory)
        pairs = duplicates(done)
        kept = Counter(of for _, of in pairs)
        largest = max(kept.values(), default=0) + 1
        watched = done.watched
        print(
            f"{name:30} {len(kept):>9,} {largest if kept else 0:>9,} {len(pairs):>9,} "
            f"{watched.seconds:>9.1f} {watched.cpu_seconds:>9.1f} {watched.gigabytes:>9.2f}",
            flush=True,
        )
