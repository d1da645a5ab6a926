"""What a relate step works with: tables that an engine holds, and queries over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import pyarrow as pa

from pipeline.schema import ROW_BITS


class Relation(Protocol):
    """A table that an engine holds for the time of one `relate`."""

    def count(self) -> int:
        """Number of rows."""
        ...

    def rows(self) -> list[dict[str, Any]]:
        """All of them, of a table that is small."""
        ...


Rows: TypeAlias = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
"""A picklable function from batches to batches."""


class Sql(Protocol):
    """Run one query in DuckDB's dialect and keep the result: `sql("select … from {keys}", keys=keys)`.

    `{name}` stands for the relation passed under that name. Integer results are cast in the query where it
    matters (DuckDB sums BIGINT to HUGEINT); engine-native hashes and unordered picks have no place in one.
    """

    def __call__(self, query: str, **tables: Relation) -> Relation: ...

    def view(self, query: str, **tables: Relation) -> Relation:
        """The same, but nothing is kept: the query runs wherever its result is used."""
        ...

    def apply(self, rows: Rows, relation: Relation, schema: pa.Schema, by: Sequence[str] = ()) -> Relation:
        """What SQL cannot say: `relation` through a function whose batches have `schema`.

        With `by`, rows come sorted by these columns, and all that agree in the first of them as one batch;
        without, they come in any order and cut anyhow, so that what is made of a row depends on it alone.
        """
        ...

    def read(self, files: Sequence[Path]) -> Relation:
        """Parquet files of one schema as a relation: an index that earlier runs made."""
        ...

    def save(self, relation: Relation, folder: Path, width: int) -> None:
        """Write Parquet files `folder/bucket=B/*`, rows on `width` shards in a row each. Not atomic."""
        ...


class Look(Protocol):
    """What a relate step may ask beside queries: a second look at documents, and a line in the record."""

    def second_pass(self, docs: Relation) -> Relation:
        """The step's `features` of some documents (`doc` and any columns that it wants to see), with `doc`.

        They are read where they lie, in a pass of tasks over the shards that hold any of them.
        """
        ...

    def metric(self, name: str, value: int) -> None:
        """Put a number into the run's record, under the step."""
        ...


FIRST_SHARD = -(1 << 21)
"""Number of the first shard that a reference may have; those of a run are numbered from 0."""


def bucket(shard: int, width: int) -> int:
    """The bucket of a shard's rows: so many shards in a row share one."""
    return (shard - FIRST_SHARD) // width


def bucket_of_doc(division: str, width: int) -> str:
    """SQL for the bucket of `doc`; all its terms are positive, where every engine divides alike."""
    return f"(doc + {-FIRST_SHARD << ROW_BITS}) {division} {width << ROW_BITS}"
