"""Which of the clusters that `pipeline fit` found a document belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from pipeline.errors import PlanError
from pipeline.schema import column
from pipeline.shards import digest
from pipeline.stage import Map
from stages.dedup.semantic.centroids import FILE, Centroids
from stages.dedup.semantic.codes import EMBEDDING, MADE_BY, from_arrow

SEMANTIC = column(
    "semantic",
    pa.struct(
        [
            column("cluster", pa.int32(), "number of the nearest centroid"),
            column("distance", pa.float32(), "1 - cosine with it", "0 to 2"),
        ]
    ),
    "where the text lies among the clusters of a corpus; null without an embedding",
)


@dataclass(frozen=True, kw_only=True)
class SemanticClusters(Map):
    """Name the cluster whose centroid is nearest to a document's embedding.

    Documents of a cluster are kept with `keep_if` (`semantic.cluster in (3, 17)`), and several sources that
    each keep some clusters are what a mixture weighs.

    Source: Baichuan 2 (Yang et al. 2023, arXiv:2309.10305), section 2.1: clusters to deduplicate in and to
        sample by.
    Null: without an embedding there is no cluster.
    """

    reads: ClassVar[pa.Schema] = pa.schema([EMBEDDING])
    adds: ClassVar[pa.Schema] = pa.schema([SEMANTIC])
    example: ClassVar[Mapping[str, Any]] = {"model": "models/clusters"}

    model: str
    """Folder that `pipeline fit` wrote (kind `clusters`), fitted to embeddings of the same model."""

    def check(self) -> None:
        load(self._path())

    def stamp(self) -> str:
        return digest(Path(self._path()))

    def flow(self, schema: pa.Schema) -> pa.Schema:
        out = super().flow(schema)
        fitted = load(self._path()).model
        made_by = (schema.field(EMBEDDING.name).metadata or {}).get(MADE_BY, b"").decode()
        if fitted and made_by and fitted != made_by:
            raise PlanError(
                f"model: {self.model} was fitted to embeddings of another model than `embed` makes"
            )
        return out

    def _path(self) -> str:
        path = Path(self.model)
        return str(path / FILE if path.is_dir() else path)

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        centroids = load(self._path())
        codes, there = from_arrow(batch.column(EMBEDDING.name), centroids.dimension)
        cluster, distance = np.zeros(len(batch), np.int32), np.zeros(len(batch), np.float32)
        cluster[there], distance[there] = centroids.nearest(codes)
        arrays = [pa.array(cluster), pa.array(distance)]
        found = pa.StructArray.from_arrays(arrays, fields=list(SEMANTIC.type), mask=pa.array(~there))
        kept = batch.drop_columns([SEMANTIC.name]) if SEMANTIC.name in batch.schema.names else batch
        return kept.append_column(SEMANTIC, found)


@cache
def load(path: str) -> Centroids:
    """The clusters of a file, read once.

    Raises:
        PlanError: it is missing or damaged.
    """
    if not Path(path).is_file():
        raise PlanError(f"model: no file {path}: `pipeline fit` with `fit: clusters` writes one")
    return Centroids.load(Path(path))
