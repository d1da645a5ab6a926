"""Equality of texts and addresses, against Python's own."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from pipeline.schema import DOC, ID, TEXT, URL
from stages.dedup.exact import ExactDedup, collapse, digests
from stages.text.buffers import view
from tests.stages.dedup.conftest import DuckSql, SparkSql

TEXTS = st.lists(
    st.none() | st.text(st.sampled_from(" \n\u3000\x1fabé漢"), max_size=6) | st.text(max_size=9), max_size=10
)


def batch(texts: list[str | None], urls: list[str | None] | None = None) -> pa.RecordBatch:
    ids = [f"id{i}" for i in range(len(texts))]
    arrays = [pa.array(c, pa.string()) for c in (ids, texts, urls or [None] * len(texts))]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema([ID, TEXT, URL]))


def numbered(keys: pa.RecordBatch) -> pa.Table:
    """Keys as the runner gives them to `relate`: rows 0, 1, … of shard 7."""
    return pa.table(keys.append_column(DOC, pa.array([(7 << 32) + i for i in range(len(keys))], pa.int64())))


def judged(sql: Any, step: ExactDedup, documents: pa.RecordBatch, seed: int = 0) -> list[tuple[Any, ...]]:
    """(row, reason, duplicate of, cluster size) of all verdicts; keys come in random order."""
    keys = numbered(step.keys(documents))
    keys = keys.take(pa.array(random.Random(seed).sample(range(len(keys)), len(keys)), pa.int64()))
    rows = step.relate(sql.table(keys), sql).rows()
    return [(doc - (7 << 32), *rest) for doc, *rest in rows]


@given(TEXTS, st.integers(0, 9))
def test_collapse_is_split_and_join(texts: list[str | None], start: int) -> None:
    array = pa.array(texts, pa.string()).slice(start)
    data, offsets, valid = collapse(view(array))
    rows = [data[a:b].tobytes().decode() for a, b in pairwise(offsets)]
    assert rows == ["" if t is None else " ".join(t.split()) for t in array.to_pylist()]
    assert valid.tolist() == [t is not None for t in array.to_pylist()]


@given(st.lists(st.text(max_size=30), max_size=8))
def test_digests_are_xxh3_128(texts: list[str]) -> None:
    high, low = digests(view(pa.array(texts, pa.string())))
    ours = [(int(h) % 2**64) << 64 | int(w) % 2**64 for h, w in zip(high, low, strict=True)]
    assert ours == [xxhash.xxh3_128_intdigest(t.encode()) for t in texts]


@given(TEXTS, st.integers(0, 10))
def test_keys_do_not_depend_on_the_batch(texts: list[str | None], at: int) -> None:
    step, whole = ExactDedup(keep="longest"), batch(texts)
    keys = step.keys(whole)
    assert keys.schema.equals(ExactDedup.key_columns)
    assert (
        step.keys(whole.slice(0, at)).to_pylist() + step.keys(whole.slice(at)).to_pylist() == keys.to_pylist()
    )


@given(TEXTS)
def test_equal_keys_are_equal_texts(texts: list[str | None]) -> None:
    def pairs(step: ExactDedup) -> list[Any]:
        return [(k["hash_high"], k["hash_low"]) for k in step.keys(batch(texts)).to_pylist()]

    for step, plain in (
        (ExactDedup(), lambda t: " ".join(t.split())),
        (ExactDedup(normalize=False), lambda t: t),
    ):
        hashes = pairs(step)
        for a, first in zip(texts, hashes, strict=True):
            for b, second in zip(texts, hashes, strict=True):
                same = (plain(a) == plain(b)) if a is not None and b is not None else a is b
                assert (first == second) == same


DOCUMENTS = ["one  two", None, "other", "one two", "", "\none two ", None, " ", "One two"]


def test_duplicates_name_the_first(sql: DuckSql) -> None:
    expected = [
        (0, None, None, 3),
        (3, "duplicate", "id0", 3),
        (4, None, None, 2),
        (5, "duplicate", "id0", 3),
        (7, "duplicate", "id4", 2),
    ]
    assert [judged(sql, ExactDedup(), batch(DOCUMENTS), seed) for seed in range(3)] == [expected] * 3


def test_the_longest_may_be_kept_and_the_first_of_equals(sql: DuckSql) -> None:
    expected = [
        (0, "duplicate", "id5", 3),
        (3, "duplicate", "id5", 3),
        (4, "duplicate", "id7", 2),
        (5, None, None, 3),
        (7, None, None, 2),
    ]
    assert judged(sql, ExactDedup(keep="longest"), batch(DOCUMENTS)) == expected
    assert judged(sql, ExactDedup(keep="longest"), batch(["ab", "ab"])) == [
        (0, None, None, 2),
        (1, "duplicate", "id0", 2),
    ]


def test_without_normalising_white_space_counts(sql: DuckSql) -> None:
    assert judged(sql, ExactDedup(normalize=False), batch(DOCUMENTS)) == []
    assert len(judged(sql, ExactDedup(normalize=False), batch(["a ", "a ", "a"]))) == 2


def test_addresses(sql: DuckSql) -> None:
    urls = ["http://a/", None, "http://b/", "http://a/", None]
    documents = batch(["short", "x", "y", "much longer", None], urls)
    assert judged(sql, ExactDedup(key="url"), documents) == [(0, None, None, 2), (3, "duplicate", "id0", 2)]
    assert judged(sql, ExactDedup(key="url", keep="longest"), documents) == [
        (0, "duplicate", "id3", 2),
        (3, None, None, 2),
    ]
    unread = documents.select(["id", "url"])
    assert ExactDedup(key="url").keys(unread).column("hash_low").null_count == 2


def test_a_kept_null_text_is_shorter_than_any(sql: DuckSql) -> None:
    documents = batch([None, "", None], ["u", "u", "v"])
    assert [r[0] for r in judged(sql, ExactDedup(key="url", keep="longest"), documents) if r[1] is None] == [
        1
    ]
    nothing = batch([None, None], ["u", "u"])
    assert [r[0] for r in judged(sql, ExactDedup(key="url", keep="longest"), nothing) if r[1] is None] == [0]


@pytest.mark.parametrize("texts", [[], [None, None], ["a"], ["a", "b", None]])
def test_nothing_to_say(sql: DuckSql, texts: list[str | None]) -> None:
    assert judged(sql, ExactDedup(), batch(texts)) == []


def test_reads_only_what_it_needs() -> None:
    assert ExactDedup().needs().names == ["id", "text"]
    assert ExactDedup(key="url").needs().names == ["id", "url"]
    assert ExactDedup(key="url", keep="longest").needs().names == ["id", "text", "url"]


@pytest.mark.spark
def test_spark_judges_the_same(sql: DuckSql, spark_sql: SparkSql) -> None:
    step = ExactDedup(keep="longest")
    ours = judged(sql, step, batch(DOCUMENTS))
    assert judged(spark_sql, step, batch(DOCUMENTS)) == ours
    assert len(ours) == 5
