"""All documents of a run, kept and dropped, a shard at a time and only the columns asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import PlanError
from pipeline.reader import Reader
from pipeline.record import Record, list_shards
from pipeline.registry import find
from pipeline.shards import open_shard
from pipeline.stage import Step


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One Parquet file of a source's documents: kept ones, or those that one segment dropped."""

    source: str
    path: Path
    kept: bool

    def columns(self) -> list[str]:
        """Names of the columns the file has."""
        return _columns(self.path)

    def clusters(self) -> list[str]:
        """Columns in which a deduplicating step says of what cluster a document is."""
        return _clusters(self.path)

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Those of `columns` that the file has, in their order; fields of structs as `struct.field`."""
        have = set(self.columns())
        with open_shard(self.path) as file:
            table = file.read(columns=[c for c in columns if c.partition(".")[0] in have], use_threads=False)
        return table.select([c for c in dict.fromkeys(c.partition(".")[0] for c in columns) if c in have])

    def rows(self, wanted: Sequence[int]) -> list[dict[str, Any]]:
        """All columns of some rows, given in ascending order, without reading other row groups."""
        values, start = [], 0
        with open_shard(self.path) as file:
            for group in range(file.num_row_groups):
                stop = start + file.metadata.row_group(group).num_rows
                if mine := [row - start for row in wanted if start <= row < stop]:
                    values += file.read_row_group(group).take(pa.array(mine)).to_pylist()
                start = stop
        return values


@lru_cache(maxsize=1 << 16)
def _columns(path: Path) -> list[str]:
    with open_shard(path) as file:
        names: list[str] = file.schema_arrow.names
    return names


@lru_cache(maxsize=1 << 16)
def _clusters(path: Path) -> list[str]:
    with open_shard(path) as file:
        wanted = [f for f in file.schema_arrow if pa.types.is_struct(f.type)]
    return [f.name for f in wanted if {"duplicate_of", "size"} <= {g.name for g in f.type}]


def shards(run: Path, record: Record) -> Iterator[Shard]:
    """Every shard of a run: of each source the dropped documents in the order of the flow, then those kept.

    Raises:
        PlanError: a folder that the run names is not there.
    """
    for source, folders in record.documents.items():
        for kept, mine in ((False, record.dropped[source]), (True, folders)):
            if gone := [run / folder for folder in mine if not (run / folder).is_dir()]:
                raise PlanError(f"{gone[0]} is gone: run the recipe again to have all documents")
            for path in list_shards(run / folder for folder in mine):
                yield Shard(source=source, path=path, kept=kept)


@dataclass(frozen=True, kw_only=True)
class RecordedStep(Step):
    """A step that nobody asks again, as the run remembers it: its stage is not even imported."""

    kind: str
    columns: tuple[str, ...]

    def makes(self) -> pa.Schema:
        return pa.schema([(name, pa.null()) for name in self.columns])


def steps(record: Record, source: str, since: str | None = None) -> dict[str, Step]:
    """name -> step of one source, its source first: filters made again from the settings of the run.

    Filters before the step `since`, and all that are no filters, are `RecordedStep`.

    Raises:
        PlanError: a stage no longer knows a setting.
    """
    settings = record.settings[source]
    names = [s.name for s in settings]
    first = names.index(since) if since in names else 0
    return {
        s.name: made(s.use, s.settings)
        if s.kind == "Filter" and i >= first
        else RecordedStep(kind=s.kind, columns=tuple(s.makes))
        for i, s in enumerate(settings)
    }


def made(use: str, settings: Mapping[str, Any]) -> Step:
    """A step from its settings.

    Raises:
        PlanError: they do not fit the stage.
    """
    reader = Reader(use)
    step = reader.settings(find("stages", use), json.loads(json.dumps(settings)), ())
    if reader.problems:
        raise PlanError("; ".join(f"{use}.{p.where}: {p.message}" for p in reader.problems))
    checked: Step = step
    return checked


def find_rows(shard: Shard, wanted: str) -> list[int]:
    """Rows whose id or URL is `wanted`."""
    table = shard.read(["id", "url"])
    hit = pc.equal(table["id"], wanted)
    if "url" in table.column_names:
        hit = pc.or_(hit, pc.fill_null(pc.equal(table["url"], wanted), False))
    rows: list[int] = pc.indices_nonzero(hit).to_pylist()
    return rows
