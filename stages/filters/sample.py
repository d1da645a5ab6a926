"""Keep a share of the documents, the same ones on every run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import pyarrow as pa
from annotated_types import Interval

from pipeline.keyed import uniform
from pipeline.schema import ID
from pipeline.stage import Filter


@dataclass(frozen=True, kw_only=True)
class KeepSample(Filter):
    """Keep a share of the documents, chosen by a keyed hash of their ids.

    A smaller share with the same seed keeps a part of what a larger one keeps.

    Source: our own; the hash is XXH3 (see pipeline/keyed.py).
    Null: every document has an id.
    """

    reads: ClassVar[pa.Schema] = pa.schema([ID])
    example: ClassVar[Mapping[str, Any]] = {"share": 0.1}

    share: Annotated[float, Interval(gt=0, le=1)]
    """Share of the documents that is kept; their number varies about it as in independent draws."""
    seed: int = 0
    """Another seed keeps other documents."""

    def reasons(self, batch: pa.RecordBatch) -> pa.ListArray:
        out = uniform(batch.column("id"), self.seed, "keep_sample") >= self.share
        return pa.array([["share"] if o else [] for o in out], pa.list_(pa.string()))
