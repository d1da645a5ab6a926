"""A document's story, told from a run with every section: rules, copies, sequences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from jobs.inspect.explain import find, story
from jobs.inspect.training import chunks, seen
from mixtures.schedule import Schedule
from pipeline.record import Record
from stages.tokens.format import TokenFolder


def told(run: Path, wanted: str) -> list[tuple[str, str]]:
    record = Record.load(run)
    [document] = find(run, record, wanted)
    return list(story(document, run, record))


def outcomes(run: Path) -> dict[str, list[str]]:
    """What dropped documents (`kept`: nothing) -> ids."""
    record = Record.load(run)
    found: dict[str, list[str]] = {}
    for i in range(190):
        for document in find(run, record, f"d{i}"):
            found.setdefault(document.get("dropped_by") or "kept", []).append(document["id"])
    return found


def test_it_is_found_by_id_and_by_url(run: Path) -> None:
    record = Record.load(run)
    [by_id] = find(run, record, "d3")
    [by_url] = find(run, record, "https://www.site3.example/page/3")
    assert by_id == by_url
    assert find(run, record, "nobody") == []


def test_every_rule_is_told_with_its_margin(run: Path) -> None:
    dropped = next(i for i in outcomes(run)["gopher_rules"])
    lines = told(run, dropped)
    judged = [how for what, how in lines if what == "gopher_rules"]
    assert len(judged) >= 9
    failed = [how for how in judged if how.startswith("FAILED")]
    assert failed
    assert all(" by " in how and "measured" in how for how in failed)
    assert dict(lines)["dropped by"].startswith("gopher_rules: ")
    reasons = dict(lines)["dropped by"].partition(": ")[2].split(", ")
    assert [how.split()[1] for how in failed] == reasons


def test_rules_behind_the_one_that_dropped_it_are_not_told(run: Path) -> None:
    lines = told(run, outcomes(run)["keep_language"][0])
    assert not any(what == "gopher_rules" for what, _ in lines)
    assert any(what == "keep_language" and how.startswith("FAILED") for what, how in lines)


def test_a_copy_tells_of_the_one_kept_and_that_of_its_copies(run: Path) -> None:
    record = Record.load(run)
    copy = next(
        d for i in range(10) for d in find(run, record, f"copy{i}") if d["dropped_by"] == "exact_dedup"
    )
    lines = dict(told(run, copy["id"]))
    kept = copy["exact_cluster"]["duplicate_of"]
    assert lines["exact_cluster"].startswith(f"copy of {kept}, https://www.site")
    assert lines["exact_cluster"].endswith("kept")
    assert dict(told(run, kept))["stands for"] == copy["id"]


def test_tokens_lead_to_sequences_and_back(run: Path) -> None:
    record = Record.load(run)
    folder = TokenFolder.open(run / record.sections["tokens"]["folder"])
    schedule = Schedule.load(run / record.sections["mixture"]["folder"] / "mixture.json")
    order = schedule.at(np.arange(len(schedule), dtype=np.int64))[1]
    shown = held = 0
    for wanted in outcomes(run)["kept"][:30]:
        [document] = find(run, record, wanted)
        found = list(chunks(run, record, document))
        assert sum(p["n_tokens"] - 1 for p in found) == len(document["text"].encode())
        for chunk in found:
            if chunk["held_out"]:
                held += 1
                continue
            mine = folder.of("made").chunks(chunk["number"])
            assert wanted in [p["id"] for p in mine]
            times = seen(run, record, "made", chunk["number"])
            assert times == np.flatnonzero(order == chunk["number"]).tolist()
            shown += len(times or [])
    assert shown
    assert held


def test_the_story_of_a_kept_document_ends_with_its_sequences(run: Path) -> None:
    lines = [line for wanted in outcomes(run)["kept"][:20] for line in told(run, wanted)]
    assert any(what == "tokens" and "in sequence" in how for what, how in lines)
    assert any(what == "seen as" and how[0].isdigit() for what, how in lines)
    assert any(what == "seen as" and "held out" in how for what, how in lines)


def test_a_run_without_mixture_has_no_times(run: Path) -> None:
    record = Record.load(run)
    del record.sections["mixture"]
    assert seen(run, record, "made", 0) is None


def test_a_stage_that_is_gone_is_said_to_be(run: Path) -> None:
    record = Record.load(run)
    record.settings["made"] = [
        replace(given, use="gopher_ruled") if given.use == "gopher_rules" else given
        for given in record.settings["made"]
    ]
    [document] = find(run, record, outcomes(run)["kept"][0])
    lines = list(story(document, run, record))
    assert (
        "gopher_rules",
        "cannot be asked again: no stage 'gopher_ruled'; did you mean 'gopher_rules'?",
    ) in lines
