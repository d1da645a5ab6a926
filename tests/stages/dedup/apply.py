"""A relate step over the rows of one batch, as a run would carry it out, in any session."""

from __future__ import annotations

import contextlib
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.duck import DuckSession
from pipeline.schema import DATE, DOC, ID, ROW_BITS, SOURCE, TEXT, URL, conform
from pipeline.sql import Relation, Sql
from pipeline.stage import Relate
from pipeline.verdicts import beside

Session: TypeAlias = Callable[[Path], AbstractContextManager[Sql]]


def documents(texts: list[str | None], **columns: list[Any]) -> pa.RecordBatch:
    """Documents id0, id1, … with these texts, and what else is given of `url`, `source`, `date`."""
    columns = {"id": [f"id{i}" for i in range(len(texts))], "text": list(texts)} | columns
    given = [ID, URL, TEXT, SOURCE, DATE]
    return pa.RecordBatch.from_arrays(
        [pa.array(columns.get(f.name, [None] * len(texts)), f.type) for f in given], schema=pa.schema(given)
    )


def numbered(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows with their numbers: half of them in either of two shards."""
    half = (len(batch) + 1) // 2
    numbers = [i if i < half else (1 << ROW_BITS) + i - half for i in range(len(batch))]
    return batch.append_column(DOC, pa.array(numbers, pa.int64()))


@contextlib.contextmanager
def in_memory(_: Path) -> Iterator[Sql]:
    """The local engine's session without its files, which take longer than all else."""
    with duckdb.connect(config={"threads": 1}) as connection:
        yield DuckSession(connection)


class Asked:
    """Looks at the documents of one batch again. Rows lie in a random order."""

    def __init__(self, folder: Path, step: Relate, batch: pa.RecordBatch, seed: int, sql: Sql) -> None:
        self.folder, self.step, self.batch, self.random = folder, step, batch, random.Random(seed)
        self.sql = sql
        self.metrics: dict[str, int] = {}

    def given(self, rows: pa.RecordBatch, name: str) -> Relation:
        """Rows as a relation."""
        order = self.random.sample(range(len(rows)), len(rows))
        pq.write_table(pa.table(rows).take(pa.array(order, pa.int64())), self.folder / name)
        return self.sql.read([self.folder / name])

    def stored(self, relation: Relation, name: str) -> pa.Table | None:
        """A relation's rows by document."""
        self.sql.save(relation, self.folder / name, 1)
        tables = [pq.ParquetFile(f).read() for f in (self.folder / name).rglob("*.parquet")]
        return pa.concat_tables(tables).sort_by("doc").combine_chunks() if tables else None

    def second_pass(self, docs: Relation) -> Relation:
        rows, columns = beside(self.batch, self.stored(docs, "asked")), self.step.feature_columns
        made = self.step.features(rows) if len(rows) else pa.RecordBatch.from_pylist([], columns)
        return self.given(conform(made, columns).add_column(0, DOC, rows.column("doc")), "features")

    def metric(self, name: str, value: int) -> None:
        self.metrics[name] = value


def applied(
    step: Relate, batch: pa.RecordBatch, seed: int = 0, session: Session = in_memory
) -> tuple[pa.Table, dict[str, int]]:
    """The documents with `reason` and the columns of the step, and the metrics."""
    batch = numbered(batch)
    keys = conform(step.keys(batch), step.key_schema()).add_column(0, DOC, batch.column("doc"))
    with tempfile.TemporaryDirectory() as name, session(Path(name) / "session") as sql:
        look = Asked(Path(name), step, batch, seed, sql)
        table = look.stored(step.relate(look.given(keys, "keys"), sql, look), "verdicts")
    rows = table.to_pylist() if table else []
    verdicts = {row["doc"]: row for row in rows}
    assert len(verdicts) == len(rows)
    for wanted in [*step.verdicts(), pa.field("reason", pa.string())]:
        values = [verdicts.get(doc, {}).get(wanted.name) for doc in batch["doc"].to_pylist()]
        batch = batch.append_column(wanted, pa.array(values, wanted.type))
    return pa.table(step.rewrite(batch)), look.metrics


def clusters(table: pa.Table, column: str) -> list[tuple[int, str | None, str | None, int]]:
    """(row, reason, duplicate of, size) of all documents that are not alone."""
    rows = enumerate(zip(table["reason"].to_pylist(), table[column].to_pylist(), strict=True))
    return [(i, reason, c["duplicate_of"], c["size"]) for i, (reason, c) in rows if c]
