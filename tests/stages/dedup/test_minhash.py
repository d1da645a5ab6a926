"""Near-duplicates planted, chained, multiplied: what the stage says of them, on DuckDB and on Spark."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PlanError
from pipeline.schema import DOC, ID, TEXT
from stages.dedup.minhash import MinhashDedup
from tests.stages.dedup.conftest import DuckSql, SparkSql
from tests.stages.dedup.test_components import union_find


def batch(texts: list[str | None]) -> pa.RecordBatch:
    ids = pa.array([f"id{i}" for i in range(len(texts))], pa.string())
    return pa.RecordBatch.from_arrays([ids, pa.array(texts, pa.string())], schema=pa.schema([ID, TEXT]))


def judged(sql: Any, step: MinhashDedup, texts: list[str | None], seed: int = 0) -> list[tuple[Any, ...]]:
    """(row, reason, duplicate of, cluster size) of all verdicts; keys come in random order."""
    keys = step.keys(batch(texts))
    keys = pa.table(keys.append_column(DOC, pa.array([(3 << 32) + i for i in range(len(keys))], pa.int64())))
    keys = keys.take(pa.array(random.Random(seed).sample(range(len(keys)), len(keys)), pa.int64()))
    verdicts = step.relate(sql.table(keys), sql)
    found = [(doc - (3 << 32), *rest) for doc, *rest in verdicts.rows()]
    assert len({row[0] for row in found}) == len(found)
    return found


def prose(seed: int, n_words: int = 400) -> list[str]:
    return [f"w{i}" for i in random.Random(seed).sample(range(10**6), n_words)]


def edited(words: list[str], *at: int) -> str:
    return " ".join("changed" + w if i in at else w for i, w in enumerate(words))


def planted() -> list[str | None]:
    """Clusters {0, 3, 5} and {2, 6, 8} among six documents that are near to nothing."""
    a, b = prose(1), prose(2)
    return [
        " ".join(a),
        None,
        edited(b, 7),
        edited(a, 100).upper(),
        " ".join(prose(3)),
        edited(a, 300) + " and a longer end",
        edited(b, 200),
        "too few words",
        " ".join(b),
        "",
        "too few words",
        " ".join(a[::-1]),
    ]


PLANTED = [
    (0, None, None, 3),
    (2, None, None, 3),
    (3, "near_duplicate", "id0", 3),
    (5, "near_duplicate", "id0", 3),
    (6, "near_duplicate", "id2", 3),
    (8, "near_duplicate", "id2", 3),
]


def test_planted_duplicates_whatever_the_order_of_keys(sql: DuckSql) -> None:
    assert [judged(sql, MinhashDedup(), planted(), seed) for seed in range(4)] == [PLANTED] * 4


def test_the_longest_of_each_cluster(sql: DuckSql) -> None:
    kept = {row[0] for row in judged(sql, MinhashDedup(keep="longest"), planted()) if row[1] is None}
    texts = planted()
    longest = [max(c, key=lambda d: (len(texts[d] or ""), -d)) for c in ((0, 3, 5), (2, 6, 8))]
    assert kept == set(longest)
    assert 5 in kept


def test_a_chain_is_one_cluster_though_its_ends_are_unlike(sql: DuckSql) -> None:
    """Each step replaces one word in forty of the text before; after forty nothing is left of the first."""
    words, texts = prose(4, 800), []
    for step in range(41):
        texts.append(" ".join(words))
        for i in range(step * 20, step * 20 + 20):
            words[i % 800] = f"new{step}x{i}"
    loose = MinhashDedup(bands=40, rows=2)
    found = judged(sql, loose, list(texts))
    assert len(found) == 41
    assert {row[2] for row in found} == {None, "id0"}
    assert {row[3] for row in found} == {41}
    assert judged(sql, loose, [texts[0], texts[40]]) == []


def test_a_hundred_thousand_copies_are_as_many_edges() -> None:
    sql, n = DuckSql(), 100_000
    bands = MinhashDedup().keys(batch([" ".join(prose(5))]))
    keys = pa.table(
        {
            "doc": pa.array(range(n), pa.int64()),
            "id": pa.array([f"id{i}" for i in range(n)]),
            "n_bytes": pa.nulls(n, pa.int64()),
            "bands": pa.chunked_array([bands.column("bands")]).take(pa.array([0] * n)),
        }
    )
    verdicts = MinhashDedup().relate(sql.table(keys), sql)
    counted = "count(*), count(reason), min(minhash_duplicate_of), max(minhash_cluster_size)"
    assert sql.fetch(f"SELECT {counted} FROM {verdicts.name}") == [(n, n - 1, "id0", n)]
    widest = max(sql.fetch(f"SELECT count(*) FROM t{i}")[0][0] for i in range(1, sql.queries + 1))
    assert widest == 14 * n  # the bands themselves


TEXTS = st.lists(st.none() | st.text(st.sampled_from("ab .漢\n"), max_size=30), max_size=8)


@given(TEXTS, st.integers(0, 8))
def test_keys_do_not_depend_on_the_batch(texts: list[str | None], at: int) -> None:
    step, whole = MinhashDedup(bands=3, rows=2, ngram=2, keep="longest"), batch(texts)
    keys = step.keys(whole)
    assert keys.schema.equals(MinhashDedup.key_columns)
    assert (
        step.keys(whole.slice(0, at)).to_pylist() + step.keys(whole.slice(at)).to_pylist() == keys.to_pylist()
    )
    assert all(b is None or len(b) == 3 for b in keys.column("bands").to_pylist())


@pytest.fixture(scope="module")
def duck() -> DuckSql:
    return DuckSql()


@given(st.lists(st.none() | st.text(st.sampled_from("ab "), max_size=10), max_size=8))
def test_verdicts_are_the_components_of_shared_bands(duck: DuckSql, texts: list[str | None]) -> None:
    step = MinhashDedup(bands=2, rows=1, ngram=1)
    bands = step.keys(batch(texts)).column("bands").to_pylist()
    edges = [
        (i, j) for i, a in enumerate(bands) for j, b in enumerate(bands[:i]) if set(a or []) & set(b or [])
    ]
    labels = dict(union_find(edges))
    sizes = [list(labels.values()).count(labels.get(d)) for d in range(len(texts))]
    assert judged(duck, step, texts) == [
        (d, *((None, None) if d == label else ("near_duplicate", f"id{label}")), sizes[d])
        for d, label in sorted(labels.items())
    ]


@pytest.mark.parametrize("texts", [[], [None], [None, None], ["", "one two three four", None], ["a b c d e"]])
def test_nothing_to_say(sql: DuckSql, texts: list[str | None]) -> None:
    assert judged(sql, MinhashDedup(), texts) == []


def test_chinese_needs_no_spaces(sql: DuckSql) -> None:
    text = "".join(chr(0x4E00 + i) for i in random.Random(6).sample(range(5000), 300))
    found = judged(sql, MinhashDedup(), [text, text[:150] + "，" + text[150:] + "。", text[::-1]])
    assert [(row[0], row[2]) for row in found] == [(0, None), (1, "id0")]


@pytest.mark.parametrize("name", ["bands", "rows", "ngram"])
def test_settings_below_one_are_refused(name: str) -> None:
    MinhashDedup(**{name: 1}).check()
    with pytest.raises(PlanError, match=f"{name} must be at least 1, not 0"):
        MinhashDedup(**{name: 0}).check()


def test_columns() -> None:
    left = MinhashDedup().flow(pa.schema([ID, TEXT]))
    assert left.names == ["id", "text", "minhash_duplicate_of", "minhash_cluster_size"]
    assert left.types[2:] == [pa.string(), pa.int64()]


@pytest.mark.data
def test_chapters_of_different_books_stay_apart(sql: DuckSql, shared_data: Path) -> None:
    with (shared_data / "dedup/book_editions_near_dups.jsonl.zst").open("rb") as file:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8")
        texts = [json.loads(line)["text"] for line in lines]
    doubled = [*texts, *(t.replace("\n", "  \n") for t in texts)]
    clusters: dict[str, list[int]] = {}
    for row, _, kept, _ in judged(sql, MinhashDedup(), list(doubled)):
        clusters.setdefault(kept or f"id{row}", []).append(row)
    long_enough = {i for i, t in enumerate(texts) if len(t.split()) > 5}
    assert {d % len(texts) for c in clusters.values() for d in c} >= long_enough
    assert all({d, d + len(texts)} <= {*c} or d >= len(texts) for c in clusters.values() for d in c)
    assert max(map(len, clusters.values())) <= 8  # three editions at most, and demo texts, each twice
    assert len(clusters) > 20


@pytest.mark.spark
def test_spark_judges_the_same(sql: DuckSql, spark_sql: SparkSql) -> None:
    step = MinhashDedup(keep="longest")
    ours = judged(sql, step, planted())
    assert judged(spark_sql, step, planted(), seed=9) == ours
    assert len(ours) == 6
