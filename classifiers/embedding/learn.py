"""Learns static vectors: words of a corpus through an encoder once, rotated, weighted by frequency."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from classifiers.embedding.encoder import Encoder, Floats
from classifiers.embedding.vectors import Hashes, Vectors
from stages.text.buffers import Bytes, view
from stages.text.hashing import hash_lower
from stages.text.kernel import kernel
from stages.text.table import Words, words
from stages.text.words import trim

Bounds = npt.NDArray[np.int32]
BATCH_TOKENS = 4096
MAX_TOKENS = 16
"""Tokens of a word that the encoder reads."""
COUNTS = pa.schema([("hash", pa.uint64()), ("word", pa.string()), ("count", pa.int64())])


class Counts:
    """How often words stand in a corpus, in lower case."""

    def __init__(self) -> None:
        self.total = 0
        self._counts: dict[int, int] = {}
        self._words: dict[int, str] = {}

    def add(self, texts: pa.StringArray) -> None:
        """Count the words of some documents."""
        data, table = view(texts).data, words(texts)
        starts, ends = np.empty_like(table.starts), np.empty_like(table.ends)
        hashes = np.empty_like(table.hashes)
        _trimmed(data, table, hashes, starts, ends)
        there = np.flatnonzero(starts < ends)
        keys, first, counts = np.unique(hashes[there], return_index=True, return_counts=True)
        for key, index, count in zip(keys.tolist(), there[first].tolist(), counts.tolist(), strict=True):
            word = "" if key in self._words else data[starts[index] : ends[index]].tobytes().decode().lower()
            self._add(key, word, count)

    def _add(self, key: int, word: str, count: int) -> None:
        self.total += count
        self._counts[key] = self._counts.get(key, 0) + count
        self._words.setdefault(key, word)

    def merge(self, batch: pa.RecordBatch) -> None:
        """Add counts as `table` gives them."""
        for key, word, count in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            self._add(key, word, count)

    def table(self) -> pa.Table:
        """All words, with the columns of COUNTS."""
        keys = list(self._counts)
        words, counts = [self._words[key] for key in keys], [self._counts[key] for key in keys]
        arrays = (pa.array(v, f.type) for v, f in zip((keys, words, counts), COUNTS, strict=True))
        return pa.Table.from_arrays(list(arrays), schema=COUNTS)

    def __len__(self) -> int:
        return len(self._counts)

    def share(self, n: int) -> float:
        """The share of the text that the `n` most frequent words are."""
        return sum(count for _, _, count in self.most_common(n)) / self.total

    def most_common(self, n: int) -> list[tuple[int, str, int]]:
        """(hash, word, count), the most frequent first; of equals the lower hash."""
        order = sorted(self._counts, key=lambda key: (-self._counts[key], key))[:n]
        return [(key, self._words[key], self._counts[key]) for key in order]


@kernel
def _trimmed(data: Bytes, table: Words, hashes: Hashes, starts: Bounds, ends: Bounds) -> None:
    for i in range(len(starts)):
        start, end = trim(data, np.int64(table.starts[i]), np.int64(table.ends[i]))
        starts[i], ends[i] = start, end
        hashes[i] = hash_lower(data, start, end, np.uint64(0))


def learn(
    counts: Counts, encoder: Encoder, *, n_words: int, dimension: int, common: float, n_signs: int
) -> Vectors:
    """Vectors of the most frequent words.

    Each word is a text of its own to the encoder; vectors are centred and turned to the `dimension` principal
    components of the corpus, each of equal variance, and multiplied by the word's weight: common / (common +
    frequency), as in Arora, Liang, Ma 2017, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings".
    """
    chosen = counts.most_common(n_words)
    frequency = np.array([count for _, _, count in chosen]) / counts.total
    weight = common / (common + frequency)
    vectors = embedded([word for _, word, _ in chosen], encoder).astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    share = frequency * weight / (frequency * weight).sum()
    vectors -= share @ vectors
    values, axes = (
        rising[..., ::-1][..., :dimension] for rising in np.linalg.eigh((vectors.T * share) @ vectors)
    )
    # Eigenvectors have no sign: the largest component becomes positive.
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(dimension)])
    lively = values > 1e-9 * values[0]
    turned = vectors @ axes * np.where(lively, 1 / np.sqrt(np.where(lively, values, 1)), 0) * weight[:, None]
    # One scale for all words, so that weights survive; the longest few percent lose their peaks.
    scale = 127 / np.quantile(np.abs(turned).max(axis=1), 0.95)
    codes = np.clip(np.rint(turned * scale), -127, 127).astype(np.int8)
    hashes = np.array([key for key, _, _ in chosen], np.uint64)
    order = np.argsort(hashes)
    return Vectors(hashes[order], codes[order], n_signs)


def embedded(texts: Iterable[str], encoder: Encoder) -> Floats:
    """float32 [texts, dimension]: short texts through the encoder, those of equal length together."""
    ids = [encoder.tokens(text, MAX_TOKENS) for text in texts]
    out = np.zeros((len(ids), encoder.dimension), np.float32)
    lengths = np.array([len(one) for one in ids])
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        step = max(1, BATCH_TOKENS // length)
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            out[some] = encoder.pooled(np.array([ids[i] for i in some.tolist()]))
    return out
