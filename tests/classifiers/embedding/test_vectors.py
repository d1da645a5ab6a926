"""Static vectors: the sums written out in Python, what counts as a word, and files."""

from __future__ import annotations

import math
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.embedding.vectors import MOST, Vectors, signs_alone
from pipeline.errors import PlanError
from stages.text.buffers import view
from stages.text.hashing import P3, avalanche, hash_lower

TEXTS = st.lists(st.none() | st.text(st.sampled_from("ab .,漢字é\n"), max_size=40), max_size=6)


def hashed(word: str) -> int:
    data = view(pa.array([word])).data
    return int(hash_lower(data, 0, len(data), np.uint64(0)))


def made(words: list[str], dimension: int = 8, n_signs: int = 64) -> Vectors:
    hashes = np.array(sorted(hashed(word) for word in words), np.uint64)
    codes = np.random.default_rng(0).integers(-127, 128, (len(words), dimension)).astype(np.int8)
    return Vectors(hashes, codes, n_signs)


def plain(vectors: Vectors, words: list[str]) -> list[int]:
    """The code of a text of these words, by the definition."""
    learned, signs, known, total = np.zeros(vectors.vectors.shape[1]), np.zeros(vectors.n_signs), 0, 0
    for word, count in Counter(words).items():
        key, weight = hashed(word), round(256 * (1 + math.log(min(count, MOST))))
        total += weight
        at = np.searchsorted(vectors.hashes, np.uint64(key))
        if at < len(vectors.hashes) and vectors.hashes[at] == key:
            learned += weight * vectors.vectors[at].astype(float)
            known += weight
        for block in range(0, vectors.n_signs, 64):
            bits = int(avalanche(np.uint64(key + (block + 1) * int(P3) & (1 << 64) - 1)))
            signs[block : block + 64] += [weight if bits >> j & 1 else -weight for j in range(64)]
    parts = [learned / (np.linalg.norm(learned) or 1) * known / total, signs / (np.linalg.norm(signs) or 1)]
    vector = np.concatenate(parts)
    return np.rint(vector * (127 / np.abs(vector).max())).astype(int).tolist()


@given(st.lists(st.sampled_from(["one", "two", "three", "four", "five", "six"]), min_size=1, max_size=30))
def test_as_defined(words: list[str]) -> None:
    vectors = made(["one", "two", "three"])
    found = vectors.embed(pa.array([" ".join(words)]))[0].tolist()
    assert np.abs(np.array(found) - plain(vectors, words)).max() <= 1  # sums in another order round otherwise


def test_order_case_and_punctuation_do_not_count() -> None:
    vectors = made(["one", "two"])
    codes = vectors.embed(pa.array(["one two, three", "Three (ONE) “two”!", "one two three four"]))
    assert (codes[0] == codes[1]).all()
    assert (codes[0] != codes[2]).any()


def test_chinese_counts_in_pairs_of_characters() -> None:
    a, b, c = signs_alone().embed(pa.array(["狗咬人", "人咬狗", "狗咬人"])).astype(float)
    assert (a == c).all()
    assert abs(a @ b / (a @ a)) < 0.4
    lone = signs_alone().embed(pa.array(["人", "人。狗", "狗。人"]))
    assert (lone[1] == lone[2]).all()
    assert lone.any(axis=1).all()


def test_texts_with_more_words_in_common_are_closer() -> None:
    chance = random.Random(0)
    words = [f"w{i}" for i in range(400)]
    texts = [
        " ".join(words[: 400 - n] + [f"new{chance.random()}" for _ in range(n)]) for n in (0, 40, 120, 400)
    ]
    codes = signs_alone().embed(pa.array(texts)).astype(float)
    cosines = codes @ codes[0] / np.linalg.norm(codes, axis=1) / np.linalg.norm(codes[0])
    assert cosines[0] == pytest.approx(1)
    assert cosines[1:].tolist() == pytest.approx([0.9, 0.7, 0], abs=0.12)


@given(TEXTS, st.integers(0, 6))
def test_a_row_depends_on_itself_alone(texts: list[str | None], at: int) -> None:
    vectors = made(["a", "b", "ab"])
    array = pa.array(texts, pa.string())
    whole = vectors.embed(array)
    parts = np.concatenate([vectors.embed(array.slice(0, at)), vectors.embed(array.slice(at))])
    assert (whole == parts).all()
    assert whole.shape == (len(texts), 72)
    for text, code in zip(texts, whole, strict=True):
        assert code.any() == any(c.isalnum() for c in text or "")


def test_hostile_text() -> None:
    texts = ["\0 \ufffd", "x" * 1_000_000, "word " * 200_000, "\n" * 100_000, "🙂 " * 1000, "a\u0301 ا ب"]
    codes = signs_alone().embed(pa.array([*texts, " ".join(map(str, range(100_000)))]))
    assert [bool(code.any()) for code in codes] == [False, True, True, False, False, True, True]
    assert np.abs(codes.astype(int)).max(axis=1).tolist() == [0, 127, 127, 0, 0, 127, 127]


def test_a_file_and_back(tmp_path: Path) -> None:
    vectors = made(["one", "two", "three"])
    vectors.save(tmp_path / "static.npz")
    found = Vectors.load(tmp_path / "static.npz")
    assert (found.hashes == vectors.hashes).all()
    assert (found.vectors == vectors.vectors).all()
    assert found.dimension == 72


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "static.npz"
    for content in (b"", b"PK\3\4 no zip", b"hello"):
        path.write_bytes(content)
        with pytest.raises(PlanError, match="no file of static vectors"):
            Vectors.load(path)
    with pytest.raises(PlanError, match="no file of static vectors"):
        Vectors.load(tmp_path / "missing")
    good = made(["one", "two"])
    for bad in (
        Vectors(good.hashes[::-1].copy(), good.vectors, 64),
        Vectors(good.hashes[:1], good.vectors, 64),
        Vectors(good.hashes, good.vectors.astype(np.int16), 64),
        Vectors(good.hashes, good.vectors, 63),
    ):
        bad.save(path)
        with pytest.raises(PlanError, match="no file of static vectors"):
            Vectors.load(path)
    np.savez(path, hashes=np.array([object()]), vectors=good.vectors, n_signs=64)
    with pytest.raises(PlanError, match="no file of static vectors"):
        Vectors.load(path)
    Vectors(good.hashes, np.zeros((2, 1000), np.int8), 64).save(path)
    with pytest.raises(PlanError, match="1040"):
        Vectors.load(path)
