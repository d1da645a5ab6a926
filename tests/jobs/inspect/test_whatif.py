"""What-if against the truth: the same recipe, run with the other settings."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from jobs.inspect import answer, whatif
from jobs.inspect.documents import shards
from pipeline.errors import NothingLeft, PlanError
from pipeline.local import LocalEngine
from pipeline.record import Record
from tests.jobs.inspect.conftest import STEPS, ran

CHANGES = [
    ["gopher_rules.min_n_words=30"],
    ["gopher_rules.min_n_words=200"],
    ["gopher_rules.max_hashes_per_word=0.5"],
    ["gopher_rules.max_hashes_per_word=null", "gopher_rules.min_n_words=null"],
    ["keep_language.keep=[en, zh]", "gopher_rules.min_n_stop_words=0", "gopher_rules.min_mean_word_length=1"],
    ["keep_language.min_score=0.99"],
    ["keep_language.keep=[zh]", "gopher_rules.min_n_words=1"],
]


def kept(run: Path) -> dict[str, int]:
    """id -> bytes of the documents kept."""
    return {
        row["id"]: row["n_bytes"]
        for shard in shards(run, Record.load(run))
        if shard.kept
        for row in shard.read(["id", "n_bytes"]).to_pylist()
    }


def asked(run: Path, *changes: str, n_samples: int = 300) -> answer.Answer:
    record = Record.load(run)
    return answer.ask(run, record, whatif.scenarios(record, [whatif.parse(c) for c in changes]), n_samples)


def changed(changes: list[str], steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps of a recipe with the changes written into them."""
    out = [{**step, "with": dict(step.get("with", {}))} for step in steps]
    for change in map(whatif.parse, changes):
        next(step for step in out if step["use"] == change.step)["with"][change.setting] = change.value
    return out


@pytest.mark.parametrize("changes", CHANGES, ids=lambda c: " ".join(c))
def test_the_answer_is_what_a_run_would_give(
    changes: list[str], measured: Path, tmp_path: Path, local: LocalEngine
) -> None:
    before, found = kept(measured), asked(measured, *changes)
    after: dict[str, int] = {}
    with contextlib.suppress(NothingLeft):
        after = kept(ran(tmp_path, local, changed(changes, STEPS[:-1]), measure="all"))
    assert {s["id"] for s in found.samples["gained"]} == after.keys() - before.keys()
    assert {s["id"] for s in found.samples["lost"]} == before.keys() - after.keys()
    assert (found.kept.documents, found.kept.bytes) == (len(before), sum(before.values()))
    assert found.gained.documents - found.lost.documents == len(after) - len(before)
    assert found.gained.bytes - found.lost.bytes == sum(after.values()) - sum(before.values())
    assert not found.unknown
    assert found.gained.documents or found.lost.documents


def test_groups_add_up(measured: Path) -> None:
    found = asked(measured, "keep_language.keep=[en, zh]", "gopher_rules.min_n_words=1")
    for name, at, total in (
        ("language", 0, found.gained),
        ("domain", 0, found.gained),
        ("source", 1, found.lost),
    ):
        groups = found.groups.get(name, {})
        assert sum(pair[at].documents for pair in groups.values()) == total.documents
        assert sum(pair[at].bytes for pair in groups.values()) == total.bytes
    assert set(found.groups["source"]) == {"made"}
    assert set(found.groups["domain"]) <= {f"site{i}.example" for i in range(4)} | {"copies.example"}
    assert found.gained.tokens == pytest.approx(found.gained.bytes / whatif.BYTES_PER_TOKEN)


def test_samples_say_why_and_do_not_depend_on_how_many(measured: Path) -> None:
    ten = asked(measured, "gopher_rules.min_n_words=200", n_samples=10).samples["lost"]
    three = asked(measured, "gopher_rules.min_n_words=200", n_samples=3).samples["lost"]
    assert three == ten[:3]
    assert len(ten) == 10
    assert all("gopher_rules.min_n_words 200: measured" in s["why"][0] for s in ten)
    assert all(s["text"] and s["url"].startswith("https://") for s in ten)


def test_what_was_not_measured_is_said_to_be_unknown(run: Path) -> None:
    found = asked(run, "keep_language.keep=[en, zh]")
    assert found.gained.documents == sum(a.documents for a in found.unknown.values()) > 0
    assert list(found.unknown) == ["gopher_rules"]
    assert any("come to gopher_rules for the first time" in n for n in found.notes)


def test_a_query_ahead_is_said_to_be_unknown(run: Path) -> None:
    found = asked(run, "gopher_rules.min_n_words=30")
    assert list(found.unknown) == ["exact_dedup"]
    assert found.unknown["exact_dedup"].documents == found.gained.documents > 0


def test_documents_lost_that_stood_for_others_are_counted(run: Path) -> None:
    found = asked(run, "gopher_rules.min_n_words=1000")
    assert found.lost.documents == len(kept(run))
    assert found.clusters > 0
    assert any("stood for duplicates" in n for n in found.notes)


def test_tokens_are_counted_by_the_runs_own(run: Path) -> None:
    found = asked(run, "gopher_rules.min_n_words=1000")
    per_token, how = whatif.bytes_per_token(Record.load(run), "made")
    assert "counted" in how
    assert per_token == pytest.approx(1, abs=0.05)  # the tokenizer is of bytes, with one token between
    assert found.lost.tokens == pytest.approx(found.lost.bytes / per_token)


def test_dropped_by_another_step_is_told(measured: Path) -> None:
    found = asked(measured, "keep_language.keep=[en, zh]")
    assert found.elsewhere["gopher_rules"] > 0
    assert any("another step" in n for n in found.notes)
    # With --json all of it goes out: no key of any field may be anything but text.
    assert json.loads(json.dumps(asdict(found), default=str))["elsewhere"] == found.elsewhere


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("gopher_rules", "give STEP.SETTING=VALUE"),
        ("gopher_rules.min_n_words", "give STEP.SETTING=VALUE"),
        (".x=1", "give STEP.SETTING=VALUE"),
        ("gopher_rules.min_n_wrds=3", "did you mean 'min_n_words'"),
        ("gopher_rule.min_n_words=3", "did you mean 'gopher_rules'"),
        ("gopher_rules.min_n_words=many", "must be"),
        ("gopher_rules.min_n_words=.nan", "not a number"),
        ("gopher_signals.profile=dolma", "is no filter"),
        ("exact_dedup.keep=longest", "is no filter"),
        ("made.paths=x", "is no filter"),
        ("keep_language.keep=[no]", "write it in quotes"),
        ("keep_language.keep=[]", "names no language"),
        ("gopher_rules.min_n_words=[", "expected"),
    ],
)
def test_what_cannot_be_asked_is_an_error(run: Path, change: str, message: str) -> None:
    with pytest.raises(PlanError, match=message.replace("(", r"\(")):
        asked(run, change)


def test_no_change_changes_nothing(run: Path) -> None:
    found = asked(run, "gopher_rules.min_n_words=80")
    assert (found.gained.documents, found.lost.documents, dict(found.elsewhere)) == (0, 0, {})
    assert found.kept.documents == len(kept(run))
