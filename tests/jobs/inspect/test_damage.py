"""fsck: what it prints, and its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from jobs.inspect.cli import fsck
from jobs.inspect.damage import SHOWN
from tests.stages.ingest.archives import LOSES_NOTHING, LOSES_ONE, member, response

app = typer.Typer()
app.command()(fsck)


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    return result.exit_code, result.output


def test_an_intact_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(member(response(1)) + member(response(2)))
    assert call(path) == (0, f"{path}: gzip, 2 intact, no damage\n")


def test_damage_is_shown_by_byte_range(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(response(1) + LOSES_ONE["no length"](response(2)) + response(3)[:-4] + response(4))
    code, text = call(path)
    assert code == 1
    head, titles, *table = text.splitlines()
    assert head == f"{path}: plain, 3 intact, 1 damaged"
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
    code, text = call("--json", tmp_path / "*")
    assert code == 1
    a, b = map(json.loads, text.splitlines())
    assert (a["kind"], a["records"], a["damage"]) == ("plain", 1, [])
    assert (b["kind"], b["records"], [d["reason"] for d in b["damage"]]) == ("gzip", 0, ["truncated"])


def test_long_tables_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_bytes(b"x\n" * (SHOWN + 5))
    _, text = call(path)
    assert text.splitlines()[-1].split() == ["and", "5", "more"]
    assert len(json.loads(call("--json", path)[1])["damage"]) == SHOWN + 5
