"""`sql(...)` on DuckDB, spilling to disk: what the engines of one machine share."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.engine import grouped
from pipeline.errors import RunError
from pipeline.schema import conform
from pipeline.sql import Relation, Rows, Sql, bucket_of_doc

APPLY_ROWS = 2048
"""Rows of a table that a function is given at a time: few, for they may hold long lists."""


@contextlib.contextmanager
def session(work: Path, threads: int, memory: str | None) -> Iterator[Sql]:
    """A database in the folder `work`, which is removed at the end.

    Raises:
        RunError: a query failed.
    """
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        stack.enter_context(_queries())
        connection = stack.enter_context(duckdb.connect(str(work / "session.duckdb")))
        connection.execute(f"SET threads = {threads}")
        connection.execute(f"SET temp_directory = '{_quoted(work / 'spill')}'")
        connection.execute("SET preserve_insertion_order = false")  # else sorting is all in memory
        connection.execute("SET enable_progress_bar = false")  # ours is drawn
        if memory:
            connection.execute(f"SET memory_limit = '{_quoted(memory)}'")
        yield DuckSession(connection)


@contextlib.contextmanager
def _queries() -> Iterator[None]:
    """What DuckDB raises, as an error of ours."""
    try:
        yield
    except duckdb.Error as error:
        full = any(why in str(error) for why in ("No space left", "quota exceeded"))
        advice = "; make room, and the same command goes on" if full else ""
        raise RunError(f"query failed: {error}{advice}") from error


def _quoted(value: object) -> str:
    return str(value).replace("'", "''")


class DuckRelation:
    """A table of the session; dropped when nobody refers to it, so that rounds do not pile up on disk."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, name: str, kind: str, made_of: tuple[Relation, ...]
    ) -> None:
        self.connection, self.name, self.made_of = connection, name, made_of
        weakref.finalize(self, _drop, connection, name, kind)

    def count(self) -> int:
        """Number of rows."""
        [(n,)] = self.connection.execute(f"SELECT count(*) FROM {self.name}").fetchall()
        return int(n)

    def rows(self) -> list[dict[str, Any]]:
        """All rows."""
        values: list[dict[str, Any]] = self.connection.sql(f"FROM {self.name}").to_arrow_table().to_pylist()
        return values


def _drop(connection: duckdb.DuckDBPyConnection, name: str, kind: str) -> None:
    with contextlib.suppress(duckdb.Error):  # the session is over and the file gone, or the disk was full
        connection.execute(f"DROP {kind} IF EXISTS {name}")


class DuckSession:
    """`sql(...)` on DuckDB: each call makes a table."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection, self._ids = connection, itertools.count()

    def _make(self, kind: str, query: str, *made_of: Relation) -> DuckRelation:
        name = f"r{next(self._ids)}"
        self.connection.execute(f"CREATE {kind} {name} AS {query}")
        return DuckRelation(self.connection, name, kind, made_of)

    def apply(self, rows: Rows, relation: Relation, schema: pa.Schema, by: Sequence[str] = ()) -> Relation:
        """Rows of a table through a function, in this process."""
        order = f" ORDER BY {', '.join(by)}" if by else ""
        with self.connection.cursor() as reading:  # one connection cannot read while it writes
            query = reading.sql(f"SELECT * FROM {_name(relation)}{order}")
            batches: Iterator[pa.RecordBatch] = iter(query.to_arrow_reader(APPLY_ROWS))
            made = (conform(batch, schema) for batch in rows(grouped(batches, by)))
            self.connection.register("made", pa.RecordBatchReader.from_batches(schema, made))
            try:
                return self._make("TABLE", "SELECT * FROM made")
            finally:
                self.connection.unregister("made")

    def __call__(self, query: str, **tables: Relation) -> Relation:
        """Run one query and keep its result."""
        return self._make("TABLE", query.format(**{k: _name(v) for k, v in tables.items()}))

    def view(self, query: str, **tables: Relation) -> Relation:
        """A query that runs where its result is used."""
        text = query.format(**{k: _name(v) for k, v in tables.items()})
        return self._make("VIEW", text, *tables.values())

    def read(self, files: Sequence[Path]) -> Relation:
        """Parquet files of one schema as a view: columns that no query asks for are never read."""
        listed = ", ".join(f"'{_quoted(f)}'" for f in files)
        return self._make("VIEW", f"SELECT * FROM read_parquet([{listed}], hive_partitioning = false)")

    def save(self, relation: Relation, folder: Path, width: int) -> None:
        """Write Parquet files `folder/bucket=B/*`."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.connection.execute(
            f"COPY (SELECT *, {bucket_of_doc('//', width)} AS bucket FROM {_name(relation)}) "
            f"TO '{_quoted(folder)}' (FORMAT parquet, PARTITION_BY (bucket), OVERWRITE_OR_IGNORE)"
        )


def _name(relation: Relation) -> str:
    assert isinstance(relation, DuckRelation)
    return relation.name
