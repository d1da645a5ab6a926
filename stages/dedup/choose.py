"""Which document of a cluster stays, the verdicts on the others, and what the column says of them all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Interval

from pipeline.errors import PlanError
from pipeline.registry import suggest
from pipeline.schema import DATE, ID, SOURCE, TEXT, column
from pipeline.stage import Relate, Relation, Source, Sql
from stages.ingest.documents import documents, stamp

Similarity: TypeAlias = Annotated[float, Interval(gt=0, le=1)]
"""How alike two documents are: over 0, and 1 for the same."""

POLICIES = ("first", "longest", "newest", "oldest", "source_priority", "best(COLUMN)")
LAST = np.iinfo(np.int64).max
FIRST_INDEXED = -(1 << 52)
"""Numbers from here up to 0 are those of documents in an index; references have lower ones."""

CLUSTER = pa.struct(
    [
        ("duplicate_of", pa.string()),
        ("size", pa.int64()),
        ("dates", pa.list_(pa.string())),
        ("sources", pa.list_(pa.string())),
    ]
)
KNOWN = pa.schema(
    [
        ID,
        column("rank", pa.int64(), "the lowest of a cluster stays; of equal ones the first in the input"),
        column("day", pa.string(), "first ten characters of the date"),
        SOURCE,
    ]
)
"""Columns that keys have of each document: for the choice, and for the description of its cluster."""


@dataclass(frozen=True, kw_only=True)
class Copies(Relate):
    """A step that keeps one document of each cluster."""

    keep: str = "first"
    """Which one stays: `first` in the input's order, the `longest` text, the `newest` or `oldest` date,
    `source_priority`, or the highest number in a column, as in `best(quality.score)`. Of equal ones it is the
    first; a null or NaN is worse than any value."""
    priority: tuple[str, ...] = ()
    """Sources for `keep: source_priority`, best first; sources not listed come last."""
    against: str | tuple[str, ...] = ()
    """Documents to compare with, which stay whatever `keep` says and are not written: outputs of runs, or
    Parquet or JSONL files (patterns allowed)."""
    column: str
    """Name of the column that is added."""

    def check(self) -> None:
        if self.keep not in POLICIES and not _scored(self.keep):
            raise PlanError(
                f"keep: {self.keep!r} is none of {', '.join(POLICIES)}{suggest(self.keep, POLICIES)}"
            )
        if (self.keep == "source_priority") != bool(self.priority):
            raise PlanError("priority: goes with keep: source_priority, which needs it")
        self.references()

    def makes(self) -> pa.Schema:
        return pa.schema([cluster_column(self.column)])

    def flow(self, schema: pa.Schema) -> pa.Schema:
        if path := _scored(self.keep):
            known = {f.name: f.type for f in schema}
            for name in path.split("."):
                if name not in known:
                    raise PlanError(f"keep: no earlier step provides {path!r}{suggest(name, known)}")
                type = known[name]
                known = {f.name: f.type for f in type} if pa.types.is_struct(type) else {}
            if not (pa.types.is_integer(type) or pa.types.is_floating(type)):
                raise PlanError(f"keep: {path!r} is {type}, not a number")
        return super().flow(schema)

    def references(self) -> Sequence[Source]:
        return documents(self.against, source="against")

    def stamp(self) -> str:
        return stamp(self.references()) if self.against else ""

    def chosen_by(self) -> pa.Schema:
        """Columns that `known` reads, but for that of `best`, which references need not have."""
        return pa.schema([ID, DATE, SOURCE, *([TEXT] if self.keep == "longest" else [])])

    def known(self, batch: pa.RecordBatch) -> list[pa.Array]:
        """The columns KNOWN."""
        days = pc.utf8_slice_codeunits(batch.column("date"), 0, 10)
        return [batch.column("id"), pa.array(self._ranks(batch)), days, batch.column("source")]

    def _ranks(self, batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
        if self.keep == "longest":
            return -_int64(pc.fill_null(pc.binary_length(batch.column("text")), -1))
        if self.keep in ("newest", "oldest"):
            moments = _moments(batch.column("date"))
            return np.where(moments < 0, LAST, moments if self.keep == "oldest" else -moments)
        if self.keep == "source_priority":
            places = pc.index_in(batch.column("source"), pa.array(self.priority, pa.string()))
            return _int64(pc.fill_null(places, len(self.priority)))
        if path := _scored(self.keep):
            return _falling(batch, path.split("."))
        return np.zeros(len(batch), np.int64)

    def choose(self, clusters: Relation, keys: Relation, sql: Sql, reason: str) -> Relation:
        """Verdicts on the documents of `clusters` (doc, label), where all clusters have two or more."""
        kept = leaders(clusters, keys, sql)
        sizes = sql(
            "SELECT c.label, CAST(count(*) AS BIGINT) AS size FROM {clusters} c GROUP BY c.label",
            clusters=clusters,
        )
        dates, origins = (_distinct(clusters, keys, sql, name) for name in ("day", "source"))
        return sql(
            f"SELECT c.doc, CASE WHEN c.doc <> l.kept THEN '{reason}' END AS reason, "
            "{{'duplicate_of': CASE WHEN c.doc <> l.kept THEN k.id END, 'size': n.size, "
            "'dates': CASE WHEN c.doc = l.kept THEN d.listed END, "
            f"'sources': CASE WHEN c.doc = l.kept THEN s.listed END}}}} AS {self.column} "
            "FROM {clusters} c JOIN {leaders} l ON c.label = l.label JOIN {sizes} n ON c.label = n.label "
            "JOIN {keys} k ON l.kept = k.doc LEFT JOIN {dates} d ON c.label = d.label "
            "LEFT JOIN {origins} s ON c.label = s.label",
            clusters=clusters, leaders=kept, sizes=sizes, keys=keys, dates=dates, origins=origins,
        )  # fmt: skip


def cluster_column(name: str) -> pa.Field:
    """The column that describes a document's cluster."""
    return column(
        name,
        CLUSTER,
        "its copies: duplicate_of is the id of the document kept in its place; size counts it and them; "
        "dates (days) and sources are those of all, and stand on the kept document; null if it is alone",
    )


def leaders(clusters: Relation, keys: Relation, sql: Sql) -> Relation:
    """(label, kept): the document of each cluster of `clusters` (doc, label) that stays."""
    ranked = sql(
        f"SELECT c.label, c.doc, CASE WHEN c.doc < {FIRST_INDEXED} THEN {-LAST} "
        "ELSE k.rank END AS rank FROM {clusters} c JOIN {keys} k ON c.doc = k.doc",
        clusters=clusters,
        keys=keys,
    )
    return sql(
        "SELECT r.label, min(r.doc) AS kept FROM {ranked} r "
        "JOIN (SELECT label, min(rank) AS rank FROM {ranked} GROUP BY label) b "
        "ON r.label = b.label AND r.rank = b.rank GROUP BY r.label",
        ranked=ranked,
    )


def _distinct(clusters: Relation, keys: Relation, sql: Sql, name: str) -> Relation:
    """(label, listed): the distinct values of a column in each cluster, sorted."""
    values = sql(
        f"SELECT DISTINCT c.label, k.{name} AS value FROM {{clusters}} c JOIN {{keys}} k ON c.doc = k.doc "
        f"WHERE k.{name} IS NOT NULL",
        clusters=clusters,
        keys=keys,
    )
    return sql("SELECT label, list_sort(list(value)) AS listed FROM {values} GROUP BY label", values=values)


def _scored(keep: str) -> str:
    """The column that `best(…)` names, or nothing."""
    match = re.fullmatch(r"best\(\s*([\w.]+)\s*\)", keep)
    return match[1] if match else ""


def _int64(array: pa.Array) -> npt.NDArray[np.int64]:
    return np.asarray(array.to_numpy(zero_copy_only=False), np.int64)


def _moments(dates: pa.StringArray) -> npt.NDArray[np.int64]:
    """int64 [rows]: YYYYMMDDhhmmss of ISO 8601, 0 for missing parts; -1 without a year. No time zones."""
    digits = pc.replace_substring_regex(pc.utf8_slice_codeunits(dates, 0, 19), r"\D", "")
    good = pc.fill_null(pc.match_substring_regex(digits, r"^\d{4,14}$"), False)
    padded = pc.utf8_rpad(pc.if_else(good, digits, pa.scalar("-1")), 14, "0")
    return np.where(good.to_numpy(zero_copy_only=False), padded.cast(pa.int64()).to_numpy(), -1)


def _falling(batch: pa.RecordBatch, path: Sequence[str]) -> npt.NDArray[np.int64]:
    """int64 [rows]: lower for higher numbers; LAST for null, NaN, or no such column."""
    if batch.schema.get_field_index(path[0]) < 0:
        return np.full(len(batch), LAST, np.int64)
    values = batch.column(path[0])
    for name in path[1:]:
        values = pc.struct_field(values, name)
    # + 0.0 makes -0.0 the same as 0.0. The bits of a float, those of negative ones turned round, order as
    # whole numbers as the floats do; complemented, the highest number has the lowest rank.
    numbers = pc.fill_null(values.cast(pa.float64()), float("nan")).to_numpy(zero_copy_only=False) + 0.0
    bits = numbers.view(np.int64)
    rising = np.where(bits < 0, bits ^ np.int64(LAST), bits)
    return np.where(np.isnan(numbers), LAST, ~rising)
