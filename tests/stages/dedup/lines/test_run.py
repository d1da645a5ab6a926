"""A whole run: documents rewritten, dropped and counted, the same for any number of workers."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from pipeline.local import LocalEngine
from pipeline.record import Record
from pipeline.run import Runner
from stages.dedup.lines import LineDedup
from tests.toy import Lines, chain, recipe, write_lines

FILES = {
    "a.txt": "One is. Two is. Three is. Its own.\nOther page. With more. Than that.\n",
    "b.txt": "One is. Two is. Three is.\n?\nFirst here. One is. Two is. Three is. Then this. And this.\n",
    "c.txt": "Nothing shared. By this one. At all.\n",
}


def run(engine: LocalEngine, folder: Path, step: LineDedup) -> tuple[Record, dict[str, int]]:
    source = Lines(paths=write_lines(folder / "in", FILES), source="toy")
    output = folder / f"out-{engine.workers}"
    record = Runner(recipe(output, chain(source, step)), engine, lambda *_: None).run()
    shards = sorted(p for folder in record.documents["toy"] for p in (output / folder).glob("*.parquet"))
    rows = [row for shard in shards for row in pq.read_table(shard).to_pylist()]
    return record, {row["text"]: row["line_dedup"]["n_removed"] for row in rows}


def test_a_whole_run(local: LocalEngine, tmp_path: Path) -> None:
    step = LineDedup(profile="c4")
    record, kept = run(local, tmp_path, step)
    assert kept == {
        "One is. Two is. Three is. Its own.": 0,
        "Other page. With more. Than that.": 0,
        "First here. Then this. And this.": 3,
        "Nothing shared. By this one. At all.": 0,
    }
    (counts,) = (s for s in record.steps if s.name == "LineDedup")
    assert counts.dropped == {"nothing_left": 1}
    alone = LocalEngine(1, {})
    same_record, same = run(alone, tmp_path, step)
    alone.close()
    assert same == kept
    assert same_record.content_hash == record.content_hash


def test_without_limits_documents_are_not_read_again(local: LocalEngine, tmp_path: Path) -> None:
    record, kept = run(local, tmp_path, LineDedup(profile="baichuan2"))
    assert kept["First here. Then this. And this."] == 3
    (counts,) = (s for s in record.steps if s.name == "LineDedup")
    assert counts.dropped == {"nothing_left": 1}
