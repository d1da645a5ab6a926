"""Near-duplicates planted, chained, multiplied: what the stage says of them, on DuckDB and on Spark."""

from __future__ import annotations

import io
import json
import pickle
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from datasketch import MinHashLSH
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PlanError
from pipeline.reader import Reader
from pipeline.registry import names
from pipeline.schema import DATE, DOC, ID, SOURCE, TEXT
from pipeline.stage import Relation, Sql
from stages.dedup.choose import CLUSTER
from stages.dedup.minhash import MinhashDedup
from tests.stages.dedup.apply import Session, applied, clusters, documents, in_memory
from tests.stages.dedup.test_components import union_find


def found(
    step: MinhashDedup, texts: list[str | None], seed: int = 0, session: Session = in_memory
) -> list[tuple[int, str | None, str | None, int]]:
    """(row, reason, duplicate of, cluster size) of all that have copies; keys come in random order."""
    return clusters(applied(step, documents(texts), seed, session)[0], "cluster")


def prose(seed: int, n_words: int = 400) -> list[str]:
    return [f"w{i}" for i in random.Random(seed).sample(range(10**6), n_words)]


def edited(words: list[str], *at: int) -> str:
    return " ".join("changed" + w if i in at else w for i, w in enumerate(words))


def planted() -> list[str | None]:
    """Clusters {0, 3, 5}, {2, 6, 8} and, of less than a shingle, {7, 10}; four documents near to nothing."""
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
    (7, None, None, 2),
    (8, "near_duplicate", "id2", 3),
    (10, "near_duplicate", "id7", 2),
]


def test_planted_duplicates_whatever_the_order_of_keys() -> None:
    assert [found(MinhashDedup(), planted(), seed) for seed in range(4)] == [PLANTED] * 4


def test_the_longest_of_each_cluster() -> None:
    kept = {row[0] for row in found(MinhashDedup(keep="longest"), planted()) if row[1] is None}
    texts = planted()
    longest = [max(c, key=lambda d: (len(texts[d] or ""), -d)) for c in ((0, 3, 5), (2, 6, 8), (7, 10))]
    assert kept == set(longest)
    assert 5 in kept


def test_a_chain_is_one_cluster_though_its_ends_are_unlike() -> None:
    """Each step replaces one word in forty of the text before; after forty nothing is left of the first."""
    words, texts = prose(4, 800), []
    for step in range(41):
        texts.append(" ".join(words))
        for i in range(step * 20, step * 20 + 20):
            words[i % 800] = f"new{step}x{i}"
    loose = MinhashDedup(bands=40, rows=2)
    table = found(loose, list(texts))
    assert len(table) == 41
    assert {row[2] for row in table} == {None, "id0"}
    assert {row[3] for row in table} == {41}
    assert found(loose, [texts[0], texts[40]]) == []


@pytest.mark.parametrize("verify", [None, 0.8])
def test_a_hundred_thousand_copies_are_as_many_edges(verify: float | None) -> None:
    n, step = 100_000, MinhashDedup(verify_jaccard=verify, max_cluster=0)
    keys = step.keys(documents([" ".join(prose(5))]))
    rows = pa.table(keys).take(pa.array([0] * n)).add_column(0, DOC, pa.array(range(n), pa.int64()))
    with in_memory(Path()) as sql:
        look = Counting(sql)
        sql.connection.register("given", rows)  # type: ignore[attr-defined]
        verdicts = step.relate(sql("SELECT * FROM given"), sql, look)
        table = sql(
            "SELECT count(*) AS n, count(reason) AS dropped, max(cluster.size) AS size FROM {v}", v=verdicts
        ).rows()
    assert table == [{"n": n, "dropped": n - 1, "size": n}]
    assert look.asked == 0
    assert look.metrics.get("pairs_compared", 0) == 0
    assert look.metrics.get("documents_of_one_signature", n - 1) == n - 1


class Counting:
    """A look at documents that nobody need look at."""

    def __init__(self, sql: Sql) -> None:
        self.sql, self.asked, self.metrics = sql, 0, dict[str, int]()

    def second_pass(self, docs: Relation) -> Relation:
        self.asked += docs.count()
        return self.sql("SELECT doc, CAST([] AS BIGINT[]) AS features FROM {docs}", docs=docs)

    def metric(self, name: str, value: int) -> None:
        self.metrics[name] = value


TEXTS = st.lists(st.none() | st.text(st.sampled_from("ab .漢\n"), max_size=30), max_size=8)


@given(TEXTS, st.integers(0, 8))
def test_keys_do_not_depend_on_the_batch(texts: list[str | None], at: int) -> None:
    step, whole = MinhashDedup(bands=3, rows=2, ngram=2, keep="longest"), documents(texts)
    keys = step.keys(whole)
    assert keys.schema.equals(step.key_schema())
    assert (
        step.keys(whole.slice(0, at)).to_pylist() + step.keys(whole.slice(at)).to_pylist() == keys.to_pylist()
    )
    assert keys.schema.names[-3:] == ["band_00", "band_01", "band_02"]


@given(st.lists(st.none() | st.text(st.sampled_from("ab "), max_size=10), max_size=8))
def test_verdicts_are_the_components_of_shared_bands(texts: list[str | None]) -> None:
    step = MinhashDedup(bands=2, rows=1, ngram=1)
    keys = step.keys(documents(texts))
    bands = [
        {i for i in row if i is not None}
        for row in zip(*(keys.column(f"band_0{j}").to_pylist() for j in range(2)), strict=True)
    ]
    edges = [(i, j) for i, a in enumerate(bands) for j, b in enumerate(bands[:i]) if a & b]
    labels = dict(union_find(edges))
    sizes = [list(labels.values()).count(labels.get(d)) for d in range(len(texts))]
    assert found(step, texts) == [
        (d, *((None, None) if d == label else ("near_duplicate", f"id{label}")), sizes[d])
        for d, label in sorted(labels.items())
    ]


@pytest.mark.parametrize("texts", [[], [None], [None, None], ["", "one two three four", None], ["a b c d e"]])
def test_nothing_to_say(texts: list[str | None]) -> None:
    assert found(MinhashDedup(), texts) == []


def test_chinese_needs_no_spaces() -> None:
    text = "".join(chr(0x4E00 + i) for i in random.Random(6).sample(range(5000), 300))
    table = found(MinhashDedup(), [text, text[:150] + "，" + text[150:] + "。", text[::-1]])
    assert [(row[0], row[2]) for row in table] == [(0, None), (1, "id0")]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"threshold": 0.8, "bands": 9}, "threshold: stands for bands and rows"),
    ({"profile": "datatrov"}, "profile: no minhash_profile 'datatrov'; did you mean 'datatrove'"),
    ({"profile": "gpt3", "bits": 64}, "bits: profile gpt3 takes 32, not 64"),
    ({"profile": "datatrove", "unit": "char"}, "unit: profile datatrove takes word, not char"),
    ({"keep": "best"}, "keep: 'best' is none of first, longest"),
    ({"keep": "source_priority"}, "priority: goes with keep: source_priority"),
    ({"against": "nowhere/*.parquet"}, "no file matches 'nowhere"),
]


@pytest.mark.parametrize(("settings", "why"), REFUSED, ids=[str(s) for s, _ in REFUSED])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(PlanError, match=why):
        MinhashDedup(**settings).check()


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"bands": 0}, "bands: must be at least 1, not 0"),
        ({"threshold": 1.5}, "threshold: must be at most 1, not 1.5"),
        ({"verify_jaccard": 0.0}, "verify_jaccard: must be over 0, not 0.0"),
    ],
)
def test_bounds_are_checked_when_a_recipe_is_read(settings: dict[str, Any], why: str) -> None:
    reader = Reader("stages.yaml")
    assert reader.settings(MinhashDedup, settings, ("with",)) is None
    assert [str(problem) for problem in reader.problems] == [f"stages.yaml:1: {why}"]


def test_what_a_profile_does_where_settings_do_not_say() -> None:
    default, datatrove, gpt3 = (MinhashDedup(profile=p).shingling for p in ("default", "datatrove", "gpt3"))
    assert [s.ngram for s in (default, datatrove, gpt3)] == [5, 5, 1]
    assert [s.bits for s in (default, datatrove, gpt3)] == [32, 64, 32]
    assert MinhashDedup(profile="datatrove", bits=32, hashing="sha1").shingling == replace(
        datatrove, bits=32, hashing="sha1"
    )


def test_a_profile_travels_to_workers_with_the_step() -> None:
    step = MinhashDedup(profile="gpt3")
    step.check()
    assert "shingling" in pickle.loads(pickle.dumps(step)).__dict__


def test_bands_and_rows() -> None:
    assert MinhashDedup().banding == (14, 8)
    assert MinhashDedup(rows=5).banding == (14, 5)
    assert MinhashDedup(profile="gpt3").banding == (10, 1)
    lsh = MinHashLSH(threshold=0.75, num_perm=256)
    assert MinhashDedup(threshold=0.75, permutations=256).banding == (lsh.b, lsh.r)


def test_columns() -> None:
    left = MinhashDedup().flow(pa.schema([ID, TEXT, SOURCE, DATE]))
    assert left.names == ["id", "text", "source", "date", "cluster"]
    assert left.types[4] == CLUSTER
    assert MinhashDedup(column="near").makes().names == ["near"]


def halves() -> list[str | None]:
    """Texts of 400 words that have, with the first, 300 (Jaccard .59) and 380 (.89) in common."""
    words = prose(11)
    return [" ".join(w) for w in (words, words[:300] + prose(12, 100), words[:380] + prose(13, 20))]


@pytest.mark.parametrize("verify_with", ["shingles", "signature"])
def test_only_what_is_alike_counts_where_pairs_are_verified(verify_with: Any) -> None:
    loose = MinhashDedup(bands=112, rows=1)
    assert [row[0] for row in found(loose, halves())] == [0, 1, 2]
    strict = MinhashDedup(bands=112, rows=1, verify_jaccard=0.75, verify_with=verify_with)
    table, metrics = applied(strict, documents(halves()))
    assert clusters(table, "cluster") == [(0, None, None, 2), (2, "near_duplicate", "id0", 2)]
    assert metrics == {
        "documents_of_one_signature": 0,
        "pairs_beyond_the_first_of_a_band": 0,
        "pairs_sharing_a_band": 3,
        "pairs_compared": 3,
        "pairs_alike": 1,
        "documents_alike_only_to_dropped_ones": 0,
    }


def test_what_a_kept_document_says_of_its_cluster() -> None:
    dates, sources = ["2024-03-02T01:00:00Z", None, "2023-01-01"], ["b", "a", "b"]
    table, _ = applied(MinhashDedup(bands=112, rows=1), documents(halves(), date=dates, source=sources))
    assert table["cluster"].to_pylist() == [
        {"duplicate_of": None, "size": 3, "dates": ["2023-01-01", "2024-03-02"], "sources": ["a", "b"]},
        {"duplicate_of": "id0", "size": 3, "dates": None, "sources": None},
        {"duplicate_of": "id0", "size": 3, "dates": None, "sources": None},
    ]


def test_the_signature_says_that_two_are_one() -> None:
    texts = [" ".join(prose(1)), " ".join(prose(2)), " ".join(prose(1)).upper()]
    table, metrics = applied(MinhashDedup(verify_jaccard=0.9), documents(list(texts)))
    assert metrics["documents_of_one_signature"] == 1
    assert metrics["pairs_compared"] == 0
    assert clusters(table, "cluster") == [(0, None, None, 2), (2, "near_duplicate", "id0", 2)]


@pytest.mark.parametrize("profile", sorted(names("minhash_profiles")))
def test_profiles_find_copies(profile: str) -> None:
    assert [row[0] for row in found(MinhashDedup(profile=profile), planted())][:2] == [0, 2]


@pytest.mark.data
def test_chapters_of_different_books_stay_apart(shared_data: Path) -> None:
    with (shared_data / "dedup/book_editions_near_dups.jsonl.zst").open("rb") as file:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8")
        texts = [json.loads(line)["text"] for line in lines]
    doubled = [*texts, *(t.replace("\n", "  \n") for t in texts)]
    books: dict[str, list[int]] = {}
    for row, _, kept, _ in found(MinhashDedup(), list(doubled)):
        books.setdefault(kept or f"id{row}", []).append(row)
    long_enough = {i for i, t in enumerate(texts) if len(t.split()) > 5}
    assert {d % len(texts) for c in books.values() for d in c} >= long_enough
    assert all({d, d + len(texts)} <= {*c} or d >= len(texts) for c in books.values() for d in c)
    assert max(map(len, books.values())) <= 8  # three editions at most, and demo texts, each twice
    assert len(books) > 20


@pytest.mark.spark
def test_spark_decides_the_same(on_spark: Session) -> None:
    step = MinhashDedup(verify_jaccard=0.5, keep="longest")
    ours, metrics = applied(step, documents(planted()))
    theirs, measured = applied(step, documents(planted()), 9, on_spark)
    assert theirs.equals(ours)
    assert metrics == measured
    assert len(clusters(ours, "cluster")) == 8
