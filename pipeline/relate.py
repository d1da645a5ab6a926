"""The queries of a relate step: keys in, verdicts out, and a second look at documents where it asks."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.engine import Account, Engine
from pipeline.errors import RunError
from pipeline.ledger import Ledger
from pipeline.schema import DOC, ROW_BITS, conform
from pipeline.shards import ShardWriter, read_shard
from pipeline.stage import Relate, Relation, Source, Split, Sql
from pipeline.steps import Named
from pipeline.store import write_json
from pipeline.task import admit
from pipeline.verdicts import beside, load_verdicts, number

MAX_BUCKETS = 64
"""Verdicts lie in as many folders at most, so that files stay few however many shards there are."""


def buckets(n_shards: int) -> int:
    """Folders that rows about so many shards are spread over."""
    return max(1, min(MAX_BUCKETS, n_shards))


@dataclass(frozen=True, kw_only=True)
class Side:
    """The shards of one source that a query sees, and the folder of the step there."""

    folder: Path
    shards: Sequence[Path]
    first: int
    """Number of its first shard among all that the query sees."""


@dataclass(frozen=True, kw_only=True)
class Location:
    """Documents that a query may look at: a shard of the run, or a split of a reference."""

    number: int
    shard: Path | None = None
    source: tuple[Named, Split] | None = None

    def read(self, step: Relate) -> Iterator[pa.RecordBatch]:
        """What the step needs of them, numbered."""
        if self.shard:
            return number(read_shard(self.shard, step.needs().names), self.number)
        assert self.source
        return number(admit(*self.source, step.needs(), Ledger()), self.number)


@dataclass(frozen=True, kw_only=True)
class LookTask:
    """What a relate step makes of the documents in one location: keys, or features of those `asked`."""

    named: Named
    location: Location
    asked: Path | None = None
    n_buckets: int = 1
    out: Path

    @property
    def name(self) -> str:
        where = self.location.source[1].path if self.location.source else self.location.shard
        return f"{self.named.name}: {where}"

    def run(self) -> Account:
        """Write the rows; an account with nothing in it."""
        step = self.named.step
        assert isinstance(step, Relate)
        columns = step.feature_columns if self.asked else step.key_schema()
        table = load_verdicts(self.asked, self.location.number, self.n_buckets) if self.asked else None
        with ShardWriter(self.out, pa.schema([DOC, *columns])) as writer:
            for batch in self.location.read(step) if table or not self.asked else ():
                batch = beside(batch, table) if self.asked else batch
                made = conform(step.features(batch) if self.asked else step.keys(batch), columns)
                writer.write(made.add_column(0, DOC, batch.column(batch.schema.get_field_index(DOC.name))))
        return {}


@dataclass(kw_only=True)
class Query:
    """One relate step over all the shards that it sees."""

    named: Named
    sides: Sequence[Side]
    engine: Engine
    progress: Callable[[str, int, int], None]
    metrics: dict[str, float] = field(default_factory=dict)
    """What the step says of its own work, as it stands in run.json."""

    def __post_init__(self) -> None:
        assert isinstance(self.named.step, Relate)
        self.step = self.named.step
        self.home = self.sides[0].folder
        own = [
            Location(number=side.first + i, shard=p) for side in self.sides for i, p in enumerate(side.shards)
        ]
        named = [Named(name=f"{self.named.name}.against", use="", step=s) for s in self.step.references()]
        splits = [(n, split) for n in named if isinstance(n.step, Source) for split in n.step.splits()]
        self.references = [Location(number=i - (1 << 21), source=source) for i, source in enumerate(splits)]
        self.locations = [*self.references, *own]

    def run(self, earlier: Sequence[Path]) -> None:
        """Write the verdicts of all sides. `earlier`: those of steps before, whose dropped documents are out.

        Raises:
            RunError: keys are damaged: they are removed, so that the same command makes them again.
        """
        began = time.time()
        n = sum(len(side.shards) for side in self.sides)
        label = f"{self.named.name}: relate {n} shards"
        files = [p for side in self.sides for p in sorted((side.folder / "keys").glob("part-*.parquet"))]
        files += self.look("against", self.references, self.home / "against", None)
        check_pages(files)
        self.progress(label, 0, 1)
        with self.engine.session(self.home / ".session") as sql:
            keys = sql.read(files)
            if earlier:
                keys = sql(
                    "SELECT k.* FROM {keys} k ANTI JOIN "
                    "(SELECT doc FROM {done} WHERE reason IS NOT NULL) d ON k.doc = d.doc",
                    keys=keys,
                    done=sql.read(earlier),
                )
            result = self.step.relate(keys, sql, Looking(self, sql))
            columns = ", ".join(["doc", "reason", *self.step.verdicts().names])
            result = sql(f"SELECT {columns} FROM {{result}}", result=result)
            self.metrics["seconds"] = round(time.time() - began, 2)
            write_json(self.home / "metrics.json", self.metrics)
            for side in self.sides:
                self._save(sql, result, side)
        for left in self.home.glob("second_pass-*"):
            shutil.rmtree(left)
        self.progress(label, 1, 1)

    def _save(self, sql: Sql, result: Relation, side: Side) -> None:
        """A source gets the verdicts on its own shards, under the relate step's folder."""
        low, high = side.first << ROW_BITS, (side.first + len(side.shards)) << ROW_BITS
        mine = sql(f"SELECT * FROM {{result}} WHERE doc >= {low} AND doc < {high}", result=result)
        sql.save(mine, side.folder / ".verdicts.tmp", buckets(len(side.shards)))
        (side.folder / ".verdicts.tmp").replace(side.folder / "verdicts")

    def look(self, what: str, locations: Sequence[Location], folder: Path, asked: Path | None) -> list[Path]:
        tasks = [
            LookTask(
                named=self.named,
                location=location,
                asked=asked,
                n_buckets=buckets(len(locations)),
                out=folder / f"part-{i:05d}.parquet",
            )
            for i, location in enumerate(locations)
        ]
        todo = [task for task in tasks if not task.out.exists()]
        if todo:
            self.progress(f"{self.named.name}: {what}", len(tasks) - len(todo), len(tasks))
        for done, _ in enumerate(self.engine.map(todo), start=len(tasks) - len(todo) + 1):
            self.progress(f"{self.named.name}: {what}", done, len(tasks))
        return [task.out for task in tasks]


class Looking:
    """The run's answer to `pipeline.sql.Look`."""

    def __init__(self, query: Query, sql: Sql) -> None:
        self.query, self.sql, self.n_passes = query, sql, 0

    def second_pass(self, docs: Relation) -> Relation:
        """See `Look.second_pass`. What a killed run has made of it is kept: the same step asks the same."""
        folder = self.query.home / f"second_pass-{self.n_passes}"
        self.n_passes += 1
        locations = self.query.locations
        self.sql.save(docs, folder / "asked", buckets(len(locations)))
        return self.sql.read(self.query.look("second pass", locations, folder, folder / "asked"))

    def metric(self, name: str, value: int) -> None:
        """See `Look.metric`."""
        self.query.metrics[name] = value


def check_pages(files: Sequence[Path]) -> None:
    """Check every page of Parquet files against its checksum.

    Raises:
        RunError: some are damaged; names them, and they are gone.
    """
    damaged = []
    for file in files:
        try:
            with pq.ParquetFile(file, page_checksum_verification=True) as shard:
                for group in range(shard.num_row_groups):
                    shard.read_row_group(group)
        except (OSError, pa.ArrowException) as error:
            damaged.append(f"{file}: {str(error).splitlines()[0]}")
            file.unlink()
    if damaged:
        raise RunError(
            f"keys are damaged: {'; '.join(damaged)}; they are removed, and made again by the same command"
        )
