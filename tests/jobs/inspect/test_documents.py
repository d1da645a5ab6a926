"""The documents of a run, by shard and by row."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from jobs.inspect.documents import RecordedStep, find_rows, made, shards, steps
from pipeline.errors import PlanError
from pipeline.record import Record
from stages.filters.language import KeepLanguage
from tests.jobs.inspect.conftest import documents


def test_every_document_is_in_one_shard(run: Path) -> None:
    found = list(shards(run, Record.load(run)))
    ids = [i for shard in found for i in shard.read(["id"])["id"].to_pylist()]
    assert sorted(ids) == sorted(d["id"] for d in documents(200))
    assert {shard.kept for shard in found} == {True, False}
    assert {shard.source for shard in found} == {"made"}


def test_columns_come_in_the_order_asked_and_those_missing_are_left_out(run: Path) -> None:
    shard = next(s for s in shards(run, Record.load(run)) if not s.kept)
    assert shard.read(["n_bytes", "no_such", "id"]).column_names == ["n_bytes", "id"]
    assert shard.read(["gopher.n_words", "gopher.n_stop_words"])["gopher"].type.num_fields == 2
    assert "dropped_by" in shard.columns()


def test_rows_are_those_found(run: Path) -> None:
    seen = 0
    for shard in shards(run, Record.load(run)):
        for row, wanted in enumerate(shard.read(["id"])["id"].to_pylist()):
            assert find_rows(shard, wanted) == [row]
            if row % 7 == 0:
                assert [d["id"] for d in shard.rows([row])] == [wanted]
                seen += 1
    assert seen > 10
    assert find_rows(shard, "nobody") == []


def test_several_rows_come_in_order(run: Path) -> None:
    shard = max(shards(run, Record.load(run)), key=lambda s: len(s.read(["id"])))
    ids = shard.read(["id"])["id"].to_pylist()
    assert [d["id"] for d in shard.rows([0, 2, 5])] == [ids[0], ids[2], ids[5]]


def test_sizes_are_those_of_the_texts(run: Path) -> None:
    texts = {d["id"]: len(d["text"].encode()) for d in documents(200)}
    rows = [row for s in shards(run, Record.load(run)) for row in s.read(["id", "n_bytes"]).to_pylist()]
    assert {row["id"]: row["n_bytes"] for row in rows} == texts


def test_steps_are_made_again_as_they_ran(run: Path) -> None:
    made_again = steps(Record.load(run), "made")
    assert list(made_again) == [
        "made", "identify_language", "keep_language", "gopher_signals", "gopher_rules", "exact_dedup",
    ]  # fmt: skip
    assert made_again["keep_language"] == KeepLanguage(keep=("en",), min_score=0.4)
    assert made_again["gopher_signals"] == RecordedStep(kind="Map", columns=("gopher",))
    assert made_again["exact_dedup"].makes().names == ["exact_cluster"]


def test_filters_before_the_one_asked_about_are_passed_by(run: Path) -> None:
    made_again = steps(Record.load(run), "made", since="gopher_rules")
    assert made_again["keep_language"] == RecordedStep(kind="Filter", columns=())
    assert not isinstance(made_again["gopher_rules"], RecordedStep)


def test_settings_that_do_not_fit_are_an_error() -> None:
    with pytest.raises(PlanError, match=r"keep_language\.keep: is required"):
        made("keep_language", {})
    with pytest.raises(PlanError, match="did you mean 'min_score'"):
        made("keep_language", {"keep": ["en"], "min_scor": 1})


def test_a_folder_that_is_gone_is_an_error(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "copy")
    record = Record.load(run)
    shutil.rmtree(tmp_path / "copy" / "documents")
    with pytest.raises(PlanError, match="is gone"):
        list(shards(tmp_path / "copy", record))
