"""Row counts of steps, added up over shards: a sum has no order, so no engine can change it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class StepCount:
    """What one step did to the documents of one source."""

    name: str
    rows_in: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    """reason -> documents; a document that fails two rules counts under both."""
    seconds: float = 0.0
    """Of one core, over all shards."""


def add(shards: Iterable[Iterable[Mapping[str, Any]]]) -> list[StepCount]:
    """Sum the step accounts of shards; steps keep the order in which they stand in the first."""
    total: dict[str, StepCount] = {}
    for steps in shards:
        for step in steps:
            count = total.setdefault(step["name"], StepCount(step["name"]))
            count.rows_in += step["in"]
            count.kept += step["kept"]
            count.dropped.update(step["dropped"])
            count.seconds += step["seconds"]
    return list(total.values())


def as_json(count: StepCount) -> dict[str, Any]:
    """As it stands in run.json."""
    return {
        "name": count.name,
        "in": count.rows_in,
        "kept": count.kept,
        "dropped": dict(count.dropped.most_common()),
        "seconds": round(count.seconds, 3),
    }
