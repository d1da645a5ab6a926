"""run.json: counts add up in any order, and what is written is what is read."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import PlanError
from pipeline.record import FILE, Record, StepCount, StepSettings, add_into


def account(n: int) -> list[dict[str, Any]]:
    return [
        {"name": "warc", "in": n, "kept": n - 1, "dropped": {"damaged": 1}, "seconds": 0.5},
        {"name": "rules", "in": n - 1, "kept": n - 3, "dropped": {"a": 2, "b": n % 2}, "seconds": 0.25},
    ]


def add(source: str, shards: list[list[dict[str, Any]]]) -> list[StepCount]:
    total: dict[str, StepCount] = {}
    for steps in shards:
        add_into(total, source, steps)
    return list(total.values())


def test_counts_add_up() -> None:
    total = [c.as_json() for c in add("web", [account(10), account(5)])]
    assert total == [
        {"source": "web", "name": "warc", "in": 15, "kept": 13, "dropped": {"damaged": 2}, "seconds": 1.0},
        {"source": "web", "name": "rules", "in": 13, "kept": 9, "dropped": {"a": 4, "b": 1}, "seconds": 0.5},
    ]
    assert add("web", []) == []


def test_the_order_of_shards_does_not_matter() -> None:
    shards = [account(n) for n in range(3, 30)]
    shuffled = random.Random(1).sample(shards, len(shards))
    assert add("x", shards) == add("x", shuffled)


def record() -> Record:
    return Record(
        name="web",
        recipe="stages.yaml",
        began="2026-01-01T00:00:00Z",
        documents={"web": ["documents/web"]},
        dropped={"web": []},
        rows={"web": 3},
        content_hash="abc",
        steps=[StepCount(source="web", name="minhash", rows_in=4, kept=3, metrics={"pairs": 1})],
        settings={
            "web": [StepSettings(name="web", use="jsonl", settings={"a": 1}, kind="Source", makes=["id"])]
        },
        sections={"tokens": {"folder": "tokens-1", "n": 5}},
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    record().write(tmp_path)
    assert Record.load(tmp_path) == record()
    value = json.loads((tmp_path / FILE).read_text())
    assert value["tokens"]["folder"] == "tokens-1"
    assert value["documents"] == {"web": ["documents/web"]}
    assert value["steps"][0]["in"] == 4


def test_a_run_that_is_not_finished_or_of_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="holds no finished run"):
        Record.load(tmp_path)
    (tmp_path / FILE).write_text('{"name": "old", "documents": "03-rules"}')
    with pytest.raises(PlanError, match=r"another version.*run it again"):
        Record.load(tmp_path)


def test_shards_come_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "documents" / "web"
    folder.mkdir(parents=True)
    for name in ("part-00002.parquet", "part-00000.parquet", "notes.txt"):
        (folder / name).touch()
    assert [p.name for p in record().shards(tmp_path)["web"]] == ["part-00000.parquet", "part-00002.parquet"]
