"""Fitting as the last section of a recipe: mistakes with their lines, cards, resume, and the command."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from classifiers.card import CARD
from classifiers.fit import Fit
from pipeline import config
from pipeline.errors import ConfigError
from pipeline.registry import find, names
from pipeline.section import Section
from pipeline.store import digest, read_json
from tests.classifiers.fits import FitLongest, lines, recipe, run
from tests.pipeline.test_cli import pipeline
from tests.records import context

KINDS = {"bpe", "main_content", "heuristics", "clusters", "static_embeddings"}


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    rows = [{"id": f"d{i}", "text": "a longer text " * (i + 1)} for i in range(20)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "in.jsonl"


def problems(path: Path) -> str:
    with pytest.raises(ConfigError) as error:
        config.read(str(path))
    return str(error.value)


def test_every_kind_is_a_section_with_a_name_for_its_card() -> None:
    for name in names("fits"):
        kind = find("fits", name)
        assert issubclass(kind, Fit)
        assert issubclass(kind, Section)
        assert kind.use() == name
        assert kind.model
    assert set(names("fits")) >= KINDS


def test_an_unknown_kind_is_met_with_the_name_that_was_meant(tmp_path: Path, documents: Path) -> None:
    path = recipe(tmp_path / "out", {"a": lines(documents)}, "main_contents")
    assert "no fit 'main_contents'; did you mean 'main_content'" in problems(path)
    path.write_text(path.read_text().replace("  use: main_contents\n", ""))
    said = problems(path)
    assert "is required: one of" in said
    assert all(kind in said for kind in KINDS)


def test_all_mistakes_come_at_once_with_their_lines(tmp_path: Path, documents: Path) -> None:
    path = recipe(tmp_path / "out", {"a": lines(documents)}, "bpe", vocabsize=7, vocab_size=12)
    said = problems(path)
    text = path.read_text().splitlines()
    for part in ("vocabsize", "vocab_size: 12"):
        (line,) = [i for i, written in enumerate(text, 1) if part in written]
        assert f"out.yaml:{line}: {part.partition(':')[0]}: " in said
    assert "at least 257" in said


def test_a_column_that_is_missing_is_said_before_anything_runs(tmp_path: Path, documents: Path) -> None:
    path = recipe(tmp_path / "out", {"a": lines(documents)}, "clusters", n_clusters=2)
    assert "fit: documents of 'a': reads column 'embedding' (binary), which they do not have" in problems(
        path
    )
    path = recipe(tmp_path / "out", {"a": lines(documents)}, "heuristics")
    assert "they have no column 'language'" in problems(path)
    assert not (tmp_path / "out").exists()


def test_a_fit_leaves_a_model_and_its_card(tmp_path: Path, documents: Path) -> None:
    made = run(recipe(tmp_path / "out", {"a": lines(documents)}, "bpe", vocab_size=260, heldout_frac=0.3))
    model = tmp_path / "out" / made["folder"]
    card = read_json(model / CARD)
    assert sorted(p.name for p in model.iterdir()) == [CARD, "tokenizer.json"]
    assert card["files"] == {"tokenizer.json": digest(model / "tokenizer.json")}
    assert made["content_hash"] == digest(model / "tokenizer.json")
    assert card["use"] == made["use"] == "bpe"
    assert card["settings"]["vocab_size"] == 260
    assert card["documents"]["rows"] == {"a": 20}
    assert card["documents"]["steps"] == {"a": ["a"]}
    record = read_json(tmp_path / "out" / "run.json")
    assert record["fit"] == made
    assert not list((tmp_path / "out" / "_run").rglob(".sample"))


def test_what_is_fitted_is_found_and_other_settings_are_another_fit(tmp_path: Path) -> None:
    (tmp_path / "documents" / "a").mkdir(parents=True)
    given = context(tmp_path)
    pq.write_table(pa.table({"text": ["one", "three"]}), tmp_path / "documents" / "a" / "part-00000.parquet")
    made = FitLongest().execute(given)
    work = next((tmp_path / "_run").glob("fit-*"))
    assert (work / "longest.txt").samefile(tmp_path / "model" / "longest.txt")
    (work / "longest.txt").write_text("as it was")
    assert FitLongest().execute(given)["content_hash"] == digest(work / "longest.txt") != made["content_hash"]
    FitLongest(prefix="+").execute(given)
    assert (tmp_path / "model" / "longest.txt").read_text() == "+three"
    assert len(list((tmp_path / "_run").glob("fit-*"))) == 2
    card = read_json(tmp_path / "model" / CARD)
    assert (card["model"], card["summary"], card["measured"]) == ("longest text", "of 2", {"n": 2})


def test_the_command_wants_a_fit_and_says_what_there_is(tmp_path: Path, documents: Path) -> None:
    path = recipe(tmp_path / "out", {"a": lines(documents)}, "bpe", vocab_size=260)
    done = pipeline("fit", path, "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert f"fit: {tmp_path / 'out' / 'model'}" in done.stdout
    path.write_text(path.read_text().partition("fit:")[0] + f"output: {tmp_path / 'other'}\n")
    refused = pipeline("fit", path)
    assert refused.returncode == 2
    assert "has no section fit:" in refused.stderr
    assert not (tmp_path / "other").exists()
    shown = pipeline("fit", "--help").stdout
    assert all(kind in shown for kind in KINDS)
    assert "Raises" not in shown
