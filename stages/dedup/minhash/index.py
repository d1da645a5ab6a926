"""What a run leaves for the next: keys, edges and features of its documents, so that nobody reads them again.

index.json        settings, and the parts in the order in which they were added
<part>/keys/      (doc, the keys) of its documents, numbered through all parts
<part>/edges/     (doc, v): pairs found when it was added, with documents of earlier parts too
<part>/features/  (doc, features): what pairs are compared by
<part>/state/     (doc, part, verdict) of the documents of all parts so far that have copies
<part>/changed/   those of `state` in earlier parts that were something else before
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from pipeline.errors import PlanError, RunError
from pipeline.relate import damaged
from pipeline.schema import DOC, ROW_BITS
from pipeline.shards import ShardWriter, fingerprint
from pipeline.stage import Look, Relation, Sql
from pipeline.store import read_json, write_json
from stages.dedup.choose import FIRST_INDEXED

SHARDS = 1 << 12
"""Files of a table of a part, at most."""
CHANGED = pa.schema([DOC, ("id", pa.string()), ("fate", pa.string()), ("duplicate_of", pa.string())])
Table: TypeAlias = tuple[Relation, pa.Schema]


class Known:
    """A second pass that reads nothing: the features of all documents are known. Metrics go to the run."""

    def __init__(self, features: Relation, run: Look) -> None:
        self.features, self.run = features, run

    def second_pass(self, docs: Relation) -> Relation:
        """See `pipeline.sql.Look`."""
        return self.features

    def metric(self, name: str, value: int) -> None:
        """See `pipeline.sql.Look`."""
        self.run.metric(name, value)


@dataclass(frozen=True, kw_only=True)
class Index:
    """An index on disk, as seen by the run that adds (or added) one of its parts."""

    path: Path
    part: str
    settings: Mapping[str, Any]

    def check(self) -> None:
        """Refuse other settings than those it was built with.

        Raises:
            PlanError: with both.
        """
        built = self._read()["settings"]
        if built and built != self.settings:
            differ = sorted(k for k in {*built, *self.settings} if built.get(k) != self.settings.get(k))
            theirs, ours = ({k: s.get(k) for k in differ} for s in (built, self.settings))
            raise PlanError(f"index: {self.path} was built with {theirs}, and this step has {ours}")

    def stamp(self, latest: bool) -> str:
        """Changes when the parts before this one (or, `latest`, any) do, and where files of it are lost."""
        mine = [p for p in self._read()["parts"] if p["name"] == self.part]
        lost = [name for part in mine for name, n in part["tables"].items() if self._count(name) < n]
        parts = self._read()["parts"] if latest else self.earlier()
        return fingerprint([[p["name"], p["digest"]] for p in parts], lost)

    def _count(self, name: str) -> int:
        return len(list((self.path / self.part / name).rglob("*.parquet")))

    def earlier(self) -> list[dict[str, Any]]:
        """The parts that were there before this one."""
        parts: list[dict[str, Any]] = self._read()["parts"]
        names = [p["name"] for p in parts]
        return parts[: names.index(self.part)] if self.part in names else parts

    def latest(self, sql: Sql) -> Relation:
        """What all parts together say of this part's documents, numbered from 0.

        Raises:
            RunError: it is not in the index.
        """
        parts = self._read()["parts"]
        names = [p["name"] for p in parts]
        if self.part not in names:
            raise RunError(f"the index {self.path} has no part {self.part!r} yet: run without as_of first")
        low = sum(p["n_shards"] for p in self.earlier()) << ROW_BITS
        high = low + (parts[names.index(self.part)]["n_shards"] << ROW_BITS)
        return sql(
            f"SELECT * REPLACE (doc - {low} AS doc) FROM {{state}} WHERE doc >= {low} AND doc < {high}",
            state=sql.read(self._files(parts[-1], "state")),
        )

    def table(self, name: str, sql: Sql, last: bool = False) -> Relation:
        """A table of all earlier parts, or of the last of them, its documents numbered from FIRST_INDEXED.

        Raises:
            RunError: files are damaged or missing; says which part to make again.
        """
        files = [f for part in self.earlier()[-1 if last else 0 :] for f in self._files(part, name)]
        numbers = ["doc", "v"] if name == "edges" else ["doc"]
        moved = (f"CASE WHEN {n} >= 0 THEN {n} + {FIRST_INDEXED} ELSE {n} END AS {n}" for n in numbers)
        return sql.view(f"SELECT * REPLACE ({', '.join(moved)}) FROM {{rows}}", rows=sql.read(files))

    def with_earlier(self, name: str, own: Relation, sql: Sql) -> Relation:
        """A table of the run's documents, followed by that of all earlier parts."""
        if not self.earlier():
            return own
        earlier = self.table(name, sql)
        return sql.view("SELECT * FROM {own} UNION ALL SELECT * FROM {earlier}", own=own, earlier=earlier)

    def changed(self, state: Relation, keys: Relation, column: str, sql: Sql) -> Relation:
        """CHANGED: documents of earlier parts that are dropped now and were kept, or the other way round.

        `state` has the verdicts of all documents, with their cluster in `column`.
        """
        now = sql("SELECT doc FROM {state} WHERE doc < 0 AND reason IS NOT NULL", state=state)
        before = sql("SELECT doc FROM {now} WHERE false", now=now)
        if self.earlier():
            last = self.table("state", sql, last=True)
            before = sql("SELECT doc FROM {last} WHERE reason IS NOT NULL", last=last)
        fates = sql(
            "SELECT n.doc, 'dropped' AS fate FROM {now} n ANTI JOIN {before} b ON n.doc = b.doc "
            "UNION ALL SELECT b.doc, 'kept' AS fate FROM {before} b ANTI JOIN {now} n ON n.doc = b.doc",
            now=now,
            before=before,
        )
        return sql(
            f"SELECT f.doc, k.id, f.fate, s.{column}.duplicate_of AS duplicate_of FROM {{fates}} f "
            "JOIN {keys} k ON f.doc = k.doc LEFT JOIN {state} s ON f.doc = s.doc",
            fates=fates,
            keys=keys,
            state=state,
        )

    def _files(self, part: Mapping[str, Any], name: str) -> list[Path]:
        have = sorted((self.path / part["name"] / name).rglob("*.parquet"))
        n_files = part["tables"][name]
        try:
            if len(have) < n_files:
                raise RunError(f"{n_files - len(have)} files of {name} are missing")
            if wrong := damaged(have):
                raise RunError(f"files are damaged, and removed: {'; '.join(wrong)}")
        except RunError as error:
            raise RunError(
                f"part {part['name']!r} of the index {self.path}: {error}; "
                "the recipe that added it makes it again"
            ) from error
        return have

    def add(self, tables: Mapping[str, Table], sql: Sql) -> None:
        """Write this part: relations (the run's own documents are numbered from 0) and their columns.

        Raises:
            RunError: later parts were added to it as it was, and it is not the same.
        """
        earlier = self.earlier()
        base = sum(p["n_shards"] for p in earlier)
        folder = self.path / f".{self.part}.tmp"
        shutil.rmtree(folder, ignore_errors=True)
        for name, (relation, schema) in tables.items():
            numbers = ["doc", "v"] if name == "edges" else ["doc"]
            moved = ", ".join(f"{_numbered(n, base)} AS {n}" for n in numbers)
            sql.save(sql.view(f"SELECT * REPLACE ({moved}) FROM {{t}}", t=relation), folder / name, SHARDS)
            if not any((folder / name).rglob("*.parquet")):
                with ShardWriter(folder / name / "none.parquet", schema):
                    pass  # no rows, but columns
        sums = sql(
            f"SELECT max(doc // {1 << ROW_BITS}) AS shard, count(*) AS n, "
            "CAST(sum(doc % 999983) AS BIGINT) AS docs, "
            "CAST(sum(coalesce(signature % 999983, 1)) AS BIGINT) AS signatures FROM {keys}",
            keys=tables["keys"][0],
        )
        (total,) = sums.rows()
        made = {
            "name": self.part,
            "n_shards": (total["shard"] or 0) + 1,
            "n_documents": total["n"],
            "tables": {name: len(list((folder / name).rglob("*.parquet"))) for name in tables},
            "digest": fingerprint([total["n"], total["docs"], total["signatures"]]),
        }
        self._place(folder, made, earlier)

    def _place(self, folder: Path, made: dict[str, Any], earlier: list[dict[str, Any]]) -> None:
        parts = self._read()["parts"]
        later = parts[len(earlier) + 1 :]
        if later and parts[len(earlier)]["digest"] != made["digest"]:
            shutil.rmtree(folder)
            raise RunError(
                f"part {self.part!r} of the index {self.path} would change, and "
                f"{later[0]['name']!r} was added to it as it was: give this run another part or index"
            )
        shutil.rmtree(self.path / self.part, ignore_errors=True)
        folder.replace(self.path / self.part)
        write_json(self.path / "index.json", {"settings": self.settings, "parts": [*earlier, made, *later]})

    def _read(self) -> dict[str, Any]:
        file = self.path / "index.json"
        content: dict[str, Any] = read_json(file) if file.exists() else {"settings": {}, "parts": []}
        return content


def _numbered(column: str, base: int) -> str:
    """SQL: numbers of the run's own documents behind those of earlier parts, which lose their offset."""
    return (
        f"CASE WHEN {column} >= 0 THEN {column} + {base << ROW_BITS} "
        f"WHEN {column} >= {FIRST_INDEXED} THEN {column} - ({FIRST_INDEXED}) ELSE {column} END"
    )
