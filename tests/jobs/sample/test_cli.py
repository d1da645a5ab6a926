"""The command: on the synthetic machine, and on the one that runs this test."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import typer
from fastwarc.warc import ArchiveIterator
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from jobs.sample import cli
from jobs.sample.cli import SHARES, apportion, build, draw, sample
from jobs.sample.harvest import Root, survey
from jobs.sample.sources import Machine
from jobs.sample.write import Document
from pipeline.errors import PlanError
from pipeline.store import digest, read_json

SETTINGS = {"documents": 100, "seed": 0}


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def run(out: Path, hash_seed: str, *arguments: str) -> str:
    code = "import typer; from jobs.sample.cli import sample; typer.run(sample)"
    command = [sys.executable, "-c", code, str(out), *arguments]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("real") / "deep" / "sample"
    assert "60 documents" in run(out, "1", "--documents", "60")
    return out


def test_this_machine_has_all_sources(real: Path) -> None:
    manifest = read_json(real / "sample.json")
    counts = {name: source["documents"] for name, source in manifest["sources"].items()}
    assert sum(counts.values()) == 60
    assert set(counts) == set(SHARES)
    assert min(counts.values()) >= 5
    assert counts["reference"] >= 30


def test_two_processes_write_the_same_bytes(real: Path, tmp_path: Path) -> None:
    run(tmp_path / "second", "2", "--documents", "60")
    assert tree(real) == tree(tmp_path / "second")
    assert len(tree(real)) == 5


def test_a_second_run_does_nothing(real: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in real.rglob("*")}
    assert "already there" in run(real, "3", "--documents", "60")
    assert {p: p.stat().st_mtime_ns for p in real.rglob("*")} == before


def test_real_pages_are_responses(real: Path) -> None:
    kinds: Counter[str] = Counter()
    for path in (real / "reference").iterdir():
        for record in ArchiveIterator(io.BytesIO(path.read_bytes()), parse_http=True):
            kinds[record.headers["WARC-Type"]] += 1
            if record.is_http:
                assert record.http_headers.status_code == 200
                assert len(record.reader.read()) > 1000
    assert kinds == {"warcinfo": 1, "response": 30}


def make(machine: list[Root], out: Path, **settings: int) -> dict[str, Any]:
    return build(out, Machine(survey(machine)), SETTINGS | settings)


def test_build_writes_what_the_manifest_says(machine: list[Root], tmp_path: Path) -> None:
    manifest = make(machine, tmp_path / "out")
    assert manifest == json.loads((tmp_path / "out" / "sample.json").read_text())
    files = [f for source in manifest["sources"].values() for f in source["files"]]
    assert {f["file"] for f in files} | {"sample.json"} == set(tree(tmp_path / "out"))
    assert all(digest(tmp_path / "out" / f["file"]) == f["sha256"] for f in files)
    assert {name: s["documents"] for name, s in manifest["sources"].items()} == SHARES


def test_what_a_source_lacks_the_others_give(machine: list[Root], tmp_path: Path) -> None:
    manifest = make(machine, tmp_path / "out", documents=250)
    counts = {name: s["documents"] for name, s in manifest["sources"].items()}
    assert sum(counts.values()) == 250
    assert counts == {"reference": 93, "plaintext": 44, "readme": 40, "code": 73}


def test_a_machine_that_has_less_gives_all_it_has(
    machine: list[Root], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = make(machine, tmp_path / "out", documents=10_000)
    assert sum(s["documents"] for s in manifest["sources"].values()) == 93 + 40 + 94 + 44
    cli._show(tmp_path / "out", manifest)
    assert "271 of 10,000 documents: this machine has no more" in capsys.readouterr().out


def test_a_smaller_sample_leaves_nothing_of_a_larger_one(machine: list[Root], tmp_path: Path) -> None:
    make(machine, tmp_path / "both", documents=250)
    make(machine, tmp_path / "both")
    make(machine, tmp_path / "one")
    assert tree(tmp_path / "both") == tree(tmp_path / "one")


def test_another_seed_gives_another_choice(machine: list[Root], tmp_path: Path) -> None:
    one, two = (make(machine, tmp_path / str(seed), seed=seed)["sources"] for seed in (1, 2))
    assert all(one[s]["files"][0]["sha256"] != two[s]["files"][0]["sha256"] for s in SHARES)
    assert {*one} == {*two} == {*SHARES}


@pytest.mark.parametrize("damage", ["settings", "missing", "cut"])
def test_what_is_not_complete_is_not_already_there(machine: list[Root], tmp_path: Path, damage: str) -> None:
    out, settings = tmp_path / "out", dict(SETTINGS)
    manifest = make(machine, out)
    assert cli._already_there(out, settings) == manifest
    first = out / manifest["sources"]["code"]["files"][0]["file"]
    if damage == "settings":
        settings["seed"] = 1
    elif damage == "missing":
        first.unlink()
    else:
        first.write_bytes(first.read_bytes()[:-1])
    assert cli._already_there(out, settings) is None


def test_too_few_documents(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="at least 40") as caught:
        sample(tmp_path / "out", documents=39)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("where", ["file", "file/below"])
def test_a_file_is_no_folder(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(PlanError, match="a file: name a folder"):
        sample(tmp_path / where)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_that_cannot_be_made() -> None:
    with pytest.raises(PlanError, match="cannot be made"):
        sample(Path("/proc/nowhere/sample"))


def test_help_names_the_settings() -> None:
    app = typer.Typer()
    app.command()(sample)
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    assert all(word in shown.output for word in ("--documents", "--seed", "2000"))


@given(st.integers(0, 10_000), st.lists(st.integers(1, 100), min_size=1, max_size=5))
def test_apportion(total: int, weights: list[int]) -> None:
    parts = apportion(total, {str(i): w for i, w in enumerate(weights)})
    assert sum(parts.values()) == total
    for i, weight in enumerate(weights):
        assert abs(parts[str(i)] - total * weight / sum(weights)) <= 1


@given(st.integers(40, 400), st.lists(st.integers(0, 150), min_size=4, max_size=4))
def test_draw_gives_what_is_asked_as_long_as_there_is_any(documents: int, have: list[int]) -> None:
    stock = dict(zip(SHARES, have, strict=True))
    streams = {s: iter([Document(f"{s}{i}", "", b"") for i in range(n)]) for s, n in stock.items()}
    drawn = list(draw(streams, documents))
    assert len(drawn) == min(documents, sum(have))
    for source, n in Counter(source for source, _ in drawn).items():
        quota = apportion(documents, SHARES)[source]
        assert n >= min(quota, stock[source])
    for source in SHARES:
        names = [d.name for s, d in drawn if s == source]
        assert names == [f"{source}{i}" for i in range(len(names))]
