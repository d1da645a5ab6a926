"""Batches through one step, counted: what a task does with each of the steps that are fused into it."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from pipeline.errors import RunError
from pipeline.ledger import Ledger
from pipeline.schema import REASONS, conform
from pipeline.stage import Filter, Map, Source, Split, Stream
from pipeline.steps import Named


def admit(named: Named, split: Split, schema: pa.Schema, ledger: Ledger) -> Iterator[pa.RecordBatch]:
    """What a source reads, without the rows it gives a reason for."""
    assert isinstance(named.step, Source)
    for batch in named.step.read(split):
        at = batch.schema.get_field_index(REASONS.name)
        why = batch.column(at) if at >= 0 else pa.nulls(len(batch), REASONS.type)
        yield ledger.route(named.name, conform(batch, schema), why)


def advance(
    named: Named, batches: Iterator[pa.RecordBatch], schema: pa.Schema, ledger: Ledger
) -> Iterator[pa.RecordBatch]:
    """One step over the batches of a shard."""
    step, name = named.step, named.name
    if isinstance(step, Stream):
        for batch in step.stream(ledger_in(batches, name, ledger)):
            ledger.kept[name] += len(batch)
            yield conform(batch, schema)
        return
    for batch in batches:
        if isinstance(step, Filter):
            reasons = step.reasons(batch)
            if len(reasons) != len(batch):
                raise RunError(f"{name}: {len(batch)} rows gave {len(reasons)} lists of reasons")
            yield ledger.route(name, batch, reasons)
        else:
            assert isinstance(step, Map)
            out = step.process(batch)
            if len(out) != len(batch):
                raise RunError(f"{name}: a map changed the number of rows: {len(batch)} -> {len(out)}")
            ledger.rows_in[name] += len(batch)
            ledger.kept[name] += len(out)
            yield conform(out, schema)


def ledger_in(batches: Iterator[pa.RecordBatch], name: str, ledger: Ledger) -> Iterator[pa.RecordBatch]:
    """Count what a stream is given."""
    for batch in batches:
        ledger.rows_in[name] += len(batch)
        yield batch
