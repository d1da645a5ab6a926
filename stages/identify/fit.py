"""Fits clusters to the embeddings of documents."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from classifiers.card import Card
from classifiers.embedding import centroids
from classifiers.embedding.codes import EMBEDDING, Floats, from_arrow
from classifiers.fit import SAMPLE, Fit
from classifiers.sample import draw
from classifiers.sampling import Sampling
from pipeline.bounds import Count
from pipeline.errors import PlanError, RunError
from pipeline.schema import ID, URL, made_by
from pipeline.section import Context
from stages.text.buffers import view
from stages.urls.split import HOST, HOST_STOP, split, strings

DOMAINS = 5
"""Most domains that the card names for a cluster."""


@dataclass(frozen=True, kw_only=True)
class FitClusters(Fit):
    """Cluster documents by their embeddings, which a step `embed` has made.

    Source: see `classifiers.embedding.centroids.fit`.
    """

    model: ClassVar[str] = "clusters of embeddings: spherical k-means on int8 codes"
    reads: ClassVar[pa.Schema] = pa.schema([ID, URL, EMBEDDING])

    n_clusters: Count
    """With more, near pairs are found faster and more pairs parted: one for 1,000 to 10,000 documents."""
    n_documents: Count = 200_000
    """Documents that are looked at, by a keyed hash of their ids."""
    n_rounds: Count = 20
    """Most rounds of k-means."""
    seed: int = 0
    """Another seed takes other documents, and begins with other centroids."""

    def check(self, sources: list[str]) -> None:
        if self.n_documents < self.n_clusters:
            raise PlanError(f"n_documents {self.n_documents}: fewer than clusters ({self.n_clusters})")

    def fit(self, context: Context, folder: Path) -> Card:
        """Write `clusters.npz`.

        Raises:
            RunError: there are no embeddings, or those of sources are by different models.
        """
        made_by = _made_by(context)
        sampling = Sampling(
            name="semantic", columns=(EMBEDDING.name, URL.name), budget=self.n_documents, seed=self.seed
        )
        sample = draw(context, sampling, folder / SAMPLE)
        table = sample.table()
        if table is None:
            raise RunError("no documents with an embedding")
        codes, there = from_arrow(table.column(EMBEDDING.name).combine_chunks())
        fitted, distances = centroids.fit(codes, self.n_clusters, self.n_rounds, self.seed)
        fitted = centroids.Centroids(fitted.codes, made_by)
        fitted.save(folder / centroids.FILE)
        labels, far = fitted.nearest(codes)
        sizes = np.bincount(labels, minlength=self.n_clusters)
        urls = table.column(URL.name).combine_chunks().filter(pa.array(there))
        return Card(
            files=(centroids.FILE,),
            summary=f"{self.n_clusters} clusters of {len(codes):,} documents, {sizes.min():,} to "
            f"{sizes.max():,}; mean distance {distances[-1]:.3f} after {len(distances)} rounds",
            measured={"mean_distance": [round(d, 6) for d in distances]},
            more={
                "embeddings_sha256": made_by,
                "n_documents": sample.n_documents.total(),
                "n_sampled": len(codes),
                "clusters": _described(labels, far, urls, self.n_clusters),
            },
        )


def _made_by(context: Context) -> str:
    """Digest of the model that made the embeddings; empty where the column does not say."""
    shards = [shard for paths in context.documents().values() for shard in paths[:1]]
    columns = [pq.read_schema(shard).field(EMBEDDING.name) for shard in shards]
    models = sorted({made_by(column) for column in columns})
    if len(models) > 1:
        raise RunError("the sources' embeddings are by different models, whose directions do not compare")
    return "".join(models)


def _described(
    labels: centroids.Labels, far: Floats, urls: pa.StringArray, n_clusters: int
) -> list[dict[str, Any]]:
    """Each cluster's documents in the sample, their mean distance, and the hosts that most are from."""
    texts = view(urls)
    spans = split(texts)
    starts = np.where(spans[:, HOST_STOP] > spans[:, HOST], spans[:, HOST], -1).astype(np.int32)
    hosts = strings(texts.data, starts, spans[:, HOST_STOP])
    clusters = []
    for cluster in range(n_clusters):
        rows = np.flatnonzero(labels == cluster)
        domains = Counter(d for d in hosts.take(pa.array(rows)).to_pylist() if d)
        most = sorted(domains.items(), key=lambda item: (-item[1], item[0]))[:DOMAINS]
        distance = round(float(far[rows].astype(np.float64).mean()), 4) if len(rows) else None
        clusters.append({"n": len(rows), "mean_distance": distance, "domains": dict(most)})
    return clusters
