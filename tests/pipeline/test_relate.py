"""Relate steps that ask documents again, compare with references and rewrite; keys that are damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.engine import Engine
from pipeline.errors import RunError
from pipeline.inline import InlineEngine
from pipeline.local import LocalEngine
from pipeline.record import Record
from pipeline.relate import damaged
from pipeline.run import Runner
from pipeline.shards import ShardWriter
from tests.toy import Compare, Lines, OnePerLetter, Twice, chain, recipe, texts, write_lines

A = {"a.txt": "apple\n?\nbanana\navocado\ncherry\n", "b.txt": "citrus\napricot\ndate\n", "c.txt": "elder\n"}


def lines(folder: Path) -> Lines:
    return Lines(paths=write_lines(folder / "in", A), source="toy")


def run(engine: Engine, output: Path, source: Lines, *steps: Any) -> Record:
    return Runner(recipe(output, chain(source, *steps)), engine, lambda *_: None).run()


def told(output: Path, record: Record) -> dict[str, str | None]:
    shards = sorted((output / "documents" / "toy").glob("part-*.parquet"))
    rows = [r for s in shards for r in pq.read_table(s).to_pylist()]
    return {r["text"]: r["told"] for r in rows}


ALONE = {
    "APPLE": "avocado/3 apricot/3",
    "AVOCADO": "apricot/3",
    "CHERRY": "citrus/2",
    "banana": None,
    "date": None,
    "elder": None,
}


def test_documents_are_asked_again_where_they_lie(local: LocalEngine, tmp_path: Path) -> None:
    record = run(local, tmp_path / "out", lines(tmp_path), Compare())
    assert told(tmp_path / "out", record) == ALONE
    shards = [s for folder in record.dropped["toy"] for s in (tmp_path / "out" / folder).glob("*.parquet")]
    rows = [r for s in shards for r in pq.read_table(s).to_pylist()]
    assert {r["text"] for r in rows if r["dropped_by"] == "Compare"} == {"APRICOT", "CITRUS"}
    assert record.steps[-1].metrics["letters"] == 2
    assert not list((tmp_path / "out").rglob("second_passes"))


def test_references_are_compared_with_but_not_kept(local: LocalEngine, tmp_path: Path) -> None:
    (first,) = write_lines(tmp_path / "one", {"r.txt": "?\nbeet\nelm\n"})
    (second,) = write_lines(tmp_path / "two", {"s.txt": "eggplant\n"})
    record = run(local, tmp_path / "out", lines(tmp_path), Compare(against=(first, second)))
    assert told(tmp_path / "out", record) == {
        "APPLE": "avocado/3 apricot/3",
        "AVOCADO": "apricot/3",
        "CHERRY": "citrus/2",
        "date": None,
    }  # banana and elder come after beet, elm and eggplant, as the last of their letters
    assert record.rows == {"toy": 4}
    (keys,) = (tmp_path / "out" / "_run" / "toy").glob("*Compare*/against")
    numbers = [pq.read_table(p)["doc"].to_pylist() for p in sorted(keys.glob("*.parquet"))]
    assert numbers == [[-1 << 53, (-1 << 53) + 1], [(-1 << 53) + (1 << 32)]]


def test_documents_are_told_of_references_that_are_looked_at(tmp_path: Path) -> None:
    against = write_lines(tmp_path / "one", {"r.txt": "?\nbeet\nelm\n", "s.txt": "eggplant\n"})
    engine, step = InlineEngine(1, {}), Compare(against=against, earlier=True)
    record = run(engine, tmp_path / "out", lines(tmp_path), step)
    assert told(tmp_path / "out", record) == {
        "APPLE": "first",
        "AVOCADO": "apple/3",
        "APRICOT": "apple/3 avocado/3",
        "BANANA": "beet/2",
        "CHERRY": "first",
        "CITRUS": "cherry/2",
        "date": None,
        "ELDER": "elm/3 eggplant/3",
    }


def test_each_second_pass_has_an_answer_of_its_own(tmp_path: Path) -> None:
    source = Lines(paths=write_lines(tmp_path / "in", {"a.txt": "apple\nbanana\nab\ncherry\n"}), source="toy")
    record = run(InlineEngine(1, {}), tmp_path / "out", source, Twice())
    assert told(tmp_path / "out", record) == {
        "APPLE": "apple/97",
        "BANANA": "banana/98",
        "AB": "ab/97",
        "cherry": None,
    }


def test_documents_of_all_sources_are_looked_at_where_they_lie(tmp_path: Path) -> None:
    files = [{"a.txt": "apple\nbanana\n", "b.txt": "cherry\n"}, {"c.txt": "citrus\navocado\n"}]
    chains = [
        chain(Lines(paths=write_lines(tmp_path / "in", f), source=name), Compare(), name=name, shared=1)
        for name, f in zip("xy", files, strict=True)
    ]
    Runner(recipe(tmp_path / "out", *chains), InlineEngine(1, {}), lambda *_: None).run()
    assert texts(tmp_path / "out", "x") == ["APPLE", "banana", "CHERRY"]
    shards = sorted((tmp_path / "out" / "documents" / "x").glob("part-*.parquet"))
    assert [pq.read_table(s)["told"].to_pylist() for s in shards] == [["avocado/2", None], ["citrus/2"]]
    assert texts(tmp_path / "out", "y") == []


def test_a_run_that_was_killed_goes_on_with_what_it_had_looked_at(local: LocalEngine, tmp_path: Path) -> None:
    whole_run = run(local, tmp_path / "whole", lines(tmp_path), Compare())
    record = run(local, tmp_path / "out", lines(tmp_path), Compare())
    (folder,) = (tmp_path / "out" / "_run" / "toy").glob("*Compare*")
    (verdicts,) = folder.glob("verdicts")
    verdicts.rename(folder / "gone")
    for made in folder.glob("part-*"):
        made.unlink()
    (folder / "second_passes" / "0").mkdir(parents=True)
    looked = pa.schema([("doc", pa.int64()), *Compare.feature_columns])
    with ShardWriter(folder / "second_passes" / "0" / "part-00001.parquet", looked) as writer:
        rows = {"doc": [1 << 32, (1 << 32) + 1], "letter": [99, 97], "seen": ["seen", "before"]}
        writer.write(pa.RecordBatch.from_pydict(rows, schema=looked))
    again = run(local, tmp_path / "out", lines(tmp_path), Compare())
    assert told(tmp_path / "out", again)["CHERRY"] == "seen"
    assert told(tmp_path / "out", again)["AVOCADO"] == "before"
    assert whole_run.content_hash == record.content_hash != again.content_hash


def test_damaged_keys_are_named_and_made_again(local: LocalEngine, tmp_path: Path) -> None:
    record = run(local, tmp_path / "out", lines(tmp_path), OnePerLetter())
    (folder,) = (tmp_path / "out" / "_run" / "toy").glob("*OnePerLetter*")
    damaged = folder / "keys" / "part-00001.parquet"
    for shard in [*(folder / "verdicts").rglob("*.parquet"), *folder.glob("part-*")]:
        shard.unlink()
    (folder / "verdicts").rename(folder / "gone")
    data = bytearray(damaged.read_bytes())
    with pq.ParquetFile(damaged) as file:
        column = file.metadata.row_group(0).column(1)
    data[column.data_page_offset + column.total_compressed_size - 5] ^= 0xFF
    damaged.write_bytes(data)
    with pytest.raises(RunError, match=r"part-00001\.parquet.*made again by the same command"):
        run(local, tmp_path / "out", lines(tmp_path), OnePerLetter())
    assert not damaged.exists()
    again = run(local, tmp_path / "out", lines(tmp_path), OnePerLetter())
    assert again.content_hash == record.content_hash


def test_a_cut_or_empty_file_of_keys_is_damaged(tmp_path: Path) -> None:
    good, cut, empty = (tmp_path / name for name in ("good.parquet", "cut.parquet", "empty.parquet"))
    pq.write_table(pa.table({"doc": [1, 2, 3]}), good)
    cut.write_bytes(good.read_bytes()[:-20])
    empty.touch()
    assert damaged([good]) == []
    cut_, empty_ = damaged([good, cut, empty])
    assert good.exists()
    assert not cut.exists()
    assert not empty.exists()
    assert cut_.startswith(f"{cut}: ")
    assert empty_.startswith(f"{empty}: ")


def test_a_page_that_says_something_else_is_damaged(tmp_path: Path) -> None:
    path, shard = tmp_path / "keys.parquet", pa.table({"doc": [0x11223344, 2, 3]})
    plain: dict[str, Any] = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    pq.write_table(shard, path, write_page_checksum=True, **plain)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"\x44\x33\x22\x11\0\0\0\0", b"\x45\x33\x22\x11\0\0\0\0", 1))
    assert pq.read_table(path)["doc"].to_pylist() == [0x11223345, 2, 3]  # nothing but the checksum tells
    (why,) = damaged([path])
    assert why.startswith(f"{path}: ")
    assert not path.exists()
