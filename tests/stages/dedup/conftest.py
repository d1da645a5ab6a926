"""`sql` on DuckDB and on Spark, as small as it can be: each call makes a table."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import sqlglot

from tests.stages.dedup.apply import Session

Rows = list[tuple[Any, ...]]


def to_spark(query: str) -> str:
    """The query in Spark's dialect; raises where sqlglot does not understand it."""
    (translated,) = sqlglot.transpile(
        query, read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE
    )
    return translated


class Table:
    """A relation by its name."""

    def __init__(self, sql: DuckSql | SparkSql, name: str):
        self.sql, self.name = sql, name

    def count(self) -> int:
        return int(self.sql.fetch(f"SELECT count(*) FROM {self.name}")[0][0])

    def rows(self) -> Rows:
        """All rows, sorted; null before everything."""
        found = self.sql.fetch(f"SELECT * FROM {self.name}")
        return sorted(found, key=lambda row: [(v is not None, v) for v in row])


class DuckSql:
    """Also checks that each query has a translation."""

    def __init__(self) -> None:
        self.connection, self.queries = duckdb.connect(), 0

    def table(self, table: pa.Table | pa.RecordBatch) -> Table:
        self.connection.register("given", pa.table(table) if isinstance(table, pa.RecordBatch) else table)
        return self("SELECT * FROM given")

    def __call__(self, query: str, **tables: Any) -> Table:
        query = query.format(**{k: t.name for k, t in tables.items()})
        assert to_spark(query)
        self.queries += 1
        self.connection.execute(f"CREATE TABLE t{self.queries} AS {query}")
        return Table(self, f"t{self.queries}")

    def fetch(self, query: str) -> Rows:
        return self.connection.execute(query).fetchall()


class SparkSql:
    """The same queries through sqlglot."""

    def __init__(self, session: Any) -> None:
        self.session, self.queries = session, 0

    def _named(self, frame: Any) -> Table:
        self.queries += 1
        frame.localCheckpoint().createOrReplaceTempView(f"t{self.queries}")
        return Table(self, f"t{self.queries}")

    def table(self, table: pa.Table | pa.RecordBatch) -> Table:
        table = pa.table(table) if isinstance(table, pa.RecordBatch) else table
        return self._named(self.session.createDataFrame(table))

    def __call__(self, query: str, **tables: Any) -> Table:
        return self._named(self.session.sql(to_spark(query.format(**{k: t.name for k, t in tables.items()}))))

    def fetch(self, query: str) -> Rows:
        return [tuple(row) for row in self.session.sql(query).collect()]


@pytest.fixture
def sql() -> Iterator[DuckSql]:
    duck = DuckSql()
    yield duck
    duck.connection.close()


@pytest.fixture(scope="package")
def spark_sql() -> Iterator[SparkSql]:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]").appName("dedup")
    for key, value in {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.adaptive.enabled": "false",
    }.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield SparkSql(session)
    session.stop()


@pytest.fixture
def on_spark(spark_sql: SparkSql, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Sessions of the Spark engine."""
    from jobs.spark.sql import SparkQueries

    monkeypatch.setattr(spark_sql.session.sparkContext, "pythonExec", sys.executable)

    def opened(folder: Path) -> Any:
        folder.mkdir()
        return contextlib.closing(SparkQueries(spark_sql.session, folder))

    return opened
