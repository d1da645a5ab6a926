"""`sql(...)` on Spark SQL: queries in DuckDB's dialect, transpiled; each call makes a Parquet folder."""

from __future__ import annotations

import contextlib
import itertools
import re
import shutil
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.logger import PySparkLogger
from pyspark.sql import DataFrame, SparkSession
from sqlglot import exp

from jobs.spark.context import said
from jobs.spark.work import standing_in
from pipeline.engine import grouped
from pipeline.errors import RunError
from pipeline.schema import conform
from pipeline.sql import Relation, Rows, bucket_of_doc

for _logger in ("DataFrameQueryContextLogger", "SQLQueryContextLogger"):
    PySparkLogger.getLogger(_logger).disabled = True  # they print as JSON what is raised

INTEGERS = {"TINYINT", "SMALLINT", "INT", "BIGINT"}


class SparkRelation:
    """Parquet files under the name of a view; released when nobody refers to it."""

    def __init__(self, name: str, files: Sequence[Path]) -> None:
        self.name, self.files = name, files

    def count(self) -> int:
        """Number of rows, from the files' footers: no job is started."""
        return sum(pq.read_metadata(file).num_rows for file in self.files)

    def rows(self) -> list[dict[str, Any]]:
        """All rows."""
        return [row for file in self.files for row in pq.read_table(file).to_pylist()]


class SparkView(SparkRelation):
    """A query under the name of a view."""

    def __init__(self, name: str, frame: DataFrame, made_of: tuple[Relation, ...]) -> None:
        super().__init__(name, ())
        self.frame, self.made_of = frame, made_of

    def count(self) -> int:
        """Number of rows, by a job."""
        return self.frame.count()

    def rows(self) -> list[dict[str, Any]]:
        """All rows."""
        return [row.asDict(recursive=True) for row in self.frame.collect()]


class SparkQueries:
    """The queries of one `relate`. DuckDB binds each on empty tables first, so that its result has the names
    and types that it has on the local engine: a row_number() is BIGINT there and INT in Spark.

    What `_differs` finds would give other values on Spark and is refused. What it cannot see: casts from
    fractions to integers (DuckDB rounds, Spark cuts: say floor() or round()), and what depends on the order
    of rows: list(x), sum(x) of fractions.
    """

    def __init__(self, spark: SparkSession, work: Path) -> None:
        self.spark, self.work = spark.newSession(), work
        self._bound = duckdb.connect(config={"threads": 1})
        self._ids = itertools.count()
        self._released: list[tuple[str, Path | None]] = []

    def close(self) -> None:
        """End the session; what lies in `work` is its owner's to remove."""
        self._bound.close()

    def __call__(self, query: str, **tables: Relation) -> Relation:
        """Run one query and keep its result, which later queries read from disk.

        Raises:
            RunError: with the query.
        """
        text = query.format(**{k: _name(v) for k, v in tables.items()})
        name = self._next()
        folder = self.work / name
        with _errors_with(text):
            columns = self._bind(name, text)
            self._typed(text, columns).write.parquet(_uri(folder))
            return self._view(name, columns, [folder], sorted(folder.glob("*.parquet")), folder)

    def view(self, query: str, **tables: Relation) -> Relation:
        """A query that runs where its result is used."""
        text = query.format(**{k: _name(v) for k, v in tables.items()})
        name = self._next()
        with _errors_with(text):
            frame = self._typed(text, self._bind(name, text))
            frame.createOrReplaceTempView(name)
        relation = SparkView(name, frame, tuple(tables.values()))
        weakref.finalize(relation, self._released.append, (name, None))
        return relation

    def _typed(self, text: str, columns: Mapping[str, str]) -> DataFrame:
        """A query's result, with the types it has on the local engine."""
        result = self.spark.sql(transpile(text)).toDF(*columns)
        typed = [f"CAST({_quoted(c)} AS {type}) AS {_quoted(c)}" for c, type in columns.items()]
        return result.selectExpr(*typed)

    def apply(self, rows: Rows, relation: Relation, schema: pa.Schema, by: Sequence[str] = ()) -> Relation:
        """Rows of a table through a function, on the workers."""
        name, text = self._next(), f"{rows} over {_name(relation)}"
        folder = self.work / name
        self._bound.register("made", schema.empty_table())
        self._bound.execute(f"CREATE TABLE {name} AS SELECT * FROM made")
        with _errors_with(text):
            frame = self.spark.table(_name(relation))
            if by:
                frame = frame.repartition(by[0]).sortWithinPartitions(*by)
            columns = self._described(name)
            ddl = ", ".join(f"{_quoted(c)} {type}" for c, type in columns.items())
            frame.mapInArrow(_over(rows, schema, tuple(by), Path.cwd()), ddl).write.parquet(_uri(folder))
            return self._view(name, columns, [folder], sorted(folder.glob("*.parquet")), folder)

    def read(self, files: Sequence[Path]) -> Relation:
        """Parquet files of one schema as a view: columns that no query asks for are never read."""
        name, one = self._next(), ", ".join(_literal(f) for f in files[:1])
        text = f"SELECT * FROM read_parquet([{one}], hive_partitioning = false)"
        with _errors_with(text):
            return self._view(name, self._bind(name, text), files, files, None)

    def save(self, relation: Relation, folder: Path, width: int) -> None:
        """Write Parquet files `folder/bucket=B/*`, one a bucket."""
        shutil.rmtree(folder, ignore_errors=True)
        text = f"SELECT *, {bucket_of_doc('DIV', width)} AS bucket FROM {_name(relation)}"
        with _errors_with(text):
            rows = self.spark.sql(text).repartition("bucket")
            rows.write.partitionBy("bucket").parquet(_uri(folder))
        for left in folder.rglob(".*.crc"):
            left.unlink()

    def _bind(self, name: str, query: str) -> dict[str, str]:
        """Column -> Spark type of a query's result; its empty table is kept under `name`."""
        self._bound.execute(f"CREATE TABLE {name} AS {query} WITH NO DATA")
        return self._described(name)

    def _described(self, name: str) -> dict[str, str]:
        described = self._bound.execute(f"DESCRIBE {name}").fetchall()
        return {column: spark_type(type) for column, type, *_ in described}

    def _view(
        self,
        name: str,
        columns: Mapping[str, str],
        paths: Sequence[Path],
        files: Sequence[Path],
        owned: Path | None,
    ) -> SparkRelation:
        schema = ", ".join(f"{_quoted(c)} {type}" for c, type in columns.items())
        # Spark takes paths for patterns, and its switch against that reads such files twice.
        literal = (re.sub(r"([\\*?{}\[\]])", r"\\\1", _uri(path)) for path in paths)
        self.spark.read.schema(schema).parquet(*literal).createOrReplaceTempView(name)
        relation = SparkRelation(name, files)
        # Only noted: a collector may strike amid a call to Java, where another call must not begin.
        weakref.finalize(relation, self._released.append, (name, owned))
        return relation

    def _next(self) -> str:
        """A name for a relation. What nobody refers to any more is removed first."""
        while self._released:
            name, owned = self._released.pop()
            self.spark.catalog.dropTempView(name)
            self._bound.execute(f"DROP TABLE {name}")
            if owned:
                shutil.rmtree(owned)
        return f"r{next(self._ids)}"


def _over(rows: Rows, schema: pa.Schema, by: tuple[str, ...], folder: Path) -> Rows:
    """`rows` as mapInArrow wants it, columns by position; relative paths begin in the driver's folder."""

    def each(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with standing_in(folder):
            yield from (conform(batch, schema) for batch in rows(grouped(batches, by)))

    return each


def transpile(query: str) -> str:
    """A query in DuckDB's dialect as Spark's.

    Raises:
        RunError: it would give other values there.
    """
    tree = sqlglot.parse_one(query, read="duckdb")
    if why := next(_differs(tree), None):
        raise RunError(f"{why}, in the query: {query}")
    for division in list(tree.find_all(exp.Div)):
        # DuckDB divides in double precision whatever the operands; Spark divides decimals (0.1) as decimals.
        division.set("this", exp.cast(division.this, "double", copy=False))
        division.set("expression", exp.cast(division.expression, "double", copy=False))
    return tree.sql("spark")


def _differs(tree: exp.Expr) -> Iterator[str]:
    for aggregate in tree.find_all(exp.ArrayAgg):
        if aggregate.find(exp.Order):
            yield "Spark's lists keep no ORDER BY: write list_sort(list(x))"
    for cast in tree.find_all(exp.Cast):
        to_integer = cast.to.sql("spark") in INTEGERS
        if to_integer and isinstance(cast.this.unnest(), exp.Div):
            yield "casts of fractions to integers are rounded here and cut there: write // or floor()"


def spark_type(type: str) -> str:
    """Spark's name for a type of DuckDB's."""
    if type == '"NULL"':
        return "INT"  # what DuckDB writes to Parquet for a column of NULLs
    if type == "HUGEINT":
        return "DECIMAL(38, 0)"
    return exp.DataType.build(type, dialect="duckdb").sql("spark")


@contextlib.contextmanager
def _errors_with(query: str) -> Iterator[None]:
    """What a query raises, as an error of ours that shows the query."""
    try:
        yield
    except (duckdb.Error, sqlglot.errors.SqlglotError) as error:
        raise RunError(f"query failed: {error}\nin the query: {query}") from error
    except (PySparkException, Py4JError) as error:
        raise RunError(f"query failed on Spark: {said(error)}\nin the query: {query}") from error


def _name(relation: Relation) -> str:
    assert isinstance(relation, SparkRelation)
    return relation.name


def _quoted(column: str) -> str:
    return "`" + column.replace("`", "``") + "`"


def _literal(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _uri(path: Path) -> str:
    """A path Spark takes as a file of this machine, whatever its default file system; not percent-encoded."""
    return f"file://{path.absolute()}"
