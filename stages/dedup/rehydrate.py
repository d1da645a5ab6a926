"""Weight for what was found often: documents repeated by the size of the cluster that they stand for."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Interval

from pipeline.bounds import Count
from pipeline.errors import PlanError
from pipeline.schema import column, put
from pipeline.stage import Stream
from stages.dedup.choose import cluster_column

COPIES = column("copies", pa.int32(), "how often a mixture may take the document, by its cluster's size")

_PROFILES = {"fineweb2": ((1, 1), (2, 2), (3, 3), (5, 5), (100, 8), (1000, 1))}


@dataclass(frozen=True, kw_only=True)
class Rehydrate(Stream):
    """Write each document as often as the size of its cluster says.

    All copies have one id, so that they are held out together and forgotten together. The documents of a
    shard come first, in order, then all second copies, and so on: where shards end decides what stands where.

    Source: the README of FineWeb2 (Penedo et al. 2025, "FineWeb2", arXiv:2506.20920), whose table is the
        default: a few copies speak for a page, a thousand for boilerplate.
    Not implemented: making a table from how many documents of each cluster size filters drop, as the paper
        does for each language; tables that were made so can be given.
    Null: a null struct, or a null size in it, is a cluster of one.
    """

    column: str = "cluster"
    """The struct with the `size` of clusters, as `minhash_dedup` and `exact_dedup` add it."""
    profile: Literal["fineweb2"] = "fineweb2"
    """Published table: `fineweb2` is [[1, 1], [2, 2], [3, 3], [5, 5], [100, 8], [1000, 1]]."""
    table: tuple[tuple[Count, Annotated[int, Interval(ge=1, le=1000)]], ...] = ()
    """A table of your own: pairs of a size, ascending from 1, and the copies from that size on (to 1,000)."""
    mode: Literal["repeat", "column"] = "repeat"
    """`repeat` writes the copies; `column` writes each document once, and the number of copies beside it."""

    def check(self) -> None:
        sizes = [size for size, _ in self.table]
        if sizes and (sizes[0] != 1 or any(a >= b for a, b in pairwise(sizes))):
            raise PlanError(f"table: sizes must ascend from 1, not {sizes}")

    def needs(self) -> pa.Schema:
        return pa.schema([cluster_column(self.column)])

    def makes(self) -> pa.Schema:
        return pa.schema([COPIES] if self.mode == "column" else [])

    def stream(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        if self.mode == "repeat":
            return self._repeated(batches)
        return (put(batch, COPIES, self.copies(batch)) for batch in batches)

    def copies(self, batch: pa.RecordBatch) -> pa.Int32Array:
        """How often each document stands in the output."""
        sizes = pc.fill_null(pc.struct_field(batch.column(self.column), "size"), 1).to_numpy()
        steps, numbers = np.array(self.table or _PROFILES[self.profile], np.int64).T
        step = np.searchsorted(steps, np.maximum(sizes, 1), side="right") - 1
        return pa.array(numbers[step], pa.int32())

    def _repeated(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        # What is to come again waits on disk: a shard may be larger than memory.
        with tempfile.TemporaryFile() as file:
            waiting, most = None, 1
            for batch in batches:
                copies = self.copies(batch)
                yield batch
                repeated = batch.append_column("", copies).filter(pc.greater(copies, 1))
                if len(repeated):
                    waiting = waiting or pa.ipc.new_stream(file, repeated.schema, options=_PACKED)
                    waiting.write_batch(repeated)
                    most = max(most, pc.max(copies).as_py())
            if waiting:
                waiting.close()
            for n in range(2, most + 1):
                file.seek(0)
                for batch in pa.ipc.open_stream(file):
                    copies = batch.column(batch.num_columns - 1)
                    yield batch.remove_column(batch.num_columns - 1).filter(pc.greater_equal(copies, n))


_PACKED: Any = pa.ipc.IpcWriteOptions(compression="zstd")
