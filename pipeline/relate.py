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
from pipeline.shards import ShardWriter, read_shard, write_json
from pipeline.stage import Relate, Relation, Source, Split, Sql
from pipeline.task import admit
from pipeline.verdicts import Named, beside, load_verdicts, number

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
class Place:
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
    """What a relate step says of the documents in one place: its keys, or its evidence on those `asked`."""

    named: Named
    place: Place
    asked: Path | None = None
    n_buckets: int = 1
    out: Path

    @property
    def name(self) -> str:
        return f"{self.named.name}: {self.place.source[1].path if self.place.source else self.place.shard}"

    def run(self) -> Account:
        """Write the rows; an account with nothing in it."""
        step = self.named.step
        assert isinstance(step, Relate)
        columns = step.evidence_columns if self.asked else step.key_schema()
        table = load_verdicts(self.asked, self.place.number, self.n_buckets) if self.asked else None
        with ShardWriter(self.out, pa.schema([DOC, *columns])) as writer:
            for batch in self.place.read(step) if table or not self.asked else ():
                batch = beside(batch, table) if self.asked else batch
                made = conform(step.evidence(batch) if self.asked else step.keys(batch), columns)
                writer.write(made.add_column(0, DOC, batch.column(batch.schema.get_field_index(DOC.name))))
        return {}


@dataclass(kw_only=True)
class Query:
    """One relate step over all the shards that it sees."""

    named: Named
    sides: Sequence[Side]
    engine: Engine
    progress: Callable[[str, int, int], None]
    account: Account = field(default_factory=dict)
    _asked: int = 0

    def __post_init__(self) -> None:
        assert isinstance(self.named.step, Relate)
        self.step = self.named.step
        self.home = self.sides[0].folder
        own = [
            Place(number=side.first + i, shard=p) for side in self.sides for i, p in enumerate(side.shards)
        ]
        named = [Named(name=f"{self.named.name}.against", use="", step=s) for s in self.step.references()]
        splits = [(n, split) for n in named if isinstance(n.step, Source) for split in n.step.splits()]
        self.references = [Place(number=i - (1 << 21), source=source) for i, source in enumerate(splits)]
        self.places = [*self.references, *own]

    def run(self, earlier: Sequence[Path]) -> None:
        """Write the verdicts of all sides. `earlier`: those of steps before, whose dropped documents are out.

        Raises:
            RunError: keys are damaged: they are removed, so that the same command makes them again.
        """
        began = time.time()
        n = sum(len(side.shards) for side in self.sides)
        label = f"{self.named.name}: relate {n} shards"
        files = [p for side in self.sides for p in sorted((side.folder / "keys").glob("part-*.parquet"))]
        files += self._look("against", self.references, self.home / "against", None)
        whole(files)
        self.progress(label, 0, 1)
        with self.engine.session(self.home / ".session", self) as sql:
            keys = sql.read(files)
            if earlier:
                keys = sql(
                    "SELECT k.* FROM {keys} k ANTI JOIN "
                    "(SELECT doc FROM {done} WHERE reason IS NOT NULL) d ON k.doc = d.doc",
                    keys=keys,
                    done=sql.read(earlier),
                )
            result = self.step.relate(keys, sql)
            columns = ", ".join(["doc", "reason", *self.step.verdicts().names])
            result = sql(f"SELECT {columns} FROM {{result}}", result=result)
            self.account["seconds"] = round(time.time() - began, 2)
            write_json(self.home / "account.json", self.account)
            for side in self.sides:
                self._save(sql, result, side)
        for left in self.home.glob("again-*"):
            shutil.rmtree(left)
        self.progress(label, 1, 1)

    def _save(self, sql: Sql, result: Relation, side: Side) -> None:
        """A source gets the verdicts on its own shards, under the relate step's folder."""
        low, high = side.first << ROW_BITS, (side.first + len(side.shards)) << ROW_BITS
        mine = sql(f"SELECT * FROM {{result}} WHERE doc >= {low} AND doc < {high}", result=result)
        sql.save(mine, side.folder / ".verdicts.tmp", buckets(len(side.shards)))
        (side.folder / ".verdicts.tmp").replace(side.folder / "verdicts")

    def note(self, what: str, count: int) -> None:
        """See `Sql.note`."""
        self.account[what] = count

    def again(self, sql: Sql, docs: Relation) -> Relation:
        """See `Sql.again`. What a killed run has made of it is kept: the same step asks the same."""
        folder = self.home / f"again-{self._asked}"
        self._asked += 1
        sql.save(docs, folder / "asked", buckets(len(self.places)))
        return sql.read(self._look("again", self.places, folder, folder / "asked"))

    def _look(self, what: str, places: Sequence[Place], folder: Path, asked: Path | None) -> list[Path]:
        tasks = [
            LookTask(
                named=self.named,
                place=place,
                asked=asked,
                n_buckets=buckets(len(places)),
                out=folder / f"part-{i:05d}.parquet",
            )
            for i, place in enumerate(places)
        ]
        todo = [task for task in tasks if not task.out.exists()]
        if todo:
            self.progress(f"{self.named.name}: {what}", len(tasks) - len(todo), len(tasks))
        for done, _ in enumerate(self.engine.map(todo), start=len(tasks) - len(todo) + 1):
            self.progress(f"{self.named.name}: {what}", done, len(tasks))
        return [task.out for task in tasks]


def whole(files: Sequence[Path]) -> None:
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
