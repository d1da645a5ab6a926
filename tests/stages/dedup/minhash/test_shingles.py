"""Sets of shingles against Python's, samples against what they are samples of."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.errors import PlanError
from stages.dedup.minhash.datatrove import Datatrove
from stages.dedup.minhash.default import Default
from stages.dedup.minhash.shingles import Overlap, Shingling, jaccard, parts, shingle_sets
from stages.dedup.minhash.spark import Gpt3
from tests.stages.dedup.minhash.test_default import TEXTS, finished, shingles

WORDS = Default()
KINDS = [
    Default(ngram=2),
    Default(unit="char", ngram=4),
    Datatrove(ngram=2),
    Datatrove(ngram=2, hashing="sha1"),
    Gpt3(),
]


def sets(texts: list[str | None], shingling: Shingling, at_most: int = 10**6) -> list[list[int] | None]:
    found = shingle_sets(pa.array(texts, pa.string()), shingling, at_most)
    assert found.type == pa.list_(pa.int64())
    return [None if s is None else [h % 2**64 for h in s] for s in found.to_pylist()]


def compared(a: list[str | None], b: list[str | None], shingling: Shingling, at_most: int) -> Overlap:
    left, right = (shingle_sets(pa.array(each, pa.string()), shingling, at_most) for each in (a, b))
    return jaccard(left, right)


def prose(first: int, last: int) -> str:
    return " ".join(f"w{i}" for i in range(first, last))


@given(st.lists(st.none() | TEXTS, max_size=4), st.integers(1, 4), st.sampled_from(["word", "char"]))
def test_sets_are_pythons(texts: list[str | None], ngram: int, unit: str) -> None:
    expected = [
        sorted({finished(h) | 1 for h in shingles(text or "", ngram, unit == "char")}) or None
        for text in texts
    ]
    assert sets(texts, Default(unit=unit, ngram=ngram)) == expected


@given(TEXTS, TEXTS, st.integers(1, 3))
@example("a b c d", "b c d e", 1)
@example("a a a a", "a a b", 2)
def test_jaccard_is_that_of_pythons_sets(a: str, b: str, ngram: int) -> None:
    one, two = set(shingles(a, ngram)), set(shingles(b, ngram))
    found = compared([a], [b], Default(ngram=ngram), 10**6)
    if one and two:
        assert (found.shared[0], found.union[0]) == (len(one & two), len(one | two))
        assert found.jaccard[0] == len(one & two) / len(one | two)
    else:
        assert [each[0] for each in found] == [0, 0, 0]


@given(st.integers(1, 60), st.integers(0, 400), st.integers(0, 5))
def test_a_sample_is_what_lies_below_the_largest_bound_that_leaves_so_few(
    at_most: int, n: int, seed: int
) -> None:
    text = " ".join(f"s{seed}w{i}" for i in range(n) for _ in range(1 + i % 3))
    (full,), (kept,) = sets([text], Default(ngram=1)), sets([text], Default(ngram=1), at_most)
    if full is None or len(full) <= at_most:
        assert kept == full
        return
    assert kept is not None
    *kept, bound = kept
    assert bound & bound - 1 == 0
    assert kept == [h for h in full if h < bound]
    assert len(kept) <= at_most < sum(h < 2 * bound for h in full)


def test_samples_with_other_bounds_compare_below_the_lower_one() -> None:
    a, b = prose(0, 5000), prose(2500, 3100)
    (left,), (right,) = sets([a], WORDS, 512), sets([b], WORDS, 512)
    assert left is not None
    assert right is not None
    assert left[-1] < right[-1]
    one = {h for h in left if h & 1}
    two = {h for h in right if h & 1 and h < left[-1]}
    found = compared([a, b], [b, a], WORDS, 512)
    assert found.shared.tolist() == [len(one & two)] * 2
    assert found.union.tolist() == [len(one | two)] * 2
    assert len(one & two) > 10


@pytest.mark.parametrize("similarity", [0.2, 0.5, 0.8])
def test_samples_estimate_without_bias(similarity: float) -> None:
    """The mean over many pairs of 1,000 shingles, sampled to 64, within four deviations."""
    n_pairs, n = 800, 1000
    n_shared = round(2 * n * similarity / (1 + similarity))
    true = n_shared / (2 * n - n_shared)
    left = [" ".join(f"{p}x{i}" for i in range(n)) for p in range(n_pairs)]
    right = [" ".join(f"{p}x{i}" for i in range(n - n_shared, 2 * n - n_shared)) for p in range(n_pairs)]
    found = compared(list(left), list(right), Default(ngram=1), 64)
    assert (found.union > 0).all()
    assert found.union.max() <= 128
    assert abs(found.jaccard.mean() - true) < 4 * found.jaccard.std() / np.sqrt(n_pairs)


@pytest.mark.parametrize("shingling", KINDS)
def test_sets_do_not_depend_on_batches(shingling: Shingling) -> None:
    draw = random.Random(5)
    texts: list[str | None] = [prose(i, i + draw.choice([0, 1, 3, 40, 400])) for i in range(40)]
    texts += [None, "ΟΔΟΣ 漢字 Straße １２３ 4.5 fi\u0301", "", "x" * 300_000 + " y z", None]
    array = pa.array(texts, pa.string())
    whole = shingle_sets(array, shingling, 100)
    for cut in (1, 7, 44):
        pieces = [shingle_sets(array.slice(at, cut), shingling, 100) for at in range(0, len(array), cut)]
        assert pa.concat_arrays(pieces).equals(whole)
    assert whole.null_count == sum(s is None for s in whole.to_pylist()) >= 3


@pytest.mark.parametrize("shingling", KINDS)
def test_parts_of_many_rows_are_those_of_each(shingling: Shingling) -> None:
    texts = [prose(i, i + 900) for i in range(200)]
    found = [(p.first, p.hashes.copy(), p.ends) for p in parts(pa.array(texts), shingling)]
    assert len(found) > 2
    assert [p[0] for p in found] == [0, *np.cumsum([len(p[2]) - 1 for p in found])[:-1]]
    rows = [h[a:b].tolist() for _, h, e in found for a, b in pairwise(e)]
    alone = [next(parts(pa.array([text]), shingling)).hashes.tolist() for text in texts]
    assert rows == alone


def test_sets_that_are_null_or_parts_of_a_longer_column() -> None:
    texts = [None, "a b c", "c b a", "", "a b d"]
    column = shingle_sets(pa.array(texts, pa.string()), Default(ngram=1), 10)
    found = jaccard(column.slice(1, 3), column.slice(2, 3))
    assert found.jaccard.tolist() == [1, 0, 0]
    assert jaccard(column, column).jaccard.tolist() == [0, 1, 1, 0, 1]
    assert jaccard(column.slice(1, 1), column.slice(4, 1)).jaccard.tolist() == [0.5]
    assert len(jaccard(column.slice(5), column.slice(5)).jaccard) == 0
    with pytest.raises(ValueError, match="5 sets cannot be paired with 4"):
        jaccard(column, column.slice(1))


def test_sets_go_through_parquet_and_a_filter() -> None:
    column = shingle_sets(pa.array([prose(0, 900), None, prose(10, 90)]), WORDS, 50)
    taken = pa.table({"s": column}).take([2, 0, 1, 0])["s"].combine_chunks()
    assert jaccard(taken, taken).jaccard.tolist() == [1, 1, 0, 1]


@pytest.mark.parametrize(
    ("profile", "settings", "message"),
    [
        (Datatrove, {"unit": "char"}, "unit: profile datatrove takes word, not char"),
        (Gpt3, {"ngram": 5}, "ngram: profile gpt3 takes 1, not 5"),
        (Gpt3, {"bits": 64}, "bits: profile gpt3 takes 32, not 64"),
        (Default, {"hashing": "sha1"}, "hashing: profile default takes xxhash, not sha1"),
    ],
)
def test_what_a_profile_does_not_take(
    profile: type[Shingling], settings: dict[str, object], message: str
) -> None:
    with pytest.raises(PlanError, match=message):
        profile(**settings)  # type: ignore[arg-type]  # what a recipe may say


def test_at_most_none_is_refused() -> None:
    with pytest.raises(ValueError, match="at_most must be at least 1, not 0"):
        shingle_sets(pa.array(["a"]), WORDS, 0)


@pytest.mark.parametrize("shingling", KINDS)
@pytest.mark.parametrize(
    "piece", [" ", "a", "a b ", "漢", "ก", "😀\u200d", "\x00", "\ufffd\n", "ש", "9.", "\u0301", "각", "Σ"]
)
def test_monotonous_text(shingling: Shingling, piece: str) -> None:
    (found,) = sets([piece * 30_000], shingling, 1000)
    assert found is None or 1 <= len(found) <= 6
