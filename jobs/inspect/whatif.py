"""What other thresholds would keep and drop, from the ledger: filters decide anew on what was measured.

Nothing is run again. A filter needs signals alone, and the ledger has them for every document that came as
far as the step that measured them; with `measure: all` for every document there is. Where a document would
now come to a step that never saw it (a query, or rules whose signals were not measured), the answer says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from jobs.inspect.documents import RecordedStep, Shard, made, shards, steps
from pipeline.errors import PlanError
from pipeline.record import Record
from pipeline.registry import suggest
from pipeline.schema import conform
from pipeline.stage import Filter, Step

Ints = npt.NDArray[np.int64]

BYTES_PER_TOKEN = 4.0
"""Where a run has no tokens to count by; what tokenizers of 50,000 words make of English."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One setting of one step, and what it would be."""

    step: str
    setting: str
    value: Any

    def __str__(self) -> str:
        return f"{self.step}.{self.setting}={self.value}"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A source's steps as they ran, and as they would."""

    names: tuple[str, ...]
    ran: tuple[Step, ...]
    would: tuple[Step, ...]

    @property
    def first(self) -> int:
        """The first step that differs; none: the number of steps."""
        differs = (i for i, (a, b) in enumerate(zip(self.ran, self.would, strict=True)) if a != b)
        return next(differs, len(self.ran))

    def made_at(self, column: str, before: int) -> int:
        """The last step before `before` that makes a column; 0 is the source."""
        made_by = [i for i in range(before) if column in self.ran[i].makes().names]
        return made_by[-1] if made_by else 0

    def columns(self) -> list[str]:
        """What the filters look at that would be others."""
        pairs = zip(self.ran, self.would, strict=True)
        changed = [would for ran, would in pairs if isinstance(would, Filter) and ran != would]
        return list(dict.fromkeys(name for step in changed for name in step.needs().names))


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """What became of the rows of one shard, and what would: the index of the step that drops each.

    All are int64 [rows]; the number of steps stands for none: the document is kept.
    """

    shard: Shard
    was: Ints
    now: Ints
    unknown: Ints
    """The first step on the way to `now` that never saw the document: nobody knows its answer. -1: none."""
    n_bytes: Ints
    language: pa.Array


def parse(text: str) -> Change:
    """`gopher_rules.min_n_words=30`; the value is read as YAML, so lists and null may be given.

    Raises:
        PlanError: it has not that form.
    """
    name, equals, value = text.partition("=")
    step, dot, setting = name.strip().rpartition(".")
    if not (equals and dot and step and setting):
        raise PlanError(f"{text!r}: give STEP.SETTING=VALUE, such as gopher_rules.min_n_words=30")
    try:
        return Change(step=step, setting=setting, value=yaml.safe_load(value))
    except yaml.YAMLError as error:
        raise PlanError(f"{text!r}: {error}") from error


def scenario(record: Record, source: str, changes: Sequence[Change]) -> Scenario:
    """The steps of a source with and without the changes.

    Raises:
        PlanError: a change is of a step or setting that is not there, or of one that only a run can answer.
    """
    names = [s.name for s in record.settings[source]]
    asked = {c.step for c in changes}
    ran = steps(record, source, next((n for n in names if n in asked), None))
    uses = {s.name: s.use for s in record.settings[source]}
    would = dict(ran)
    for change in changes:
        if change.step not in ran:
            continue  # of another source
        step = would[change.step]
        if not isinstance(step, Filter):
            raise PlanError(
                f"{change.step} is no filter: what {change.setting} would change must be measured or read "
                f"again. Change the recipe and run it; what comes before {change.step} is reused"
            )
        known = [f.name for f in fields(step)]
        if change.setting not in known:
            hint = suggest(change.setting, known) or f"; it has: {', '.join(known)}"
            raise PlanError(f"{change.step} has no setting {change.setting!r}{hint}")
        new = made(uses[change.step], asdict(step) | {change.setting: change.value})
        new.check()
        missing = set(new.needs().names) - set(step.needs().names)
        if gone := [c for c in missing if not _measured(ran, change.step, c)]:
            raise PlanError(f"{change} looks at {', '.join(gone)}, which no step before it measured")
        would[change.step] = new
    return Scenario(names=tuple(ran), ran=tuple(ran.values()), would=tuple(would.values()))


def _measured(ran: Mapping[str, Step], step: str, column: str) -> bool:
    before = list(ran)[: list(ran).index(step)]
    return any(column in ran[name].makes().names for name in before)


def scenarios(record: Record, changes: Sequence[Change]) -> dict[str, Scenario]:
    """The scenario of every source.

    Raises:
        PlanError: a change is of no step of any.
    """
    by_source = {source: scenario(record, source, changes) for source in record.settings}
    known = {name for s in by_source.values() for name in s.names}
    for change in changes:
        if change.step not in known:
            hint = suggest(change.step, known) or f"; it has: {', '.join(known)}"
            raise PlanError(f"the run has no step {change.step!r}{hint}")
    return by_source


def outcomes(
    run: Path, record: Record, variants: Sequence[Mapping[str, Scenario]]
) -> Iterator[tuple[Outcomes, ...]]:
    """What would become of all documents, a shard at a time, for each variant of the sources' scenarios."""

    def of(shard: Shard) -> tuple[Outcomes, ...]:
        mine = [variant[shard.source] for variant in variants]
        wanted = dict.fromkeys(c for s in mine for c in s.columns())
        columns = Columns(shard, ["dropped_by", "n_bytes", "language", *wanted])
        return tuple(outcome(shard, columns, s) for s in mine)

    with ThreadPoolExecutor(pa.cpu_count()) as pool:  # reading and comparing let go of the GIL
        yield from pool.map(of, shards(run, record))


class Columns:
    """The columns of a shard, read when first asked for: texts seldom are."""

    def __init__(self, shard: Shard, first: Sequence[str]) -> None:
        self.shard, self.have = shard, shard.columns()
        self.table = shard.read(first)

    def __len__(self) -> int:
        return len(self.table)

    def get(self, names: Sequence[str]) -> pa.Table:
        """Those of `names` that the shard has."""
        present = [n for n in names if n in self.have]
        if missing := [n for n in present if n not in self.table.column_names]:
            for name, column in zip(missing, self.shard.read(missing).itercolumns(), strict=True):
                self.table = self.table.append_column(name, column)
        return self.table.select(present)


def outcome(shard: Shard, columns: Columns, scenario: Scenario) -> Outcomes:
    """What would become of the documents of one shard."""
    n, end = len(columns), len(scenario.ran)
    was = np.full(n, end, np.int64)
    if not shard.kept:
        index = pc.index_in(columns.table["dropped_by"], pa.array(scenario.names, pa.string()))
        was = pc.fill_null(index, 0).to_numpy().astype(np.int64)
    now, unknown = was.copy(), np.full(n, -1)
    _replay(scenario, columns, was, now, unknown)
    label = pa.nulls(n, pa.string())
    if "language" in columns.have:
        label = pc.struct_field(columns.table["language"].combine_chunks(), "label")
    n_bytes = pc.fill_null(columns.table["n_bytes"], 0).to_numpy()
    return Outcomes(shard=shard, was=was, now=now, unknown=unknown, n_bytes=n_bytes, language=label)


def _replay(scenario: Scenario, columns: Columns, was: Ints, now: Ints, unknown: Ints) -> None:
    """Pass the documents through the steps from the first difference on; writes `now` and `unknown`."""
    end = len(scenario.ran)
    alive = was >= scenario.first
    now[alive] = end
    for j in range(scenario.first, end):
        ran, would = scenario.ran[j], scenario.would[j]
        if isinstance(would, RecordedStep) and would.kind == "Map":
            continue
        fell = alive & (was == j)  # and falls again, unless the step is another
        blind = fresh = alive & (was < j)  # it never saw these
        if isinstance(would, Filter):
            needed = max((scenario.made_at(c, j) for c in would.needs().names), default=0)
            blind = fresh & (was < needed)
            if ran != would:
                fell, fresh = np.zeros_like(alive), alive
            asked = fresh & ~blind
            if asked.any():
                fell[asked] |= _fails(would, columns.get(would.needs().names), asked)
        now[fell] = j
        unknown[blind & (unknown < 0)] = j
        alive &= ~fell


def _fails(step: Filter, table: pa.Table, rows: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which of the chosen rows a filter would drop."""
    needs = step.needs()
    schema = pa.schema([table.schema.field(f.name) if f.name in table.column_names else f for f in needs])
    chosen = table if rows.all() else table.filter(pa.array(rows))
    failed = [np.zeros(0, np.bool_)]
    for batch in chosen.combine_chunks().to_batches(max_chunksize=1 << 17):
        reasons = step.reasons(conform(batch, schema))
        failed.append(pc.greater(pc.list_value_length(reasons), 0).to_numpy(zero_copy_only=False))
    return np.concatenate(failed)


def bytes_per_token(record: Record, source: str) -> tuple[float, str]:
    """(bytes a token, where that is from): counted in the run's own tokens where it has them."""
    counts = record.sections.get("tokens", {}).get("sources", {}).get(source, {})
    if counts.get("n_tokens") and counts.get("n_bytes"):
        return counts["n_bytes"] / counts["n_tokens"], "counted in the run's tokens"
    return BYTES_PER_TOKEN, "assumed: the run has no tokens"
