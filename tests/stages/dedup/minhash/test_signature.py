"""Signatures against a slow reading in plain Python, true Jaccard similarity, theory, and datasketch."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import zstandard
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.dedup.minhash.banding import Minima, bands, collision_probability
from stages.dedup.minhash.datatrove import Datatrove
from stages.dedup.minhash.default import Default
from stages.dedup.minhash.shingles import Bits, Shingling
from stages.dedup.minhash.signature import permutations, signatures
from stages.dedup.minhash.spark import Gpt3
from tests.stages.dedup.minhash.test_default import TEXTS, shingles
from tests.stages.text.test_words import split

GOLDEN = [[1368650106, 312991383, 298792573], [26354758, 1353943530, 222653991]]
GOLDEN_64 = [1627008323313753264, 451093948744311062, 4460833122853371077]
GOLDEN_BANDS = [-5263875850849518528, -948777734047323754, -4078800979169834881]


def signed(texts: list[str], n: int = 112, ngram: int = 5, seed: int = 1, bits: Bits = 32) -> Minima:
    return signatures(pa.array(texts, pa.string()), n, Default(ngram=ngram, bits=bits), seed)[0]


def pairs(similarity: float, n_pairs: int, n_words: int, seed: int) -> tuple[list[str], list[str], float]:
    """Texts of `n_words` random words each, whose sets of words are about so alike, and how much exactly."""
    random = np.random.default_rng(seed)
    n_shared = round(2 * n_words * similarity / (1 + similarity))
    left, right = [], []
    for _ in range(n_pairs):
        names = [f"w{i}" for i in random.integers(0, 2**60, 2 * n_words - n_shared)]
        left.append(" ".join(names[:n_words]))
        right.append(" ".join(random.permutation(names[n_words - n_shared :])))
    return left, right, n_shared / (2 * n_words - n_shared)


def as_sets(
    similarity: float, n_pairs: int, n_words: int, seed: int, bits: Bits
) -> tuple[Minima, Minima, float]:
    left, right, true = pairs(similarity, n_pairs, n_words, seed)
    return signed(left, ngram=1, bits=bits), signed(right, ngram=1, bits=bits), true


@settings(max_examples=20)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.integers(1, 6), st.sampled_from([32, 64]))
def test_minima_of_short_texts(texts: list[str], ngram: int, bits: Bits) -> None:
    minima, n_shingles = signatures(pa.array(texts, pa.string()), 6, Default(ngram=ngram, bits=bits), 3)
    factors, terms = permutations(6, 3, bits)
    for text, row, n in zip(texts, minima, n_shingles, strict=True):
        found = [h >> 64 - bits for h in shingles(text, ngram)]
        assert len(found) == n
        for value, factor, term in zip(row.tolist(), factors.tolist(), terms.tolist(), strict=True):
            assert value == min(((h * factor + term) % 2**bits for h in found), default=2**bits - 1)
    assert minima.shape == (len(texts), 6)


@pytest.mark.parametrize("n_words", [4099, 4100, 4101, 9000])
def test_minima_of_texts_longer_than_a_block(n_words: int) -> None:
    text = " ".join(f"W{i * i}" for i in range(n_words))
    factors, terms = permutations(4, 1)
    found = (np.array(shingles(text, 5), np.uint64) >> np.uint64(32)).astype(np.uint32)
    assert signed([text], 4)[0].tolist() == [
        (found * f + t).min() for f, t in zip(factors, terms, strict=True)
    ]


def test_golden() -> None:
    """What a change of these means: all signatures change, and the stage's version must be raised."""
    texts = ["The quick brown fox jumps over the lazy dog again", "我们一起学猫叫"]
    row = signed(texts, 3)
    assert row.tolist() == GOLDEN
    assert signed(texts, 3, bits=64)[0].tolist() == GOLDEN_64
    assert bands(row, 3)[0].tolist() == GOLDEN_BANDS
    by_chars, _ = signatures(pa.array(texts), 3, Default(unit="char"))
    assert not (by_chars == row).any()


def test_case_and_space_make_no_difference_but_words_do() -> None:
    one, two, other = signed(["a b c d É", " A\n\nB c\u3000D é ", "a b c d e"])
    assert (one == two).all()
    assert not (one == other).any()


@pytest.mark.parametrize("bits", [32, 64])
def test_texts_without_shingles(bits: Bits) -> None:
    array = pa.array([None, "", "— . —", "a b c d e", None], pa.string())
    minima, n_shingles = signatures(array, 8, Default(bits=bits))
    assert minima.dtype == (np.uint32 if bits == 32 else np.uint64)
    assert n_shingles.tolist() == [0, 0, 0, 1, 0]
    assert (minima[[0, 1, 2, 4]] == 2**bits - 1).all()
    assert (minima[3] != 2**bits - 1).all()
    assert signatures(array.slice(5), 8, Default())[0].shape == (0, 8)


@pytest.mark.parametrize("bits", [32, 64])
def test_seeds_give_other_permutations(bits: Bits) -> None:
    one, two = permutations(112, 1, bits), permutations(112, 2, bits)
    assert len({*one[0], *one[1], *two[0], *two[1]}) == 4 * 112
    assert (one[0] % 2 == 1).all()
    assert permutations(20, 1, bits)[0].tolist() == one[0][:20].tolist()
    text = ["a b c d e f g h"]
    assert not (signed(text, seed=1, bits=bits) == signed(text, seed=2, bits=bits)).any()


@pytest.mark.parametrize(
    "shingling",
    [Default(), Default(unit="char", ngram=8), Datatrove(ngram=3, bits=32), Gpt3()],
)
def test_signatures_do_not_depend_on_batches(shingling: Shingling) -> None:
    texts = [" ".join(f"w{i * j % 97}é漢" for i in range(j * j % 300)) for j in range(60)]
    texts += ["y" * 400_000 + " ΣΑΣ 1 2 3 4 5", ""]
    array = pa.array(texts, pa.string())
    whole, n = signatures(array, 16, shingling)
    for cut in (1, 13):
        found = [signatures(array.slice(at, cut), 16, shingling) for at in range(0, len(array), cut)]
        assert np.concatenate([f[0] for f in found]).tolist() == whole.tolist()
        assert np.concatenate([f[1] for f in found]).tolist() == n.tolist()
    assert (n > 0).sum() > 50


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("n_words", [30, 95, 600])
@pytest.mark.parametrize("similarity", [0.7, 0.75, 0.8, 0.85, 0.9])
def test_estimates_and_bands_follow_theory(similarity: float, n_words: int, bits: Bits) -> None:
    """Shares of equal minima and of pairs with a common band, within four deviations of the binomial."""
    n_pairs, n, (n_bands, rows) = 2000 if n_words < 100 else 400, 112, (14, 8)
    a, b, true = as_sets(similarity, n_pairs, n_words, 5, bits)
    estimates = (a == b).mean(axis=1)
    deviation = math.sqrt(true * (1 - true) / n)
    assert abs(estimates.mean() - true) < 4 * deviation / math.sqrt(n_pairs)
    # If permutations were not independent of each other, estimates would scatter more widely.
    assert estimates.std() == pytest.approx(deviation, rel=0.15)

    met = (bands(a, n_bands) == bands(b, n_bands)).any(axis=1)
    probability = collision_probability(true, n_bands, rows)
    tolerance = 4 * math.sqrt(probability * (1 - probability) / n_pairs)
    assert abs(met.mean() - probability) < max(tolerance, 1 / n_pairs)


def test_texts_without_a_shared_shingle_share_nothing() -> None:
    left, right, _ = pairs(0.0, 300, 100, seed=6)
    a, b = signed(left), signed(right)
    assert not (a == b).any()
    assert not (bands(a, 14) == bands(b, 14)).any()


def test_long_texts_that_have_nothing_in_common_share_no_band() -> None:
    """30 texts of 100,000 shingles each."""
    texts = [" ".join(f"{t}q{i}" for i in range(100_004)) for t in range(30)]
    minima = signed(texts)
    assert [signatures(pa.array(texts[:1]), 1, Default())[1][0]] == [100_000]
    equal = sum(int((minima[i] == minima[j]).sum()) for i in range(30) for j in range(i))
    assert equal <= 8  # 435 * 112 * 100,000 / 2^33 = .6 expected
    for n_bands, bits in ((14, 32), (112, 64)):
        hashes = bands(signed(texts, bits=bits) if bits == 64 else minima, n_bands)
        assert len(np.unique(hashes)) == 30 * n_bands


@pytest.mark.data
def test_editions_of_a_book_as_similar_as_they_are(shared_data: Path) -> None:
    """Chapters in two or three editions: estimates against true similarity, and datasketch's beside ours."""
    with (shared_data / "dedup/book_editions_near_dups.jsonl.zst").open("rb") as file:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8")
        texts = [json.loads(line)["text"] for line in lines]
    texts = [t for t in texts if len(t) < 20_000 and len(split(t)) > 50][:30]
    sets = [{h >> 32 for h in shingles(t, 5)} for t in texts]
    minima: npt.NDArray[np.uint32] = signed(list(texts))
    sketches = [MinHash(num_perm=112, seed=1, hashfunc=int) for _ in texts]
    for sketch, found in zip(sketches, sets, strict=True):
        sketch.update_batch(list(found))
    similar = 0
    for i, first in enumerate(sets):
        for j, second in enumerate(sets[:i]):
            true = len(first & second) / len(first | second)
            ours, theirs = (minima[i] == minima[j]).mean(), sketches[i].jaccard(sketches[j])
            allowed = 4.5 * math.sqrt(max(true * (1 - true), 0.01) / 112)
            assert abs(ours - true) < allowed
            assert abs(theirs - true) < allowed
            similar += true > 0.3
    assert similar >= 5
