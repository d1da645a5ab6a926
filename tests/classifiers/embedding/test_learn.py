"""Learned vectors: words are counted right, weighted, and what is alike to the encoder stays alike."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.embedding.encoder import Encoder
from classifiers.embedding.learn import Counts, embedded, learn
from tests.classifiers.embedding.test_vectors import hashed

PLAIN = st.lists(
    st.lists(st.sampled_from(["cat", "Dog", "(house)", "...", "É", "x-y"]), max_size=9), max_size=5
)


@given(PLAIN)
def test_counts(texts: list[list[str]]) -> None:
    counts = Counts()
    for words in texts:
        counts.add(pa.array([" ".join(words), None]))
    expected = Counter(w.lower().strip("().") for words in texts for w in words if w != "...")
    assert {word: n for _, word, n in counts.most_common(99)} == expected
    assert counts.total == sum(expected.values())
    assert len(counts) == len(expected)
    found = counts.most_common(2)
    assert [n for _, _, n in found] == [n for _, n in expected.most_common(2)]
    assert all(key == hashed(word) for key, word, _ in found)


def test_short_texts_in_batches_as_alone(encoder_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = Encoder(encoder_folder)
    texts = ["cat", "the dog", "runs", "house", "a b c d e", "mat"]
    monkeypatch.setattr("classifiers.embedding.learn.BATCH_TOKENS", 8)
    alone = [encoder.pooled(encoder.tokens(text, 16)) for text in texts]
    np.testing.assert_allclose(embedded(texts, encoder), alone, atol=1e-5)


def test_vectors_of_frequent_words(encoder_folder: Path) -> None:
    encoder, counts = Encoder(encoder_folder), Counts()
    words = ["the", "cat", "dog", "house", "mat", "big", "small", "cats", "dogs", "running"]
    counts.add(pa.array([f"{word} " * (200 if word == "the" else 4 + i) for i, word in enumerate(words)]))
    found = learn(counts, encoder, n_words=9, dimension=4, common=0.01, n_signs=64)
    assert found.vectors.shape == (9, 4)
    assert found.dimension == 68
    assert (np.diff(found.hashes.astype(float)) > 0).all()
    vectors = dict(zip(found.hashes.tolist(), found.vectors.astype(float), strict=True))
    assert set(vectors) == {hashed(word) for word in words if word != "cat"}  # the rarest but for its place
    lengths = {word: np.linalg.norm(vectors[hashed(word)]) for word in words if word != "cat"}
    assert lengths["the"] < min(n for word, n in lengths.items() if word != "the")
    assert np.abs(found.vectors.astype(int)).max() == 127


def test_weights_make_no_difference_between_words_of_equal_frequency(encoder_folder: Path) -> None:
    encoder, counts = Encoder(encoder_folder), Counts()
    counts.add(pa.array([" ".join("abcdefghijklmnopqrstuvwxyz")]))
    first = learn(counts, encoder, n_words=26, dimension=3, common=1.0, n_signs=64)
    second = learn(counts, encoder, n_words=26, dimension=3, common=0.001, n_signs=64)
    assert len(np.unique(first.vectors, axis=0)) == 26
    assert np.abs(first.vectors.astype(int) - second.vectors).max() <= 1


def test_words_that_the_encoder_cannot_tell_apart(encoder_folder: Path) -> None:
    """All are unknown to it, but one: there is only one direction to turn to."""
    encoder, counts = Encoder(encoder_folder), Counts()
    counts.add(pa.array(["1a 2b 3c 4d 5e cat"]))
    found = learn(counts, encoder, n_words=6, dimension=4, common=1.0, n_signs=64)
    assert found.vectors[:, 0].all()
    assert not found.vectors[:, 1:].any()
