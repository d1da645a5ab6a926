from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.shards import ShardWriter
from pipeline.store import digest, write_json
from stages.ingest.fsck import Report, examine
from stages.ingest.paths import expand
from tests.stages.ingest.archives import LOSES_NOTHING, LOSES_ONE, member, response


def reasons(report: Report) -> list[str]:
    return [row["reason"].split(":")[0] for row in report.damage]


def test_an_intact_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(member(response(1)) + member(response(2)))
    assert examine(str(path)) == Report(str(path), "gzip", records=2)


def test_damage_and_flaws_have_byte_ranges(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    lost, odd = LOSES_ONE["no length"](response(2)), LOSES_NOTHING["no line ends after it"](response(3))
    path.write_bytes(response(1) + lost + odd + response(4))
    report = examine(str(path))
    assert (report.kind, report.records) == ("plain", 3)
    start = len(response(1))
    assert report.damage == [{"offset": start, "length": len(lost), "reason": "bad_header"}]
    assert report.flaws == [{"offset": start + len(lost), "length": len(odd), "reason": "missing_crlf"}]


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_bytes(b'{"text": "a"}\nno json\n' * 2)
    report = examine(str(path))
    assert (report.kind, report.records) == ("jsonl", 2)
    assert report.damage == [{"offset": 14 + 22 * i, "length": 8, "reason": "bad_json"} for i in range(2)]


def test_large_records_are_no_damage(tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(member(response(1)) + member(response(2, bytes(65 << 20))))
    (tmp_path / "b.jsonl").write_bytes(b'{"text": "' + b"x" * (65 << 20) + b'"}\n')
    archive, lines = (examine(str(tmp_path / name)) for name in ("a.warc.gz", "b.jsonl"))
    assert (archive.records, archive.damage, lines.records, lines.damage) == (2, [], 0, [])
    assert [flaw["reason"] for flaw in lines.flaws] == ["too_large to look into"]


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "part-00000.parquet"
    batch = pa.record_batch({"id": [str(i) for i in range(100)], "text": ["some text"] * 100})
    with ShardWriter(path, batch.schema) as writer:
        writer.write(batch)
    write_json(path.with_suffix(".json"), {"rows": 100, "sha256": digest(path)})
    return path


def test_parquet(shard: Path) -> None:
    assert examine(str(shard)) == Report(str(shard), "parquet", records=100)
    intact = shard.read_bytes()
    column = pq.read_metadata(shard).row_group(0).column(1)
    page = column.data_page_offset
    shard.write_bytes(intact[:page] + bytes(20) + intact[page + 20 :])
    report = examine(str(shard))
    assert report.records == 0
    assert reasons(report) == ["row group 0", "sha256"]
    assert report.damage[0]["offset"] == pq.read_metadata(shard).row_group(0).column(0).dictionary_page_offset
    shard.write_bytes(intact[:-9])
    assert reasons(examine(str(shard))) == ["footer"]


def test_a_parquet_file_that_is_not_the_one_accounted_for(shard: Path) -> None:
    write_json(shard.with_suffix(".json"), {"rows": 99, "sha256": "0" * 64})
    assert reasons(examine(str(shard))) == ["rows", "sha256"]


@pytest.mark.parametrize("under", ["web", "web/heldout"])
def test_token_parts(tmp_path: Path, under: str) -> None:
    path = tmp_path / under / "part-00000.bin"
    path.parent.mkdir(parents=True)
    np.arange(64, dtype="<u2").tofile(path)
    assert reasons(examine(str(path))) == ["no account beside it"]
    write_json(path.with_suffix(".json"), {"n_sequences": 4, "sha256": digest(path)})
    assert examine(str(path)).damage == []
    write_json(tmp_path / "tokens.json", {"dtype": "uint16", "sequence_length": 16})
    assert examine(str(path)) == Report(str(path), "tokens", records=64)
    path.write_bytes(path.read_bytes()[:-2])
    assert reasons(examine(str(path))) == ["bytes", "sha256"]
    np.arange(1, 65, dtype="<u2").tofile(path)
    assert reasons(examine(str(path))) == ["sha256"]


@pytest.mark.data
def test_real_files(shared_data: Path) -> None:
    files = expand([f"{shared_data}/warc/*/*", f"{shared_data}/proxy_corpus/zh_poetry.jsonl.zst"])
    reports = {Path(file).name: examine(file) for file in files}
    assert len(reports) > 100
    assert reports["iana.warc.gz"].records == 343
    assert reports["iana.warc.gz"].damage == []
    assert reports["zh_poetry.jsonl.zst"].records == 4550
    assert reports["warcfile.warc.lz4"].damage == [
        {"offset": 0, "length": 168143, "reason": "unsupported:lz4"}
    ]
    assert {r.kind for r in reports.values()} == {
        "gzip",
        "plain",
        "arc",
        "gzip arc",
        "lz4",
        "bzip2",
        "unknown",
        "jsonl",
    }
