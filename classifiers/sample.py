"""One sample for all that is fitted: the documents of the smallest keyed hashes, whatever order they come in.

Two passes of tasks over the shards of a run. The first notes each shard's smallest hashes in each stratum (a
language, say, or all documents together), as many as could be in the sample; the driver merges them and so
knows which documents are. The second writes these as Parquet. Nothing but the documents decides: neither
their order, nor how they are cut into shards, nor the engine or the number of its workers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from classifiers.sampling import HELDOUT, KEY, SIZE, SMALLEST, STRATUM, Keys, Sampling, Smallest
from pipeline.engine import Account
from pipeline.section import Context
from pipeline.shards import ShardWriter, cut, read_shard
from pipeline.store import atomic, read_json, write_json

HELD_BYTES = 64 << 20
"""Most text that a task holds before it writes."""


@dataclass(frozen=True, kw_only=True)
class KeysTask:
    """The first pass over one shard: its smallest hashes, and how many documents there are."""

    name: str
    shard: Path
    output: Path
    sampling: Sampling

    def run(self) -> Account:
        """Write them unless they are there; the account has `n_documents` by stratum."""
        done = self.output.with_suffix(".json")
        if not done.exists():
            smallest: dict[tuple[str, bool], Smallest] = {}
            n_documents: Counter[str] = Counter()
            for batch in self.sampling.read(self.shard, ()):
                keys, sizes = (batch.column(f.name).to_numpy() for f in (KEY, SIZE))
                for group, rows in self.sampling.groups(batch):
                    n_documents[group[0]] += len(rows)
                    if group not in smallest:
                        smallest[group] = Smallest(self.sampling.group_budget(group[1]))
                    smallest[group].add(keys[rows], sizes[rows])
            with ShardWriter(self.output, SMALLEST) as writer:
                for (stratum, heldout), some in sorted(smallest.items()):
                    n = len(some.keys)
                    marks = (pa.array([stratum] * n, pa.string()), pa.array([heldout] * n, pa.bool_()))
                    columns = [*marks, pa.array(some.keys), pa.array(some.sizes)]
                    writer.write(pa.RecordBatch.from_arrays(columns, schema=SMALLEST))
            write_json(done, {"n_documents": n_documents})
        account: Account = read_json(done)
        return account


@dataclass(frozen=True, kw_only=True)
class RowsTask:
    """The second pass over one shard: its documents that are in the sample."""

    name: str
    shard: Path
    output: Path
    sampling: Sampling
    keys: Mapping[str, Keys]
    """stratum -> hashes of the documents that are taken here."""

    def run(self) -> Account:
        """Write them unless they are there.

        A row group holds one stratum, so that it is read without the others; the account names them in order
        (`strata`), and has `n_heldout` by stratum.
        """
        done = self.output.with_suffix(".json")
        if not done.exists():
            strata: list[str] = []
            n_heldout: Counter[str] = Counter()
            have = pq.read_schema(self.shard)
            schema = pa.schema([*(have.field(name) for name in self.sampling.columns), *SMALLEST])
            with atomic(self.output) as temporary, pq.ParquetWriter(temporary, schema) as file:
                for table in self._taken():
                    for stratum in sorted(set(table.column(STRATUM.name).to_pylist())):
                        rows = table.filter(pc.equal(table.column(STRATUM.name), stratum))
                        n_heldout[stratum] += pc.sum(rows.column(HELDOUT.name)).as_py()
                        strata.append(stratum)
                        file.write_table(rows.cast(schema), row_group_size=len(rows))
            write_json(done, {"strata": strata, "n_heldout": n_heldout})
        account: Account = read_json(done)
        return account

    def _taken(self) -> Iterator[pa.Table]:
        """The documents in tables of about HELD_BYTES."""
        left = {stratum: set(keys.tolist()) for stratum, keys in self.keys.items()}
        held: list[pa.RecordBatch] = []
        for batch in self.sampling.read(self.shard, self.sampling.columns):
            strata, keys = (batch.column(f.name).to_pylist() for f in (STRATUM, KEY))
            rows = []
            for row, (stratum, key) in enumerate(zip(strata, keys, strict=True)):
                if key in left.get(stratum, ()):
                    left[stratum].remove(key)  # of documents of one key the first is taken
                    rows.append(row)
            held.append(batch.take(pa.array(rows, pa.int64())))
            if sum(b.nbytes for b in held) >= HELD_BYTES:
                yield pa.Table.from_batches(held)
                held = []
        if held:
            yield pa.Table.from_batches(held)


@dataclass(frozen=True, kw_only=True)
class KeyedSample:
    """A sample that was drawn: what is in it, and where it lies."""

    keys: Mapping[str, Keys]
    """stratum -> uint64 [documents], rising."""
    n_documents: Counter[str]
    """stratum -> documents that there are."""
    n_heldout: Counter[str]
    """stratum -> documents of the sample that are held out."""
    files: Sequence[tuple[Path, Sequence[str]]]
    """Files, and the stratum of each of their row groups."""

    @property
    def strata(self) -> list[str]:
        """All of them, in order."""
        return sorted(self.keys)

    def size(self, stratum: str = "") -> int:
        """Documents taken."""
        return len(self.keys.get(stratum, ()))

    def n_fitted(self, stratum: str = "") -> int:
        """Documents taken that are not held out."""
        return self.size(stratum) - self.n_heldout[stratum]

    def digest(self) -> str:
        """SHA-256 of what was taken."""
        taken = sha256()
        for stratum in self.strata:
            taken.update(stratum.encode() + self.keys[stratum].tobytes())
        return taken.hexdigest()

    def batches(self, stratum: str = "", heldout: bool | None = None) -> Iterator[pa.RecordBatch]:
        """Documents of a stratum with their `key`, those that are held out, or not, or all, in any order."""
        for path, strata in self.files:
            with pq.ParquetFile(path) as file:
                for group in (i for i, name in enumerate(strata) if name == stratum):
                    for batch in cut(file.read_row_group(group)):
                        mask = batch.column(HELDOUT.name)
                        if heldout is not None:
                            batch = batch.filter(mask if heldout else pc.invert(mask))
                        yield batch.drop_columns([STRATUM.name, HELDOUT.name, SIZE.name])

    def table(self, stratum: str = "", heldout: bool | None = None) -> pa.Table | None:
        """The same at once, in the order of their hashes; none: there are no documents."""
        batches = list(self.batches(stratum, heldout))
        return pa.Table.from_batches(batches).sort_by(KEY.name) if batches else None


def draw(context: Context, sampling: Sampling, folder: Path) -> KeyedSample:
    """Draw a sample of a run's documents into a folder; what a killed run has done there stays done."""
    shards = [
        (f"{source}/{shard.stem}", shard) for source, paths in context.documents().items() for shard in paths
    ]
    seen = [
        KeysTask(name=f"sample/keys/{name}", shard=shard, output=folder / "keys" / f"{name}.parquet",
                 sampling=sampling)
        for name, shard in shards
    ]  # fmt: skip
    n_documents: Counter[str] = Counter()
    for account in context.map("sample", list(seen)):
        n_documents.update(account["n_documents"])
    keys, taken = _merged(sampling, [task.output for task in seen])
    rows = [
        RowsTask(name=f"sample/rows/{name}", shard=shard, output=folder / "rows" / f"{name}.parquet",
                 sampling=sampling, keys=taken[i])
        for i, (name, shard) in enumerate(shards) if i in taken
    ]  # fmt: skip
    accounts = context.map("sample", list(rows))
    return KeyedSample(
        keys=keys,
        n_documents=n_documents,
        n_heldout=sum((Counter(account["n_heldout"]) for account in accounts), Counter()),
        files=[(task.output, account["strata"]) for task, account in zip(rows, accounts, strict=True)],
    )


def _merged(sampling: Sampling, files: Sequence[Path]) -> tuple[dict[str, Keys], dict[int, dict[str, Keys]]]:
    """(stratum -> hashes in the sample, number of a shard -> stratum -> those that are taken from it)."""
    smallest: dict[tuple[str, bool], Smallest] = {}
    for shard, path in enumerate(files):
        for batch in read_shard(path):
            keys, sizes = (batch.column(f.name).to_numpy() for f in (KEY, SIZE))
            for group, rows in sampling.groups(batch):
                if group not in smallest:
                    smallest[group] = Smallest(sampling.group_budget(group[1]))
                smallest[group].add(keys[rows], sizes[rows], shard)
    keys_of: defaultdict[str, list[Keys]] = defaultdict(list)
    taken: defaultdict[int, dict[str, Keys]] = defaultdict(dict)
    for (stratum, _), some in smallest.items():
        keys_of[stratum].append(some.keys)
        for shard in np.unique(some.shards).tolist():
            before = taken[shard].get(stratum, np.empty(0, np.uint64))
            taken[shard][stratum] = np.concatenate([before, some.keys[some.shards == shard]])
    return {stratum: np.sort(np.concatenate(parts)) for stratum, parts in keys_of.items()}, dict(taken)
