"""Which of the clusters that `pipeline fit` found a document belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from classifiers.embedding.centroids import FILE, Centroids
from classifiers.embedding.codes import EMBEDDING, from_arrow
from pipeline.errors import PlanError
from pipeline.schema import column, made, put
from pipeline.stage import Map
from pipeline.store import digest

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
    example: ClassVar[Mapping[str, Any]] = {"model": "runs/clusters/model"}

    model: str
    """Folder that `pipeline fit` wrote with `use: clusters` (`<output>/model`), from embeddings of the same
    model."""

    def check(self) -> None:
        load(self._path())

    def stamp(self) -> str:
        return digest(self._path())

    def needs(self) -> pa.Schema:
        """The embedding, made by the model that the clusters were fitted to."""
        return pa.schema([made(EMBEDDING, load(self._path()).model)])

    def _path(self) -> str:
        path = Path(self.model)
        return str(path / FILE if path.is_dir() else path)

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        centroids = load(self._path())
        codes, there = from_arrow(batch.column(EMBEDDING.name), centroids.dimension)
        cluster, distance = np.zeros(len(batch), np.int32), np.zeros(len(batch), np.float32)
        cluster[there], distance[there] = centroids.nearest(codes)
        arrays = [pa.array(cluster), pa.array(distance)]
        semantic = pa.StructArray.from_arrays(arrays, fields=list(SEMANTIC.type), mask=pa.array(~there))
        return put(batch, SEMANTIC, semantic)


@cache
def load(path: str) -> Centroids:
    """The clusters of a file, read once.

    Raises:
        PlanError: it is missing or damaged.
    """
    if not Path(path).is_file():
        raise PlanError(f"model: no file {path}: `pipeline fit` with `use: clusters` writes one")
    return Centroids.load(Path(path))
