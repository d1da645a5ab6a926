"""The five kinds of step a plan is made of. A step is a frozen dataclass: its fields are its settings.

    Source   splits() on the driver, read(split) on a worker
    Map      process(batch) -> batch           same rows, same order; columns as declared
    Filter   reasons(batch) -> list<string>    empty keeps; all failing rules are named; it never deletes
    Stream   stream(batches) -> batches        rows may split, merge or multiply
    Relate   keys(batch), relate(keys, sql, look) what must see many documents at once

A *stage* is the class, a *step* a configured instance of it. Steps know no engine, path of the run, rank or
logger; heavy things (models, word lists) come from a module-level cached loader keyed by the settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from pipeline.errors import PlanError
from pipeline.registry import find, stages
from pipeline.schema import made_by
from pipeline.sql import Look as Look
from pipeline.sql import Relation as Relation
from pipeline.sql import Sql as Sql

NO_COLUMNS = pa.schema([])


@dataclass(frozen=True, kw_only=True)
class Step:
    """What all kinds share: declared columns, and the check that they are there."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    version: ClassVar[int] = 1
    """Raise it when the same settings give other output: folders of older runs are then not reused."""
    reads: ClassVar[pa.Schema] = NO_COLUMNS
    adds: ClassVar[pa.Schema] = NO_COLUMNS
    removes: ClassVar[tuple[str, ...]] = ()
    example: ClassVar[Mapping[str, Any]] = {}
    """Settings for the catalogue and the conformance suite where the defaults do not suffice."""

    def needs(self) -> pa.Schema:
        """Columns this step reads; override where they depend on the settings."""
        return self.reads

    def makes(self) -> pa.Schema:
        """Columns this step adds or replaces; override where they depend on the settings."""
        return self.adds

    def stamp(self) -> str:
        """Digest of what the settings name but do not hold (a model's file); part of the fingerprint."""
        return ""

    def check(self) -> None:
        """Raise PlanError where settings do not go together, or a file they name is missing."""

    def flow(self, schema: pa.Schema) -> pa.Schema:
        """Columns that leave, given the columns that enter.

        Raises:
            PlanError: a column read is missing, has another type, or was made in another way than is needed.
        """
        for want in self.needs():
            name, index = want.name, schema.get_field_index(want.name)
            if index < 0:
                raise PlanError(f"reads column {name!r}, which no earlier step provides{_put(makers(name))}")
            if (have := schema.field(index)).type != want.type:
                raise PlanError(f"reads column {name!r} as {want.type}, but it is {have.type}")
            wanted, given = made_by(want), made_by(have)
            if wanted and given and wanted != given:
                raise PlanError(f"reads column {name!r} made by {wanted}, but it was made by {given}")
        made = self.makes()
        gone = {*self.removes, *made.names}
        return pa.schema([*(f for f in schema if f.name not in gone), *made])


def makers(column: str) -> list[str]:
    """Names of the registered stages that add a column and do not read it themselves."""
    return [n for n in stages() if _adds(find("stages", n), column)]


def _adds(stage: type[Step], column: str) -> bool:
    return not issubclass(stage, Source) and column in stage.adds.names and column not in stage.reads.names


def _put(steps: Sequence[str]) -> str:
    return f": put {' or '.join(f'`- use: {s}`' for s in steps)} before it" if steps else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """A part of a source that one task reads: what *starts* in [start, stop) of the file is its own."""

    path: str
    start: int
    stop: int
    size: int
    """Size of the whole file, in bytes."""
    stamp: str = ""
    """What changes with the content of the file: a folder begun from other content is not resumed."""


@dataclass(frozen=True, kw_only=True)
class Source(Step):
    """Where documents come from. `makes()` is the schema of what it reads.

    A batch may carry a column `reasons` (list<string>): rows where it is not empty were not readable or
    not wanted (a damaged record, a redirect) and go to the dropped documents, with `file`, `offset` and
    `length` naming the bytes.
    """

    def splits(self) -> list[Split]:
        """All parts, in an order that depends on nothing but the names of the files."""
        raise NotImplementedError

    def read(self, split: Split) -> Iterator[pa.RecordBatch]:
        """The documents of one part, in file order."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Map(Step):
    """Same rows, same order; columns are added, replaced or removed as declared."""

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """`batch` with the declared columns; what else it holds passes through."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Filter(Step):
    """Says why a document must go. It never deletes: the runner routes."""

    def reasons(self, batch: pa.RecordBatch) -> pa.ListArray:
        """For each row the names of *all* rules that fail; empty keeps."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Stream(Step):
    """Rows may split, merge or multiply. Output may depend on where shards begin and end, and says so."""

    def stream(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """All batches of one shard in, new batches out."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Relate(Step):
    """What must see many documents at once: narrow keys go into SQL, narrow verdicts come back.

    `keys` is fused into the pass before; the runner adds the column `doc` (see `pipeline.schema.DOC`).
    `relate` returns verdicts: `doc`, `reason` (null keeps) and the columns of `verdicts()`, at most one row a
    document; a document without a row is kept and gets nulls. `rewrite` sees them beside the documents.
    """

    key_columns: ClassVar[pa.Schema] = NO_COLUMNS
    feature_columns: ClassVar[pa.Schema] = NO_COLUMNS

    def key_schema(self) -> pa.Schema:
        """What `keys` makes; override where it depends on the settings."""
        return self.key_columns

    def keys(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The narrow columns of `key_schema()`, row for row."""
        raise NotImplementedError

    def relate(self, keys: Relation, sql: Sql, look: Look) -> Relation:
        """Compose `sql(...)` calls into verdicts; `look` reads documents again where keys do not suffice."""
        raise NotImplementedError

    def features(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """`feature_columns`, row for row, of the documents that `look.second_pass` asked for."""
        raise NotImplementedError

    def references(self) -> Sequence[Source]:
        """Documents to compare with that are not the run's; they are numbered from -2^53, in this order."""
        return ()

    def verdicts(self) -> pa.Schema:
        """What `relate` returns beside `doc` and `reason`."""
        return self.makes()

    def rewrite(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Documents with the columns of `verdicts()` as they shall be, with those of `makes()`."""
        return batch
