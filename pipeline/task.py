"""The task: one split or shard through the fused steps of one segment, the same function on every engine."""

from __future__ import annotations

import contextlib
import resource
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline.engine import Account, Task
from pipeline.errors import PipelineError, RunError, StepError
from pipeline.ledger import Ledger, Stopwatch
from pipeline.schema import DOC, REASONS, conform, sized, written
from pipeline.shards import ShardWriter, fingerprint, read_shard
from pipeline.stage import Filter, Map, Relate, Source, Split, Stream
from pipeline.steps import Key, Named
from pipeline.store import digest, read_json, write_json
from pipeline.verdicts import apply_verdicts, load_verdicts, number, numbers


def perform(task: Task) -> Account:
    """Run a task; the worker boundary: whatever goes wrong leaves as a PipelineError naming the shard."""
    try:
        return task.run()
    except PipelineError:
        raise
    except Exception as error:
        step = next(iter(getattr(error, "__notes__", ())), type(task).__name__)
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}:{frame.lineno}"
        raise StepError(step, task.name, f"{type(error).__name__}: {error} ({where})") from error


@dataclass(frozen=True, kw_only=True)
class Read:
    """Where a segment's documents come from: a split of a source, or a shard with the verdicts on it."""

    source: Named | None = None
    split: Split | None = None
    shard: Path | None = None
    schema: pa.Schema
    verdicts: tuple[Key, ...] = ()
    number: int = 0
    """Number of the shard among those the verdicts are about."""
    buckets: int = 1


@dataclass(frozen=True, kw_only=True)
class ShardTask:
    """One shard of a segment: read, pass through the steps, write kept, dropped, keys and accounts."""

    name: str
    folder: Path
    index: int
    number: int
    """Number of the shard among those that share a query: the upper half of its documents' numbers."""
    read: Read
    steps: tuple[Named, ...]
    schemas: tuple[pa.Schema, ...]
    """Columns after reading and after each step."""
    dropped_schema: pa.Schema
    keys: tuple[Key, ...] = ()

    @property
    def stem(self) -> str:
        return f"part-{self.index:05d}"

    def done(self) -> Account | None:
        """The account, if `run` has nothing left to do."""
        account = self._account()
        if account is None or account["dropped_schema"] != self._dropped_columns:
            return None
        return account if all(self._key_writer(key).path.exists() for key in self.keys) else None

    def _account(self) -> Account | None:
        path = self.folder / f"{self.stem}.json"
        return read_json(path) if path.exists() else None

    def run(self) -> Account:
        if (account := self._account()) is not None:
            self._missing_keys()
            return self._other_columns(account)
        watch, ledger = Stopwatch(), Ledger()
        try:
            account = self._write(watch, ledger)
        except BaseException as error:
            error.add_note(watch.stack[-1] if watch.stack else "write")
            raise
        write_json(self.folder / f"{self.stem}.json", account)
        return account

    def _write(self, watch: Stopwatch, ledger: Ledger) -> Account:
        with contextlib.ExitStack() as stack:
            path = self.folder / f"{self.stem}.parquet"
            shard = stack.enter_context(ShardWriter(path, written(self.schemas[-1])))
            writers = [stack.enter_context(self._key_writer(key)) for key in self.keys]
            row = 0
            for batch in watch.time("write", self._flow(watch, ledger)):
                shard.write(conform(sized(batch), shard.schema))
                for key, writer in zip(self.keys, writers, strict=True):
                    writer.write(self._keys_of(key, batch, row))
                row += len(batch)
        account: Account = {
            "rows": row,
            "sha256": digest(self.folder / f"{self.stem}.parquet"),
            "dropped_rows": 0,
            "dropped_schema": self._dropped_columns,
        }
        if ledger.dropped:
            # By step, then row: so batch edges leave no trace.
            batches = (batch for name in self._names() for batch in ledger.dropped.get(name, ()))
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
        return self.folder / "dropped" / f"{self.stem}.parquet"

    @property
    def _dropped_columns(self) -> str:
        return fingerprint([(f.name, str(f.type)) for f in self.dropped_schema])

    def _write_dropped(self, batches: Iterable[pa.RecordBatch]) -> Account:
        with ShardWriter(self.dropped_path, written(self.dropped_schema)) as writer:
            for batch in batches:
                writer.write(conform(batch, writer.schema))
        return {"dropped_rows": writer.rows, "dropped_sha256": digest(self.dropped_path)}

    def _other_columns(self, account: Account) -> Account:
        """Give what was dropped the columns that a changed recipe makes later on; they are null there."""
        if account["dropped_schema"] != self._dropped_columns:
            if account["dropped_rows"]:
                account |= self._write_dropped(read_shard(self.dropped_path))
            account["dropped_schema"] = self._dropped_columns
            write_json(self.folder / f"{self.stem}.json", account)
        return account

    def _names(self) -> list[str]:
        first = [self.read.source.name] if self.read.source else []
        return [*first, *(k.named.name for k in self.read.verdicts), *(s.name for s in self.steps)]

    def _flow(self, watch: Stopwatch, ledger: Ledger) -> Iterator[pa.RecordBatch]:
        batches = self._read(watch, ledger)
        for named, schema in zip(self.steps, self.schemas[1:], strict=True):
            batches = watch.time(named.name, advance(named, batches, schema, ledger))
        return batches

    def _read(self, watch: Stopwatch, ledger: Ledger) -> Iterator[pa.RecordBatch]:
        read = self.read
        if read.source:
            assert isinstance(read.source.step, Source)
            assert read.split
            return watch.time(read.source.name, admit(read.source, read.split, read.schema, ledger))
        assert read.shard
        if not read.verdicts:
            return read_shard(read.shard)
        batches = number(read_shard(read.shard), read.number)
        schema = read.schema.append(DOC)
        for key in read.verdicts:
            assert isinstance(key.named.step, Relate)
            schema = key.named.step.flow(schema)
            table = load_verdicts(key.folder / "verdicts", read.number, read.buckets)
            batches = watch.time(key.named.name, apply_verdicts(key.named, batches, schema, table, ledger))
        return (conform(batch, self.schemas[0]) for batch in batches)

    def _key_writer(self, key: Key) -> ShardWriter:
        assert isinstance(key.named.step, Relate)
        schema = pa.schema([DOC, *key.named.step.key_schema()])
        return ShardWriter(key.folder / "keys" / f"part-{self.number:05d}.parquet", schema)

    def _keys_of(self, key: Key, batch: pa.RecordBatch, row: int) -> pa.RecordBatch:
        step = key.named.step
        assert isinstance(step, Relate)
        keys = conform(step.keys(batch), step.key_schema())
        if len(keys) != len(batch):
            raise RunError(f"{key.named.name}: {len(batch)} rows gave {len(keys)} keys")
        return keys.add_column(0, DOC, numbers(self.number, row, len(batch)))

    def _missing_keys(self) -> None:
        """The shard is there, but a relate step's settings are new: its keys are made from the shard."""
        for key in self.keys:
            writer = self._key_writer(key)
            if not writer.path.exists():
                row = 0
                with writer:
                    for batch in read_shard(self.folder / f"{self.stem}.parquet"):
                        writer.write(self._keys_of(key, batch, row))
                        row += len(batch)


def admit(named: Named, split: Split, schema: pa.Schema, ledger: Ledger) -> Iterator[pa.RecordBatch]:
    """What a source reads, without the rows it gives a reason for."""
    assert isinstance(named.step, Source)
    for batch in named.step.read(split):
        at = batch.schema.get_field_index(REASONS.name)
        why = batch.column(at) if at >= 0 else pa.nulls(len(batch), REASONS.type)
        yield ledger.route(named.name, conform(batch, schema), why)


def advance(
    named: Named, batches: Iterator[pa.RecordBatch], schema: pa.Schema, ledger: Ledger
) -> Iterator[pa.RecordBatch]:
    """One step over the batches of a shard."""
    step, name = named.step, named.name
    if isinstance(step, Stream):
        for batch in step.stream(ledger_in(batches, name, ledger)):
            ledger.kept[name] += len(batch)
            yield conform(batch, schema)
        return
    for batch in batches:
        if isinstance(step, Filter):
            reasons = step.reasons(batch)
            if len(reasons) != len(batch):
                raise RunError(f"{name}: {len(batch)} rows gave {len(reasons)} lists of reasons")
            yield ledger.route(name, batch, reasons)
        else:
            assert isinstance(step, Map)
            out = step.process(batch)
            if len(out) != len(batch):
                raise RunError(f"{name}: a map changed the number of rows: {len(batch)} -> {len(out)}")
            ledger.rows_in[name] += len(batch)
            ledger.kept[name] += len(out)
            yield conform(out, schema)


def ledger_in(batches: Iterator[pa.RecordBatch], name: str, ledger: Ledger) -> Iterator[pa.RecordBatch]:
    """Count what a stream is given."""
    for batch in batches:
        ledger.rows_in[name] += len(batch)
        yield batch
