"""Disagreement of profiles, on a run's own documents."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from rich.console import Console

from jobs.inspect import profiles
from pipeline.errors import PlanError
from pipeline.local import LocalEngine
from pipeline.record import Record
from pipeline.registry import find
from tests.jobs.inspect.conftest import documents, ran


@pytest.fixture(scope="module")
def compared(run: Path) -> dict[str, profiles.Family]:
    return profiles.compare(run, Record.load(run), 10_000, 3)


def test_every_profile_judges_every_document(compared: dict[str, profiles.Family]) -> None:
    assert list(compared) == list(profiles.FAMILIES)
    for family in compared.values():
        assert family.table.shape == (len(family.profiles), 200)
    assert compared["gopher"].profiles == ("paper", "datatrove", "dolma", "dclm", "curator")
    assert len(compared["fineweb"].profiles) >= 2


@pytest.mark.parametrize("profile", ["paper", "dolma"])
def test_rejections_are_those_of_the_stages(compared: dict[str, profiles.Family], profile: str) -> None:
    batch = pa.RecordBatch.from_pydict({"text": [d["text"] for d in documents(200)]})
    measured = find("stages", "gopher_signals")(profile=profile).process(batch)
    reasons = find("stages", "gopher_rules")(profile=profile).reasons(measured).to_pylist()
    family = compared["gopher"]
    rate = family.rates()[family.profiles.index(profile)]
    assert rate == pytest.approx(np.mean([bool(r) for r in reasons]))
    assert 0 < rate < 1


def test_agreement_is_symmetric_and_whole_on_the_diagonal(compared: dict[str, profiles.Family]) -> None:
    for family in compared.values():
        table = family.agreement()
        assert np.array_equal(table, table.T)
        assert np.array_equal(np.diag(table), np.ones(len(table)))
        assert family.unanimous() <= table.min() + 1e-12
    assert len(compared) == 4


def test_samples_are_documents_on_which_they_differ(compared: dict[str, profiles.Family]) -> None:
    seen = 0
    for family in compared.values():
        assert len(family.samples) <= 3
        for sample in family.samples:
            assert len({bool(why) for why in sample["reasons"].values()}) == 2
            assert tuple(sample["reasons"]) == family.profiles
            seen += 1
    assert seen


def test_a_part_of_the_documents_is_the_same_part_every_time(run: Path) -> None:
    record = Record.load(run)
    part = [i for b in profiles.texts(run, record, 40) for i in b.column("id").to_pylist()]
    more = [i for b in profiles.texts(run, record, 80) for i in b.column("id").to_pylist()]
    assert len(part) == len(set(part)) == 40
    assert set(part) < set(more)
    assert part == [i for b in profiles.texts(run, record, 40) for i in b.column("id").to_pylist()]


def test_it_is_printed(compared: dict[str, profiles.Family]) -> None:
    out = io.StringIO()
    profiles.show(compared, Console(file=out, width=200))
    text = out.getvalue()
    assert "gopher: 200 documents, all profiles agree on" in text
    assert "agrees with curator" in text
    shown = [sample["id"] for family in compared.values() for sample in family.samples]
    assert shown
    assert all(i in text for i in shown)


def test_a_run_without_text_is_an_error(tmp_path: Path, local: LocalEngine) -> None:
    source = {"use": "jsonl", "with": {"paths": str(tmp_path / "*.jsonl"), "body": "html"}}
    output = ran(tmp_path, local, [], source=source)
    with pytest.raises(PlanError, match="no document with a text"):
        profiles.compare(output, Record.load(output), 10, 1)
