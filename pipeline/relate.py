"""The queries of a relate step: keys in, verdicts out, and a second look at documents where it asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.engine import Account, Engine
from pipeline.errors import RunError
from pipeline.flow import admit
from pipeline.ledger import Ledger
from pipeline.schema import DOC, conform
from pipeline.shards import ShardWriter, read_shard
from pipeline.sql import FIRST_SHARD
from pipeline.stage import Relate, Relation, Source, Split, Sql
from pipeline.steps import Named
from pipeline.store import SESSION, atomic_folder, fetch, fetched, names, workplace, write_json
from pipeline.task import Shards, stem
from pipeline.verdicts import VERDICTS, WIDTH, Verdicts, beside, number_rows, width

SECOND_PASSES = Path("second_passes")
"""What queries see that look a second time, under their folder, until they have ended."""
CHECKED = 64
"""Files of keys that one task checks."""
REMOVED = "they are removed, and made again by the same command"


@dataclass(frozen=True, kw_only=True)
class Side:
    """What a query sees of one source: its shards, numbered among all that the query sees, and their keys."""

    shards: Shards
    keys: Path
    """Folder of the keys, a file for each shard."""


Location: TypeAlias = tuple[int, Path | None, tuple[int, Split] | None]
"""Documents that a query may look at: (number, a shard of the run; or which reference, and a split of it)."""


@dataclass(frozen=True, kw_only=True)
class Looks:
    """The work of looking at documents: keys of references, or features of the documents `asked` for."""

    named: Named
    references: tuple[Named, ...]
    folder: Path
    n: int
    asked: Verdicts | None = None

    def name(self, item: tuple[int, Location]) -> str:
        """The step, and what is looked at."""
        _, (_, shard, split) = item
        return f"{self.named.name}: {split[1].path if split else shard}"

    def path(self, index: int) -> Path:
        """Where the rows of one location lie."""
        return self.folder / f"{stem(index, self.n)}.parquet"

    def run(self, item: tuple[int, Location]) -> Account:
        """Write the rows; an account with nothing in it."""
        index, location = item
        step = self.named.step
        assert isinstance(step, Relate)
        columns = step.feature_columns if self.asked else step.key_schema()
        table = self.asked.load(location[0]) if self.asked else None
        with ShardWriter(self.path(index), pa.schema([DOC, *columns])) as writer:
            for batch in self._read(step, location) if table or not self.asked else ():
                batch = beside(batch, table) if self.asked else batch
                made = conform(step.features(batch) if self.asked else step.keys(batch), columns)
                writer.write(made.add_column(0, DOC, batch.column(batch.schema.get_field_index(DOC.name))))
        return {}

    def _read(self, step: Relate, location: Location) -> Iterator[pa.RecordBatch]:
        number, shard, split = location
        if shard:
            return number_rows(read_shard(shard, step.needs().names), number)
        assert split
        return number_rows(admit(self.references[split[0]], split[1], step.needs(), Ledger()), number)


@dataclass(kw_only=True)
class Query:
    """One relate step over all the shards that it sees."""

    named: Named
    home: Path
    """Folder of its verdicts: on all sources together, so that they are there at once or not at all."""
    sides: Sequence[Side]
    engine: Engine
    progress: Callable[[str, int, int], None]
    metrics: dict[str, float] = field(default_factory=dict)
    """What the step says of its own work, as it stands in run.json."""

    def __post_init__(self) -> None:
        assert isinstance(self.named.step, Relate)
        self.step = self.named.step
        sources = [s for s in self.step.references() if isinstance(s, Source)]
        self.named_references = tuple(
            Named(name=f"{self.named.name}.against", use="", step=source) for source in sources
        )
        splits = [(which, split) for which, source in enumerate(sources) for split in source.splits()]
        self.references: list[Location] = [(FIRST_SHARD + i, None, split) for i, split in enumerate(splits)]
        self.n_shards = sum(side.shards.n for side in self.sides)

    def locations(self) -> Iterator[Location]:
        """All documents there are to look at."""
        yield from self.references
        for side in self.sides:
            yield from ((side.shards.first + i, side.shards.path(i), None) for i in range(side.shards.n))

    def run(self, earlier: Sequence[Path]) -> None:
        """Write the verdicts. `earlier`: those of steps before, whose dropped documents are out.

        Raises:
            RunError: keys are damaged: they are removed, so that the same command makes them again.
        """
        began = time.time()
        label = f"{self.named.name}: relate {self.n_shards} shards"
        files = [p for side in self.sides for p in sorted(side.keys.glob("part-*.parquet"))]
        files += self.look("against", self.references, self.home / "against", None)
        self._check(files)
        self.progress(label, 0, 1)
        with workplace(self.home) as place, self.engine.session(place / SESSION) as sql:
            keys = sql.read(fetch(files, place))
            if earlier:
                keys = sql(
                    "SELECT k.* FROM {keys} k ANTI JOIN "
                    "(SELECT doc FROM {done} WHERE reason IS NOT NULL) d ON k.doc = d.doc",
                    keys=keys,
                    done=sql.read(fetch(earlier, place)),
                )
            result = self.step.relate(keys, sql, Looking(self, sql, place))
            columns = ", ".join(["doc", "reason", *self.step.verdicts().names])
            result = sql(f"SELECT {columns} FROM {{result}} WHERE doc >= 0", result=result)
            self.metrics["seconds"] = round(time.time() - began, 2)
            write_json(self.home / "metrics.json", self.metrics)
            self.save(sql, result, self.home / VERDICTS)
        self.progress(label, 1, 1)

    def save(self, sql: Sql, rows: Relation, folder: Path) -> Verdicts:
        """Rows about documents as tasks find those on one shard; how wide buckets are lies beside them."""
        verdicts = Verdicts(named=self.named, folder=folder, width=width(rows.count(), self.n_shards))
        with atomic_folder(folder, WIDTH) as temporary:
            sql.save(rows, temporary, verdicts.width)
            write_json(temporary / WIDTH, verdicts.width)
        return verdicts

    def look(
        self, what: str, locations: Sequence[Location], folder: Path, asked: Verdicts | None
    ) -> list[Path]:
        """Have documents looked at on the workers; the files with what was seen."""
        looks = Looks(
            named=self.named, references=self.named_references, folder=folder, n=len(locations), asked=asked
        )
        have = names(folder)
        items = [(i, location) for i, location in enumerate(locations) if looks.path(i).name not in have]
        if items:
            self.progress(f"{self.named.name}: {what}", len(locations) - len(items), len(locations))
        for done, _ in enumerate(self.engine.map(looks, items), start=len(locations) - len(items) + 1):
            self.progress(f"{self.named.name}: {what}", done, len(locations))
        return [looks.path(i) for i in range(len(locations))]

    def _check(self, files: Sequence[Path]) -> None:
        """Have all pages of keys checked, on the workers.

        Raises:
            RunError: some are damaged; names them, and they are gone.
        """
        groups = [tuple(files[i : i + CHECKED]) for i in range(0, len(files), CHECKED)]
        wrong = [why for _, account in self.engine.map(PageChecks(), groups) for why in account["damaged"]]
        if wrong:
            raise RunError(f"keys are damaged: {'; '.join(sorted(wrong))}; {REMOVED}")


class Looking:
    """The run's answer to `pipeline.sql.Look`."""

    def __init__(self, query: Query, sql: Sql, place: Path) -> None:
        self.query, self.sql, self.place, self.n_passes = query, sql, place, 0

    def second_pass(self, docs: Relation) -> Relation:
        """See `Look.second_pass`. What a killed run has made of it is kept: the same step asks the same."""
        folder = self.query.home / SECOND_PASSES / str(self.n_passes)
        self.n_passes += 1
        asked = self.query.save(self.sql, docs, folder / "asked")
        locations = list(self.query.locations())
        return self.sql.read(fetch(self.query.look("second pass", locations, folder, asked), self.place))

    def metric(self, name: str, value: int) -> None:
        """See `Look.metric`."""
        self.query.metrics[name] = value


class PageChecks:
    """The work of checking every page of some Parquet files; the damaged ones are removed."""

    def name(self, item: Sequence[Path]) -> str:
        """The first of the files."""
        return str(item[0])

    def run(self, item: Sequence[Path]) -> Account:
        """{damaged: what is wrong with each damaged file}"""
        return {"damaged": damaged(item)}


def damaged(files: Sequence[Path]) -> list[str]:
    """What is wrong with each Parquet file of which a page does not match its checksum; they are removed."""
    wrong = []
    for file in files:
        try:
            with fetched(file) as here, pq.ParquetFile(here, page_checksum_verification=True) as shard:
                for group in range(shard.num_row_groups):
                    shard.read_row_group(group)
        except (OSError, pa.ArrowException) as error:
            wrong.append(f"{file}: {str(error).splitlines()[0]}")
            file.unlink()
    return wrong
