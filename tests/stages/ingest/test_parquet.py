from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import PlanError
from stages.ingest.parquet import Parquet, _footer

N = 500


def table(n: int = N) -> pa.Table:
    return pa.table({
        "id": [f"d{i}" if i % 7 else None for i in range(n)],
        "url": [f"http://a/{i}" for i in range(n)],
        "text": [f"text {i} " * 20 for i in range(n)],
        "score": pa.array([i / 2 for i in range(n)], pa.float32()),
        "label": pa.array(["a", "b"] * (n // 2)).dictionary_encode(),
        "tags": pa.array([["x"] * (i % 3) for i in range(n)]),
        "n": pa.array(range(n), pa.uint64()),
    })  # fmt: skip


def write(path: Path, data: pa.Table, group: int = 60) -> str:
    pq.write_table(data, path, row_group_size=group)
    return str(path)


def rows(step: Parquet) -> list[dict[str, Any]]:
    step.check()
    found = []
    for split in step.splits():
        for batch in step.read(split):
            batch.validate(full=True)
            assert batch.schema.names == [*step.makes().names, "reasons"]
            found += batch.to_pylist()
    return found


@pytest.mark.parametrize("split_bytes", [1, 4000, 1 << 20])
def test_reads_what_was_written(tmp_path: Path, split_bytes: int) -> None:
    path = write(tmp_path / "a.parquet", table())
    step = Parquet(
        paths=path,
        source="web",
        keep=(
            "score",
            "label",
            "tags",
        ),
        split_bytes=split_bytes,
    )
    found = rows(step)
    assert [r["text"] for r in found] == table()["text"].to_pylist()
    assert [r["offset"] for r in found] == list(range(N))
    assert [r["id"] for r in found if r["offset"] % 7] == [f"d{i}" for i in range(N) if i % 7]
    assert len({r["id"] for r in found}) == N
    assert {len(r["id"]) for r in found if r["offset"] % 7 == 0} == {16}
    assert [(r["score"], r["label"], r["tags"]) for r in found[:3]] == [
        (0.0, "a", []),
        (0.5, "b", ["x"]),
        (1.0, "a", ["x"] * 2),
    ]
    assert {(r["source"], r["file"], r["length"], r["date"], r["reasons"]) for r in found} == {
        ("web", path, 1, None, None)
    }
    assert step.makes().field("label").type == pa.string()
    assert step.makes().field("score").type == pa.float32()
    assert (
        len(step.splits())
        == {1: 9, 4000: -(-9 // max(1, 9 * 4000 // Path(path).stat().st_size)), 1 << 20: 1}[split_bytes]
    )


def test_columns_by_other_names_and_types(tmp_path: Path) -> None:
    data = pa.table({
        "content": pa.array(["<p>", None, " ", "a\0b"], pa.large_string()),
        "key": pa.array([1, 2, 3, None], pa.int32()),
        "when": pa.array([0, 1, None, 3], pa.timestamp("s")),
        "link": pa.array([b"a", b"b", b"c", b"d"], pa.binary()),
    })  # fmt: skip
    step = Parquet(paths=write(tmp_path / "a.parquet", data), body="html", text_column="content",
                   id_column="key", date_column="when", url_column="link")  # fmt: skip
    found = rows(step)
    assert [r["html"] for r in found] == ["<p>", None, None, "a\ufffdb"]
    assert [r["reasons"] for r in found] == [None, ["no_text"], ["empty"], None]
    assert [r["id"] for r in found[:3]] == ["1", "2", "3"]
    assert len(found[3]["id"]) == 16
    assert found[1]["date"].startswith("1970-01-01 00:00:01")
    assert {r["url"] for r in found} == {None}, "bytes are no address"


def test_text_that_is_no_utf_8_is_named(tmp_path: Path) -> None:
    raw = pa.array([b"good", b"caf\xe9", None, "é".encode()], pa.binary())
    broken = pa.Array.from_buffers(pa.string(), 4, raw.buffers())
    found = rows(Parquet(paths=write(tmp_path / "a.parquet", pa.table({"text": broken, "url": broken}))))
    assert [r["text"] for r in found] == ["good", None, None, "é"]
    assert [r["reasons"] for r in found] == [None, ["invalid_utf8"], ["no_text"], None]
    assert [r["url"] for r in found] == ["good", "caf\ufffd", None, "é"]


def test_what_does_not_fit_is_said_before_anything_runs(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", table())
    other = write(tmp_path / "b.parquet", pa.table({"text": ["a"], "score": ["high"]}))
    for step, message in [
        (Parquet(paths=path, text_column="txt"), "no column 'txt'; did you mean 'text'"),
        (Parquet(paths=path, body="html"), "no column 'html'"),
        (Parquet(paths=path, text_column="tags"), "'tags' .* is list"),
        (Parquet(paths=path, keep=("scores",)), "'scores'; did you mean 'score'"),
        (Parquet(paths=path, keep=("url",)), "url"),
        (Parquet(paths=path, keep=("n",)), "uint64"),
        (
            Parquet(
                paths=(
                    path,
                    other,
                ),
                keep=("score",),
            ),
            "b.parquet is string, not float",
        ),
        (Parquet(paths=str(tmp_path / "*.none")), "none"),
    ]:
        with pytest.raises(PlanError, match=message):
            step.check()


def test_a_damaged_file_is_one_row(tmp_path: Path) -> None:
    good = write(tmp_path / "b.parquet", table(10))
    intact = Path(good).read_bytes()
    for name, data in {
        "a": intact[:-20],
        "c": b"",
        "d": b"PAR1 no PAR1",
        "e": intact[:-6] + b"\xff\xffPAR1",
    }.items():
        (tmp_path / f"{name}.parquet").write_bytes(data)
    found = rows(Parquet(paths=str(tmp_path / "*.parquet"), keep=("score",)))
    assert [(Path(r["file"]).stem, r["reasons"]) for r in found if r["reasons"]] == [
        (name, ["damaged:parquet"]) for name in "acde"
    ]
    assert sum(not r["reasons"] for r in found) == 10
    assert all(r["offset"] is None and r["length"] is None for r in found if r["reasons"])


def test_a_damaged_row_group_costs_that_row_group(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(table(), path, row_group_size=100, compression="zstd")
    group = pq.read_metadata(path).row_group(2)
    chunk = next(
        group.column(c) for c in range(group.num_columns) if group.column(c).path_in_schema == "text"
    )
    data = bytearray(path.read_bytes())
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    data[start : start + chunk.total_compressed_size] = bytes(chunk.total_compressed_size)
    path.write_bytes(data)
    for split_bytes in (1, 1 << 30):
        found = rows(Parquet(paths=str(path), split_bytes=split_bytes))
        (lost,) = [r for r in found if r["reasons"]]
        assert lost["reasons"] == ["damaged:parquet"]
        assert (lost["offset"], lost["length"]) == (200, 100)
        assert [r["offset"] for r in found if not r["reasons"]] == [*range(200), *range(300, 500)]


def test_an_empty_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", table(2).slice(0, 0))
    assert rows(Parquet(paths=path)) == []
    assert [(s.start, s.stop) for s in Parquet(paths=path).splits()] in ([(0, 0)], [(0, 1)])


def test_each_footer_is_read_once(tmp_path: Path) -> None:
    for i in range(20):
        write(tmp_path / f"{i}.parquet", table(14))
    step = Parquet(paths=str(tmp_path / "*.parquet"), keep=("score",))
    before = _footer.cache_info().misses
    step.check()
    step.makes()
    assert len(step.splits()) == 20
    assert _footer.cache_info().misses - before == 20
    write(tmp_path / "7.parquet", table(28))
    step.splits()
    assert _footer.cache_info().misses - before == 21, "the file has changed"


def test_reading_a_split_looks_at_its_own_file_alone(tmp_path: Path) -> None:
    one, two = (write(tmp_path / name, table(14)) for name in ("a.parquet", "b.parquet"))
    step = Parquet(paths=(one, two), keep=("score", "label"))
    want = rows(step)
    first, last = step.splits()
    Path(one).unlink()
    assert [row for batch in step.read(last) for row in batch.to_pylist()] == want[14:]
    assert first.path == one
