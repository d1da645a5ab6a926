"""Document numbers, and how the verdicts of a relate step come back to where the documents lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.ledger import Ledger
from pipeline.schema import DOC, ROW_BITS, conform, put
from pipeline.sql import bucket
from pipeline.stage import Relate
from pipeline.steps import Named
from pipeline.store import fetch, read_json, workplace


def numbers(shard: int, row: int, n: int) -> pa.Array:
    """int64 [n]: document numbers of rows row, row + 1, … of a shard."""
    return pa.array(np.arange(row, row + n, dtype=np.int64) + (shard << ROW_BITS))


def number_rows(batches: Iterator[pa.RecordBatch], shard: int) -> Iterator[pa.RecordBatch]:
    """Each batch with its documents' numbers as the column `doc`."""
    row = 0
    for batch in batches:
        yield batch.append_column(DOC, numbers(shard, row, len(batch)))
        row += len(batch)


VERDICTS, WIDTH = "verdicts", "width.json"
"""The folder of a relate step's verdicts, and the file in it that says how wide its buckets are."""
ROWS = 1 << 18
"""Of verdicts in a bucket, about: what a task reads, whatever the number of shards."""


def width(n_rows: int, n_shards: int) -> int:
    """How many shards in a row share a bucket, so that it holds about ROWS rows."""
    return max(1, min(n_shards, ROWS * n_shards // max(n_rows, 1)))


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """Rows about documents, by the step that made them: sorted into buckets of so many shards in a row."""

    named: Named
    folder: Path
    width: int

    @classmethod
    def of(cls, named: Named, home: Path) -> Self:
        """Those that lie in the folder of a relate step."""
        return cls(named=named, folder=home / VERDICTS, width=read_json(home / VERDICTS / WIDTH))

    def files(self) -> list[Path]:
        """All of them."""
        return sorted(self.folder.glob("*/*.parquet"))

    def load(self, shard: int) -> pa.Table | None:
        """Those on one shard, sorted by document number."""
        files = sorted((self.folder / f"bucket={bucket(shard, self.width)}").glob("*.parquet"))
        low, high = shard << ROW_BITS, (shard + 1) << ROW_BITS
        mine = (pc.field("doc") >= low) & (pc.field("doc") < high)
        with workplace(self.folder) as place:
            tables = [pq.ParquetFile(f).read().filter(mine) for f in fetch(files, place)]
        return pa.concat_tables(tables).sort_by("doc").combine_chunks() if tables else None


def apply_verdicts(
    named: Named,
    batches: Iterator[pa.RecordBatch],
    schema: pa.Schema,
    verdicts: pa.Table | None,
    ledger: Ledger,
) -> Iterator[pa.RecordBatch]:
    """Apply a relate step's verdicts: its columns are added, and rows with a reason dropped."""
    assert isinstance(named.step, Relate)
    for batch in batches:
        take = _positions(batch, verdicts)
        for wanted in named.step.verdicts():
            batch = put(batch, wanted, _taken(verdicts, wanted.name, take, wanted.type))
        reasons = _taken(verdicts, "reason", take, pa.string())
        offsets = np.concatenate([[0], np.cumsum(reasons.is_valid().to_numpy(zero_copy_only=False))])
        lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), reasons.drop_null())
        yield ledger.route(named.name, conform(named.step.rewrite(batch), schema), lists)


def beside(batch: pa.RecordBatch, table: pa.Table | None) -> pa.RecordBatch:
    """The rows of a numbered batch that `table` has, with its columns."""
    take = _positions(batch, table)
    present = take.is_valid()
    batch, take = batch.filter(present), take.drop_null()
    for wanted in table.schema if table is not None else ():
        if wanted.name != DOC.name:
            batch = put(batch, wanted, _taken(table, wanted.name, take, wanted.type))
    return batch


def _positions(batch: pa.RecordBatch, table: pa.Table | None) -> pa.Array:
    """int64 [rows]: where in the sorted `table` each document is; null where it is not."""
    docs = table["doc"].to_numpy() if table is not None else np.empty(0, np.int64)
    mine = batch.column(batch.schema.get_field_index(DOC.name)).to_numpy()
    position = np.searchsorted(docs, mine)
    present = position < len(docs)
    present[present] = docs[position[present]] == mine[present]
    return pa.array(position, mask=~present)


def _taken(verdicts: pa.Table | None, name: str, take: pa.Array, type: pa.DataType) -> pa.Array:
    if verdicts is None or not len(verdicts):
        return pa.nulls(len(take), type)
    return verdicts[name].combine_chunks().take(take).cast(type)
