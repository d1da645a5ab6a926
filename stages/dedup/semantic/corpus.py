"""Documents that semantic models are fitted to: the same sample whatever their order and their files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.keyed import hash64
from pipeline.shards import read_json
from pipeline.stage import Source
from stages.ingest.jsonl import Jsonl
from stages.ingest.parquet import Parquet


def sources(documents: Sequence[str], keep: tuple[str, ...] = ()) -> list[Source]:
    """A source for each of the paths: outputs of runs, or Parquet or JSON lines files, with patterns."""
    found: list[Source] = []
    for path in documents:
        if (Path(path) / "run.json").is_file():
            folders = read_json(Path(path) / "run.json")["documents"]
            for folder in folders.values() if isinstance(folders, dict) else [folders]:
                found.append(Parquet(paths=f"{path}/{folder}/part-*.parquet", keep=keep))
        elif path.endswith(".parquet"):
            found.append(Parquet(paths=path, keep=keep))
        else:
            found.append(Jsonl(paths=path, keep=keep))
    return found


def read(found: Sequence[Source]) -> Iterator[pa.RecordBatch]:
    """All documents that have text."""
    for source in found:
        for split in source.splits():
            for batch in source.read(split):
                yield batch.filter(batch.column("text").is_valid())


Hashes = npt.NDArray[np.uint64]


class Sample:
    """The `n` documents whose keyed hashes of their ids are smallest, and what a function makes of them."""

    def __init__(self, n: int, seed: int, make: Callable[[pa.RecordBatch], pa.RecordBatch]) -> None:
        self.n, self.seed, self.make = n, seed, make
        self.n_documents = 0
        self._held: list[pa.RecordBatch] = []
        self._keys: list[Hashes] = []
        self._limit = np.uint64(0xFFFFFFFFFFFFFFFF)

    def meet(self, batch: pa.RecordBatch) -> None:
        """Take what is of the sample so far."""
        self.n_documents += len(batch)
        keys = hash64(batch.column("id"), self.seed, "semantic")
        low = keys <= self._limit
        if low.any():
            self._keys.append(keys[low])
            self._held.append(self.make(batch.filter(pa.array(low))))
            if sum(map(len, self._keys)) >= 2 * self.n:
                self._cut()

    def rows(self) -> pa.RecordBatch:
        """What was made of the sample, in the order of the hashes."""
        self._cut()
        return self._held[0]

    def _cut(self) -> None:
        if not self._keys:
            return
        keys = np.concatenate(self._keys)
        order = np.argsort(keys, kind="stable")[: self.n]
        self._held = [pa.concat_batches(self._held).take(pa.array(order))]
        self._keys = [keys[order]]
        if len(order) == self.n:
            self._limit = keys[order[-1]]
