"""`against`: what is like reference sets and other runs goes, and they are not written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.local import LocalEngine
from pipeline.record import Record, list_shards
from pipeline.run import Runner
from pipeline.stage import Relate
from stages.dedup.exact import ExactDedup
from stages.dedup.minhash import MinhashDedup
from stages.ingest.jsonl import Jsonl
from tests.stages.dedup.minhash.test_stage import edited, prose
from tests.toy import chain, recipe

BOOK, NEWS, BLOG = (prose(i, 80) for i in (21, 22, 23))


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    made = LocalEngine(1, {})
    yield made
    made.close()


def jsonl(path: Path, **texts: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"id": k, "text": v}) + "\n" for k, v in texts.items()))
    return str(path)


def crawl(folder: Path) -> Jsonl:
    path = jsonl(
        folder / "crawl.jsonl",
        book=edited(BOOK, 40),
        longer=" ".join(BOOK) + " and a word more",
        news=" ".join(NEWS),
        again=" ".join(NEWS),
        blog=" ".join(BLOG),
    )
    return Jsonl(paths=path, source="crawl")


def run(engine: LocalEngine, output: Path, source: Jsonl, step: Relate) -> Record:
    return Runner(recipe(output, chain(source, step)), engine, lambda *_: None).run()


def rows(output: Path, named: dict[str, list[str]]) -> dict[str, dict[str, Any]]:
    """id -> document, of the shards in a run's folders."""
    shards = list_shards(output / folder for folders in named.values() for folder in folders)
    return {r["id"]: r for p in shards for r in pq.read_table(p).to_pylist()}


@pytest.mark.parametrize("keep", ["first", "longest"])
@pytest.mark.parametrize("verify", [None, 0.7])
def test_what_is_like_a_reference_goes_whatever_is_longer(
    engine: LocalEngine, tmp_path: Path, keep: str, verify: float | None
) -> None:
    reference = jsonl(tmp_path / "curated.jsonl", gutenberg=" ".join(BOOK), other=" ".join(prose(30, 50)))
    step = MinhashDedup(against=reference, keep=keep, verify_jaccard=verify)
    record = run(engine, tmp_path / "out", crawl(tmp_path), step)
    assert list(rows(tmp_path / "out", record.documents)) == ["news", "blog"]
    dropped = rows(tmp_path / "out", record.dropped)
    assert {i: r["cluster"]["duplicate_of"] for i, r in dropped.items()} == {
        "book": "gutenberg",
        "longer": "gutenberg",
        "again": "news",
    }


def test_a_run_and_parquet_files_are_references_too(engine: LocalEngine, tmp_path: Path) -> None:
    first = run(engine, tmp_path / "first", crawl(tmp_path / "a"), ExactDedup())
    assert first.rows == {"toy": 4}
    table = pa.table({"id": ["p"], "text": [" ".join(prose(40, 30))]})
    pq.write_table(table, tmp_path / "some.parquet")
    source = Jsonl(
        paths=jsonl(tmp_path / "second.jsonl", a=" ".join(NEWS), b=" ".join(prose(40, 30)), c="new text"),
        source="crawl",
    )
    step = ExactDedup(against=(str(tmp_path / "first"), str(tmp_path / "*.parquet")))
    record = run(engine, tmp_path / "out", source, step)
    assert list(rows(tmp_path / "out", record.documents)) == ["c"]
    dropped = rows(tmp_path / "out", record.dropped)
    assert [dropped[i]["exact_cluster"]["duplicate_of"] for i in "ab"] == ["news", "p"]


def test_a_reference_that_changes_changes_the_run(engine: LocalEngine, tmp_path: Path) -> None:
    reference = jsonl(tmp_path / "curated.jsonl", x="nothing alike")
    before = ExactDedup(against=reference).stamp()
    assert before == ExactDedup(against=reference).stamp() != ExactDedup().stamp() == ""
    record = run(engine, tmp_path / "out", crawl(tmp_path), ExactDedup(against=reference))
    assert len(rows(tmp_path / "out", record.documents)) == 4
    jsonl(tmp_path / "curated.jsonl", x=" ".join(BLOG), y="and more")
    assert ExactDedup(against=reference).stamp() != before
    record = run(engine, tmp_path / "out", crawl(tmp_path), ExactDedup(against=reference))
    assert "blog" not in rows(tmp_path / "out", record.documents)
