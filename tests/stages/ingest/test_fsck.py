from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from pipeline.shards import ShardWriter, digest, write_json
from stages.ingest.fsck import SHOWN, examine, fsck
from tests.stages.ingest.archives import LOSES_NOTHING, LOSES_ONE, member, response

app = typer.Typer()
app.command()(fsck)


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    return result.exit_code, result.output


def test_a_warc_file_that_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(member(response(1)) + member(response(2)))
    code, text = call(path)
    assert code == 0
    assert text == f"{path}: gzip, 2 whole, no damage\n"


def test_damage_is_told_by_byte_range(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(response(1) + LOSES_ONE["no length"](response(2)) + response(3)[:-4] + response(4))
    code, text = call(path)
    assert code == 1
    head, titles, *table = text.splitlines()
    assert head == f"{path}: plain, 3 whole, 1 damaged"
    assert titles.split() == ["offset", "length", "reason"]
    assert [line.split()[2] for line in table] == ["bad_header", "missing_crlf"]
    assert table[0].split()[0] == f"{len(response(1)):,}"
    assert "nothing is lost" in table[1]


def test_flaws_alone_are_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(LOSES_NOTHING["no line ends after it"](response(2)) + response(1))
    code, text = call(path)
    assert code == 0
    assert "missing_crlf (nothing is lost)" in text


def test_many_files_and_json(tmp_path: Path) -> None:
    (tmp_path / "a.warc").write_bytes(response(1))
    (tmp_path / "b.warc.gz").write_bytes(member(response(1))[:-9])
    (tmp_path / "c.jsonl").write_bytes(b'{"text": "a"}\nno json\n' * 2)
    code, text = call("--json", tmp_path / "*")
    assert code == 1
    a, b, c = map(json.loads, text.splitlines())
    assert (a["kind"], a["records"], a["damage"]) == ("plain", 1, [])
    assert (b["kind"], b["records"], [d["reason"] for d in b["damage"]]) == ("gzip", 0, ["truncated"])
    assert (c["kind"], c["records"]) == ("jsonl", 2)
    assert c["damage"] == [{"offset": 14 + 22 * i, "length": 8, "reason": "bad_json"} for i in range(2)]


def test_large_records_are_no_damage(tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(member(response(1)) + member(response(2, bytes(65 << 20))))
    (tmp_path / "b.jsonl").write_bytes(b'{"text": "' + b"x" * (65 << 20) + b'"}\n')
    code, text = call("--json", tmp_path / "*")
    assert code == 0
    assert [json.loads(line)["records"] for line in text.splitlines()] == [2, 0]
    assert "too_large to look into" in text


def test_long_tables_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_bytes(b"x\n" * (SHOWN + 5))
    _, text = call(path)
    assert text.splitlines()[-1].split() == ["and", "5", "more"]
    assert len(examine(str(path)).damage) == SHOWN + 5


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "part-00000.parquet"
    batch = pa.record_batch({"id": [str(i) for i in range(100)], "text": ["some text"] * 100})
    with ShardWriter(path, batch.schema) as writer:
        writer.write(batch)
    write_json(path.with_suffix(".json"), {"rows": 100, "sha256": digest(path)})
    return path


def test_parquet(shard: Path) -> None:
    assert call(shard) == (0, f"{shard}: parquet, 100 whole, no damage\n")
    whole = shard.read_bytes()
    column = pq.read_metadata(shard).row_group(0).column(1)
    at = column.data_page_offset
    shard.write_bytes(whole[:at] + bytes(20) + whole[at + 20 :])
    report = examine(str(shard))
    assert report.records == 0
    assert [d["reason"].split(":")[0] for d in report.damage] == ["row group 0", "sha256"]
    assert report.damage[0]["offset"] == pq.read_metadata(shard).row_group(0).column(0).dictionary_page_offset
    shard.write_bytes(whole[:-9])
    assert [d["reason"].split(":")[0] for d in examine(str(shard)).damage] == ["footer"]


def test_a_parquet_file_that_is_not_the_one_accounted_for(shard: Path) -> None:
    write_json(shard.with_suffix(".json"), {"rows": 99, "sha256": "0" * 64})
    assert [d["reason"].split(":")[0] for d in examine(str(shard)).damage] == ["rows", "sha256"]


@pytest.mark.parametrize("under", ["web", "web/heldout"])
def test_token_parts(tmp_path: Path, under: str) -> None:
    path = tmp_path / under / "part-00000.bin"
    path.parent.mkdir(parents=True)
    np.arange(64, dtype="<u2").tofile(path)
    assert [d["reason"] for d in examine(str(path)).damage] == [
        "no account beside it: the part was not finished"
    ]
    write_json(path.with_suffix(".json"), {"n_sequences": 4, "sha256": digest(path)})
    assert examine(str(path)).damage == []
    write_json(tmp_path / "tokens.json", {"dtype": "uint16", "sequence_length": 16})
    assert call(path) == (0, f"{path}: tokens, 64 whole, no damage\n")
    path.write_bytes(path.read_bytes()[:-2])
    assert [d["reason"].split(":")[0] for d in examine(str(path)).damage] == ["bytes", "sha256"]
    np.arange(1, 65, dtype="<u2").tofile(path)
    assert call(path)[0] == 1
    assert [d["reason"].split(":")[0] for d in examine(str(path)).damage] == ["sha256"]


@pytest.mark.data
def test_real_files(shared_data: Path) -> None:
    code, text = call("--json", shared_data / "warc/*/*", shared_data / "proxy_corpus/zh_poetry.jsonl.zst")
    assert code == 1
    reports = {Path(r["file"]).name: r for r in map(json.loads, text.splitlines())}
    assert len(reports) > 100
    assert reports["iana.warc.gz"]["records"] == 343
    assert reports["iana.warc.gz"]["damage"] == []
    assert reports["zh_poetry.jsonl.zst"]["records"] == 4550
    assert reports["warcfile.warc.lz4"]["damage"] == [
        {"offset": 0, "length": 168143, "reason": "unsupported:lz4"}
    ]
    assert {r["kind"] for r in reports.values()} == {
        "gzip",
        "plain",
        "arc",
        "gzip arc",
        "lz4",
        "bzip2",
        "unknown",
        "jsonl",
    }
