"""Keep documents for which a predicate holds, written in SQL over their columns."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, ClassVar

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import PlanError
from pipeline.schema import HTML, TEXT, document_schema
from pipeline.stage import Filter
from stages.filters.measured import named

KNOWN = {f.name: f for f in document_schema(TEXT, HTML)}
REFUSED = {"SUBQUERY": "a subquery", "WINDOW": "a window function", "STAR": "*", "PARAMETER": "a parameter"}
"""What would let a row see other rows, or nothing at all."""


@dataclass(frozen=True, kw_only=True)
class KeepIf(Filter):
    """Drop documents for which an SQL predicate over the columns does not hold.

    DuckDB evaluates it inside the task, on every engine, so it means the same on all of them. A row sees no
    other row: aggregates, windows and subqueries are refused, and functions that depend on the moment.

    Source: SQL as DuckDB understands it; struct fields are written `language.score > 0.8`.
    Null: a predicate that is null drops the document, as in a WHERE, with the reason `no_answer`.
    Cost: 0.3 us a document for a comparison of numbers.
    """

    example: ClassVar[Mapping[str, Any]] = {"where": "length(text) > 100 AND url IS NOT NULL"}

    where: str
    """The predicate, such as `gopher.n_words > 80 OR source = 'books'`."""

    def check(self) -> None:
        tree = parsed(self.where)
        volatile, aggregates = _functions()
        for node in _nodes(tree):
            name = str(node.get("function_name", "")).lower()
            if node.get("class") in REFUSED:
                raise PlanError(
                    f"where: {REFUSED[node['class']]} has no place in a predicate over one document"
                )
            if name in aggregates:
                raise PlanError(f"where: {name}() looks at many documents; a predicate sees one")
            if name in volatile:
                raise PlanError(f"where: {name}() gives another answer on another run")

    def needs(self) -> pa.Schema:
        names = dict.fromkeys(
            node["column_names"][0]
            for node in _nodes(parsed(self.where))
            if node.get("class") == "COLUMN_REF"
        )
        return pa.schema([KNOWN.get(name, pa.field(name, pa.null())) for name in names])

    def flow(self, schema: pa.Schema) -> pa.Schema:
        self.check()
        try:
            answer = self._ask(pa.Table.from_batches([], schema))
        except duckdb.Error as error:
            raise PlanError(f"where: {_first(error)}") from error
        if not pa.types.is_boolean(answer.type):
            raise PlanError(f"where: gives {answer.type}, not true or false")
        return schema

    def reasons(self, batch: pa.RecordBatch) -> pa.ListArray:
        answer = self._ask(pa.Table.from_batches([batch])).combine_chunks()
        failed = [pc.invert(pc.fill_null(answer, True)), answer.is_null()]
        columns = [f.to_numpy(zero_copy_only=False).reshape(-1, 1) for f in failed]
        return named(np.hstack(columns), ["where", "no_answer"])

    def _ask(self, table: pa.Table) -> pa.ChunkedArray:
        """The predicate's value on every row."""
        wanted = {name.lower() for name in self.needs().names}
        narrow = table.select(
            [n for n in table.column_names if n.lower() in wanted] or table.column_names[:1]
        )
        connection = _connection()
        connection.register("documents", narrow)
        try:
            query = f"SELECT ({self.where}\n) AS answer FROM documents"
            return connection.sql(query).to_arrow_table()["answer"]
        finally:
            connection.unregister("documents")


@lru_cache(maxsize=64)
def parsed(where: str) -> dict[str, Any]:
    """DuckDB's syntax tree of a predicate.

    Raises:
        PlanError: it is none, with the parser's words.
    """
    [(text,)] = _connection().execute("SELECT json_serialize_sql(?)", [f"SELECT ({where}\n)"]).fetchall()
    tree = json.loads(text)
    if tree["error"]:
        raise PlanError(f"where: {tree['error_message']}")
    node = tree["statements"][0]["node"]
    is_one = len(tree["statements"]) == len(node.get("select_list", [])) == 1
    if not is_one or node["from_table"]["type"] != "EMPTY" or node["where_clause"] or node["modifiers"]:
        raise PlanError("where: must be one expression, without FROM or WHERE")
    expression: dict[str, Any] = node["select_list"][0]
    return expression


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for inner in tree.values():
            yield from _nodes(inner)
    elif isinstance(tree, list):
        for inner in tree:
            yield from _nodes(inner)


_mine = threading.local()


def _connection() -> duckdb.DuckDBPyConnection:
    """One for each thread that asks, for it answers one at a time. Its one thread keeps rows in order.

    It can reach no file.
    """
    if not hasattr(_mine, "connection"):
        _mine.connection = duckdb.connect(":memory:", config={"threads": 1, "enable_external_access": False})
    connection: duckdb.DuckDBPyConnection = _mine.connection
    return connection


@cache
def _functions() -> tuple[frozenset[str], frozenset[str]]:
    """Names of functions that depend on more than their arguments, and of aggregates."""
    query = "SELECT function_name, function_type, stability FROM duckdb_functions()"
    rows = _connection().execute(query).fetchall()
    scalar = {name for name, kind, _ in rows if kind in ("scalar", "macro")}
    aggregates = {name for name, kind, _ in rows if kind in ("aggregate", "window")} - scalar
    return frozenset(n for n, _, stability in rows if stability and stability != "CONSISTENT"), frozenset(
        aggregates
    )


def _first(error: duckdb.Error) -> str:
    return str(error).partition("\n")[0]
