"""Document numbers, and how the verdicts of a relate step come back to where the documents lie."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import PlanError
from pipeline.ledger import Ledger
from pipeline.schema import DOC, ROW_BITS, conform
from pipeline.stage import Filter, Map, Relate, Source, Step, Stream


@dataclass(frozen=True, kw_only=True)
class Named:
    """A step with the name it goes by in a plan."""

    name: str
    use: str
    step: Step
    line: int = 0
    lines: Mapping[str, int] = field(default_factory=dict)
    """setting -> its line in the recipe"""

    def recorded(self) -> dict[str, Any]:
        """As it stands in run.json: what it can be made from again, whatever became of the recipe."""
        settings = json.loads(json.dumps(asdict(self.step)))  # as it will be read back
        kinds = (k.__name__ for k in (Source, Map, Filter, Stream, Relate) if isinstance(self.step, k))
        known = {"kind": next(kinds), "makes": self.step.makes().names}
        return {"name": self.name, "use": self.use, "with": settings, **known}

    def line_of(self, error: PlanError) -> int:
        """Where the recipe is wrong: a message that begins with a setting is about that one's line."""
        return self.lines.get(str(error).partition(":")[0], self.line)


@dataclass(frozen=True, kw_only=True)
class Key:
    """A relate step whose keys are written while its documents are, and the folder it works in."""

    named: Named
    folder: Path


def numbers(shard: int, row: int, n: int) -> pa.Array:
    """int64 [n]: document numbers of rows row, row + 1, … of a shard."""
    return pa.array(np.arange(row, row + n, dtype=np.int64) + (shard << ROW_BITS))


def number(batches: Iterator[pa.RecordBatch], shard: int) -> Iterator[pa.RecordBatch]:
    """Each batch with its documents' numbers as the column `doc`."""
    row = 0
    for batch in batches:
        yield batch.append_column(DOC, numbers(shard, row, len(batch)))
        row += len(batch)


def load_verdicts(folder: Path, shard: int, buckets: int) -> pa.Table:
    """The verdicts on one shard, sorted by document number."""
    files = sorted((folder / f"bucket={shard % buckets}").glob("*.parquet"))
    low, high = shard << ROW_BITS, (shard + 1) << ROW_BITS
    tables = [pq.ParquetFile(f).read() for f in files]
    if not tables:
        return None
    table = pa.concat_tables(tables)
    mine = pc.and_(pc.greater_equal(table["doc"], low), pc.less(table["doc"], high))
    return table.filter(mine).sort_by("doc").combine_chunks()


def judge(
    named: Named,
    batches: Iterator[pa.RecordBatch],
    schema: pa.Schema,
    verdicts: pa.Table | None,
    ledger: Ledger,
) -> Iterator[pa.RecordBatch]:
    """Apply a relate step's verdicts: its columns are added, and rows with a reason dropped."""
    assert isinstance(named.step, Relate)
    for batch in batches:
        take = _places(batch, verdicts)
        for wanted in named.step.verdicts():
            batch = _replaced(batch, wanted, _taken(verdicts, wanted.name, take, wanted.type))
        reasons = _taken(verdicts, "reason", take, pa.string())
        offsets = np.concatenate([[0], np.cumsum(reasons.is_valid().to_numpy(zero_copy_only=False))])
        lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), reasons.drop_null())
        yield ledger.route(named.name, conform(named.step.rewrite(batch), schema), lists)


def beside(batch: pa.RecordBatch, table: pa.Table | None) -> pa.RecordBatch:
    """The rows of a numbered batch that `table` has, with its columns."""
    take = _places(batch, table)
    found = take.is_valid()
    batch, take = batch.filter(found), take.drop_null()
    for wanted in table.schema if table is not None else ():
        if wanted.name != DOC.name:
            batch = _replaced(batch, wanted, _taken(table, wanted.name, take, wanted.type))
    return batch


def _places(batch: pa.RecordBatch, table: pa.Table | None) -> pa.Array:
    """int64 [rows]: where in the sorted `table` each document is; null where it is not."""
    docs = table["doc"].to_numpy() if table is not None else np.empty(0, np.int64)
    mine = batch.column(batch.schema.get_field_index(DOC.name)).to_numpy()
    at = np.searchsorted(docs, mine)
    found = at < len(docs)
    found[found] = docs[at[found]] == mine[found]
    return pa.array(at, mask=~found)


def _replaced(batch: pa.RecordBatch, column: pa.Field, values: pa.Array) -> pa.RecordBatch:
    at = batch.schema.get_field_index(column.name)
    return (batch.remove_column(at) if at >= 0 else batch).append_column(column, values)


def _taken(verdicts: pa.Table | None, name: str, take: pa.Array, type: pa.DataType) -> pa.Array:
    if verdicts is None or not len(verdicts):
        return pa.nulls(len(take), type)
    return verdicts[name].combine_chunks().take(take).cast(type)
