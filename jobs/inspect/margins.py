"""How far a document is from each rule of a filter: what was measured, the limit, and the side it is on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from jobs.inspect.report import number
from pipeline.stage import Filter, Step
from stages.filters.measured import SignalRules


@dataclass(frozen=True, kw_only=True)
class Margin:
    """One rule on one document."""

    rule: str
    value: Any
    limit: Any
    """None: the rule is no comparison with a number."""
    failed: bool

    def __str__(self) -> str:
        if self.limit is None:
            return self.rule
        text = f"{self.rule} {number(self.limit)}: measured {number(self.value)}"
        if self.value is None:
            return text
        side = "over" if self.value > self.limit else "under"
        return f"{text}, {side} by {number(abs(self.value - self.limit))}"


def margins(step: Step, document: Mapping[str, Any]) -> Iterator[Margin]:
    """Every rule of a filter on one document; for filters that hold no limits only those it fails."""
    if not isinstance(step, Filter):
        return
    schema = step.needs()
    columns = [pa.array([document.get(f.name)], None if pa.types.is_null(f.type) else f.type) for f in schema]
    batch = pa.RecordBatch.from_arrays(columns, schema.names)
    failed = step.reasons(batch).to_pylist()[0] or []
    if isinstance(step, SignalRules):
        measured = document.get(step.signals.name) or {}
        language = (document.get("language") or {}).get("label")
        for rule, limit in step.limits(language).items():
            yield Margin(rule=rule, value=measured.get(rule[4:]), limit=limit, failed=rule in failed)
        failed = [rule for rule in failed if rule not in step.rules()]
    for rule in failed:
        yield Margin(rule=rule, value=None, limit=None, failed=True)
