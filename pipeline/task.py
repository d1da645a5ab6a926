"""The task: one split or shard through the fused steps of one segment, the same function on every engine."""

from __future__ import annotations

import contextlib
import resource
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from pipeline.engine import Account, Each, Work
from pipeline.errors import PipelineError, RunError, StepError
from pipeline.flow import admit, advance
from pipeline.ledger import Dropped, Ledger, Stopwatch
from pipeline.schema import DOC, conform, sized, written
from pipeline.shards import ShardWriter, fingerprint, read_shard
from pipeline.stage import Relate, Split
from pipeline.steps import Key, Named
from pipeline.store import find_json, workplace, write_json
from pipeline.verdicts import Verdicts, apply_verdicts, number_rows, numbers

DROPPED = "dropped"
"""Folder of dropped documents: of a pass' ones in its folder, of all at the output."""


def perform(work: Work, item: Any) -> Account:
    """Do the work for one item; the worker boundary: what goes wrong leaves as a PipelineError."""
    try:
        return work.run(item)
    except PipelineError:
        raise
    except Exception as error:
        step = next(
            iter(getattr(error, "__notes__", ())), type(item if isinstance(work, Each) else work).__name__
        )
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}:{frame.lineno}"
        raise StepError(step, work.name(item), f"{type(error).__name__}: {error} ({where})") from error


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One segment over the shards of one source: what all its tasks share, and what travels once."""

    label: str
    """For messages: 'web/03-rules-9f2c1a'."""
    folder: Path
    n_shards: int
    first: int
    """Number of its first shard among those that share a query: the upper half of documents' numbers."""
    source: Named | None = None
    """What reads the documents; none: they are in the shards of the pass before."""
    before: Shards | None = None
    schema: pa.Schema
    """Columns as they are read."""
    verdicts: tuple[Verdicts, ...] = ()
    """On the documents of the pass before."""
    steps: tuple[Named, ...]
    schemas: tuple[pa.Schema, ...]
    """Columns after reading and after each step."""
    dropped_schema: pa.Schema
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Shards:
    """The shards of a pass: where they lie, and how they are named and numbered."""

    folder: Path
    n: int
    first: int = 0

    def path(self, index: int) -> Path:
        """The Parquet file of one shard."""
        return self.folder / f"{stem(index, self.n)}.parquet"


Item: TypeAlias = tuple[int, int, tuple[Split, ...] | range]
"""(number of the pass, number of the shard in it, the splits or the shards of the pass before to read)"""


@dataclass(frozen=True, kw_only=True)
class Passes:
    """The work of a map: passes over sources that are at the same point of their plans."""

    passes: tuple[Pass, ...]

    def name(self, item: Item) -> str:
        """Source, step and shard."""
        of = self.passes[item[0]]
        return f"{of.label}/{stem(item[1], of.n_shards)}"

    def run(self, item: Item) -> Account:
        """Make one shard."""
        return ShardTask(of=self.passes[item[0]], index=item[1], reads=item[2]).run()


@dataclass(frozen=True, kw_only=True)
class ShardTask:
    """One shard of a pass: read, pass through the steps, write kept, dropped, keys and accounts."""

    of: Pass
    index: int
    reads: tuple[Split, ...] | range

    @property
    def stem(self) -> str:
        return stem(self.index, self.of.n_shards)

    @property
    def number(self) -> int:
        """Of the shard among those that share a query."""
        return self.of.first + self.index

    def _path(self, suffix: str) -> Path:
        return self.of.folder / f"{self.stem}.{suffix}"

    def _account(self) -> Account | None:
        """What lies beside the shard, if all is there that it speaks of."""
        account: Account | None = find_json(self._path("json"))
        if account is None or not self._path("parquet").exists():
            return None
        return account if not account["dropped_rows"] or self.dropped_path.exists() else None

    def run(self) -> Account:
        if (account := self._account()) is not None:
            self._missing_keys()
            return self._other_columns(account)
        watch = Stopwatch()
        try:
            with workplace(self.of.folder) as place, Dropped(place) as dropped:
                account = self._write(watch, Ledger(dropped=dropped))
        except BaseException as error:
            error.add_note(watch.stack[-1] if watch.stack else "write")
            raise
        write_json(self._path("json"), account)
        return account

    def _write(self, watch: Stopwatch, ledger: Ledger) -> Account:
        with contextlib.ExitStack() as stack:
            schema = written(self.of.schemas[-1])
            shard = stack.enter_context(ShardWriter(self._path("parquet"), schema, hashed=True))
            writers = [stack.enter_context(self._key_writer(key)) for key in self.of.keys]
            row = 0
            for batch in watch.time("write", self._flow(watch, ledger)):
                shard.write(conform(sized(batch), shard.schema))
                for key, writer in zip(self.of.keys, writers, strict=True):
                    writer.write(self._keys_of(key, batch, row))
                row += len(batch)
        account: Account = {
            "rows": row,
            "n_bytes": shard.n_bytes,
            "sha256": shard.sha256,
            "dropped_rows": 0,
            "dropped_schema": columns_of(self.of.dropped_schema),
        }
        if any(ledger.rows_in[name] > ledger.kept[name] for name in ledger.reasons):
            # By step, then row: so batch edges leave no trace.
            batches = (batch for name in self._names() for batch in ledger.dropped.batches(name))
            account |= self._write_dropped(sized(batch) for batch in batches)
        account["steps"] = [
            {
                "name": name,
                "in": ledger.rows_in[name],
                "kept": ledger.kept[name],
                "dropped": dict(sorted(ledger.reasons.get(name, {}).items())),
                "seconds": round(float(watch.seconds[name]), 4),
            }
            for name in self._names()
        ]
        account["seconds"] = round(sum(watch.seconds.values()), 4)
        account["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return account

    @property
    def dropped_path(self) -> Path:
        """Where the documents lie that it dropped, if it dropped any."""
        return self.of.folder / DROPPED / f"{self.stem}.parquet"

    def _write_dropped(self, batches: Iterable[pa.RecordBatch]) -> Account:
        with ShardWriter(self.dropped_path, written(self.of.dropped_schema), hashed=True) as writer:
            for batch in batches:
                writer.write(conform(batch, writer.schema))
        return {"dropped_rows": writer.rows, "dropped_sha256": writer.sha256}

    def _other_columns(self, account: Account) -> Account:
        """Give what was dropped the columns that a changed recipe makes later on; they are null there."""
        if account["dropped_schema"] != columns_of(self.of.dropped_schema):
            if account["dropped_rows"]:
                self._path("json").unlink()  # first: it speaks of the file as it was
                account |= self._write_dropped(read_shard(self.dropped_path))
            account["dropped_schema"] = columns_of(self.of.dropped_schema)
            write_json(self._path("json"), account)
        return account

    def _names(self) -> list[str]:
        first = [self.of.source.name] if self.of.source else []
        return [*first, *(v.named.name for v in self.of.verdicts), *(s.name for s in self.of.steps)]

    def _flow(self, watch: Stopwatch, ledger: Ledger) -> Iterator[pa.RecordBatch]:
        batches = self._read(watch, ledger)
        for named, schema in zip(self.of.steps, self.of.schemas[1:], strict=True):
            batches = watch.time(named.name, advance(named, batches, schema, ledger))
        return batches

    def _read(self, watch: Stopwatch, ledger: Ledger) -> Iterator[pa.RecordBatch]:
        for part in self.reads:
            if isinstance(part, Split):
                assert self.of.source
                read = admit(self.of.source, part, self.of.schema, ledger)
                yield from watch.time(self.of.source.name, read)
            else:
                yield from self._judged(part, watch, ledger)

    def _judged(self, index: int, watch: Stopwatch, ledger: Ledger) -> Iterator[pa.RecordBatch]:
        """The documents of a shard of the pass before, after the verdicts on them."""
        before = self.of.before
        assert before
        batches = read_shard(before.path(index))
        if self.of.verdicts:
            number = before.first + index
            batches, schema = number_rows(batches, number), self.of.schema.append(DOC)
            for verdicts in self.of.verdicts:
                assert isinstance(verdicts.named.step, Relate)
                schema = verdicts.named.step.flow(schema)
                table = verdicts.load(number)
                made = apply_verdicts(verdicts.named, batches, schema, table, ledger)
                batches = watch.time(verdicts.named.name, made)
        return (conform(batch, self.of.schemas[0]) for batch in batches)

    def _key_writer(self, key: Key) -> ShardWriter:
        assert isinstance(key.named.step, Relate)
        schema = pa.schema([DOC, *key.named.step.key_schema()])
        return ShardWriter(key.folder / "keys" / f"{self.stem}.parquet", schema)

    def _keys_of(self, key: Key, batch: pa.RecordBatch, row: int) -> pa.RecordBatch:
        step = key.named.step
        assert isinstance(step, Relate)
        keys = conform(step.keys(batch), step.key_schema())
        if len(keys) != len(batch):
            raise RunError(f"{key.named.name}: {len(batch)} rows gave {len(keys)} keys")
        return keys.add_column(0, DOC, numbers(self.number, row, len(batch)))

    def _missing_keys(self) -> None:
        """The shard is there, but a relate step's settings are new: its keys are made from the shard."""
        for key in self.of.keys:
            writer = self._key_writer(key)
            if not writer.path.exists():
                row = 0
                with writer:
                    for batch in read_shard(self._path("parquet")):
                        writer.write(self._keys_of(key, batch, row))
                        row += len(batch)


def stem(index: int, n: int) -> str:
    """Name of one of `n` shards without its ending: names sort as numbers do."""
    return f"part-{index:0{max(5, len(str(n - 1)))}d}"


def columns_of(schema: pa.Schema) -> str:
    """A hash of names and types."""
    return fingerprint([(f.name, str(f.type)) for f in schema])
