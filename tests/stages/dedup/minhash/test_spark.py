"""Equal to Spark's Tokenizer, HashingTF and MinHashLSH: known values, and Spark itself."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.utils import murmurhash3_32

from stages.dedup.minhash.shingles import parts, shingle_sets
from stages.dedup.minhash.signature import signatures
from stages.dedup.minhash.spark import N_FEATURES, PRIME, Gpt3, _Random, permutations
from tests.stages.dedup.conftest import SparkSql
from tests.stages.documents import documents

GPT3 = Gpt3()
NASTY = [
    "  two  spaces\u00a0and none\t\ttabs ",
    "İSTANBUL ΟΔΟΣ ΣΑΣ Σ ἈΣ\u0301",
    "a\n\n\n",
    "\n\na",
    "x",
    "\u2003y \x1c z\x0b\x85 漢字。",
]


def features(text: str) -> list[int]:
    """As Java splits: empty words count, but at the end."""
    words = re.split(r"[ \t\n\x0b\f\r]", text.lower())
    while words and not words[-1]:
        words.pop()
    return [murmurhash3_32(word.encode(), 42, positive=True) % N_FEATURES for word in words]


@given(
    st.lists(st.sampled_from(["Ab", " ", "\n", "é", "漢", "İ", "\u00a0", "x9"]) | st.text(max_size=3)).map(
        "".join
    )
)
@example(" ")
@example("")
@example(" a  b ")
def test_features_of_words(text: str) -> None:
    (part,) = parts(pa.array([text]), GPT3)
    assert part.hashes.tolist() == features(text)


def test_draws_of_java() -> None:
    """What `new java.util.Random(42)` gives for `nextInt(10)`, and seed 0 for `nextInt(100)`."""
    one, two = _Random(42), _Random(0)
    assert [one.below(10) for _ in range(8)] == [0, 3, 8, 4, 0, 5, 5, 8]
    assert [two.below(100) for _ in range(6)] == [60, 48, 29, 47, 15, 53]


def test_permutations_are_of_the_field() -> None:
    factors, terms = permutations(1000, -5)
    assert factors.min() >= 1
    assert max(factors.max(), terms.max()) < PRIME
    assert len(set(factors.tolist())) > 990
    assert permutations(10, -5)[0].tolist() == factors[:10].tolist()


def test_minima_are_those_of_the_formula() -> None:
    text = "The cat sat on  the mat\nand the cat"
    factors, terms = permutations(10, 7)
    expected = [
        min(((1 + f) * a + b) % PRIME for f in features(text))
        for a, b in zip(factors.tolist(), terms.tolist(), strict=True)
    ]
    minima, n = signatures(pa.array([text, None, " "]), 10, GPT3, 7)
    assert minima[0].tolist() == expected
    assert n.tolist() == [10, 0, 0]
    assert (minima[1:] == 2**32 - 1).all()


def test_features_stay_different_as_elements_of_sets() -> None:
    """Jaccard similarity of the sets is that of Spark's vectors."""
    texts = [" ".join(map(str, range(n, n + 30_000))) for n in (0, 15_000)]
    both = shingle_sets(pa.array(texts), GPT3, 10**6)
    assert [len(s) for s in both.to_pylist()] == [len(set(features(text))) for text in texts]


@pytest.mark.data
@pytest.mark.spark
def test_spark_hashes_alike(spark_sql: SparkSql, shared_data: Path) -> None:
    from pyspark.ml.feature import HashingTF, MinHashLSH, Tokenizer

    texts = [*NASTY]
    for name in ("web_en_gold", "multilingual_debian_docs", "zh_reviews", "code"):
        texts += islice(documents(shared_data, name), 0, 720, 12)
    frame: Any = spark_sql.session.createDataFrame(list(enumerate(texts)), ["row", "text"])
    frame = Tokenizer(inputCol="text", outputCol="words").transform(frame)
    frame = HashingTF(inputCol="words", outputCol="features", binary=True).transform(frame)
    lsh = MinHashLSH(inputCol="features", outputCol="hashes", numHashTables=10, seed=20200528)
    rows = lsh.fit(frame).transform(frame).select("row", "hashes").collect()
    theirs = {r.row: [int(v[0]) for v in r.hashes] for r in rows}
    minima, _ = signatures(pa.array(texts), 10, GPT3, 20200528)
    assert len(texts) >= 240
    assert minima.tolist() == [theirs[i] for i in range(len(texts))]
    assert minima.dtype == np.uint32
