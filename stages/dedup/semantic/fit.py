"""What `pipeline fit` fits for meaning: clusters of a corpus, and static vectors of its words."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from pipeline.errors import PlanError, RunError
from pipeline.shards import digest, write_json
from pipeline.stage import Source
from stages.dedup.semantic import centroids
from stages.dedup.semantic.codes import EMBEDDING, MAX_DIMENSION, Floats, from_arrow
from stages.dedup.semantic.corpus import Sample, read, sources
from stages.dedup.semantic.embed import Embed
from stages.dedup.semantic.encoder import Encoder
from stages.dedup.semantic.learn import Counts, learn
from stages.dedup.semantic.models import find
from stages.dedup.semantic.vectors import FILE
from stages.filters.urls.split import HOST, HOST_STOP, split, strings
from stages.text.buffers import view

CARD = "card.json"
DOMAINS = 5
"""Named in the card for each cluster."""


@dataclass(frozen=True, kw_only=True)
class ClustersSettings:
    """What stands under `with:` for `fit: clusters`."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    documents: list[str]
    """Outputs of runs (folders), or Parquet or JSON lines files, with patterns."""
    n_clusters: int
    """With more, near pairs are found faster and more pairs parted: one for 1,000 to 10,000 documents."""
    model: str | None = "static"
    """As of `embed`, for the sample is embedded here; null: the documents have the column `embedding`."""
    max_tokens: int = 256
    """As of `embed`."""
    n_documents: int = 200_000
    """In the sample, by a keyed hash of their ids."""
    n_rounds: int = 20
    """Of k-means, at most."""
    seed: int = 0

    def check(self) -> None:
        """Raise PlanError for what cannot be fitted."""
        for name in ("n_clusters", "n_documents", "n_rounds"):
            if getattr(self, name) < 1:
                raise PlanError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.n_documents < self.n_clusters:
            raise PlanError(f"n_documents {self.n_documents}: fewer than clusters ({self.n_clusters})")
        if self.model is not None:
            Embed(model=self.model, max_tokens=self.max_tokens).check()
        for source in self._sources():
            source.check()

    def run(self, output: Path) -> str:
        """Fit into a folder: `clusters.npz` and `card.json`; says what came of it."""
        output.mkdir(parents=True, exist_ok=True)
        sample = Sample(self.n_documents, self.seed, self._embedded)
        for batch in read(self._sources()):
            sample.meet(batch)
        if not sample.n_documents:
            raise RunError("no documents with text")
        rows = sample.rows()
        codes, there = from_arrow(rows.column(EMBEDDING.name))
        model = "" if self.model is None else find(self.model).stamp()
        found, distances = centroids.fit(codes, self.n_clusters, self.n_rounds, self.seed)
        found = centroids.Centroids(found.codes, model)
        found.save(output / centroids.FILE)
        labels, far = found.nearest(codes)
        card = {
            "model": "clusters of embeddings: spherical k-means on int8 codes",
            "sha256": digest(output / centroids.FILE),
            "embeddings_sha256": model,
            "how": asdict(self) | {"documents": [Path(path).name for path in self.documents]},
            "n_documents": sample.n_documents,
            "n_sampled": len(codes),
            "mean_distance": [round(d, 6) for d in distances],
            "clusters": _told(labels, far, rows.column("url").filter(pa.array(there)), self.n_clusters),
        }
        write_json(output / CARD, card)
        sizes = np.bincount(labels, minlength=self.n_clusters)
        return (
            f"{self.n_clusters} clusters of {len(codes):,} documents, {sizes.min():,} to {sizes.max():,}; "
            f"mean distance {distances[-1]:.3f} after {len(distances)} rounds"
        )

    def _sources(self) -> list[Source]:
        return sources(self.documents, () if self.model is not None else (EMBEDDING.name,))

    def _embedded(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if self.model is not None:
            batch = Embed(model=self.model, max_tokens=self.max_tokens).process(batch)
        return batch.select(["url", EMBEDDING.name])


def _told(
    labels: centroids.Labels, far: Floats, urls: pa.StringArray, n_clusters: int
) -> list[dict[str, Any]]:
    """Of each cluster: documents of the sample, their mean distance, and where most are from."""
    texts = view(urls)
    spans = split(texts)
    starts = np.where(spans[:, HOST_STOP] > spans[:, HOST], spans[:, HOST], -1).astype(np.int32)
    hosts = strings(texts.data, starts, spans[:, HOST_STOP])
    found = []
    for cluster in range(n_clusters):
        rows = np.flatnonzero(labels == cluster)
        domains = Counter(d for d in hosts.take(pa.array(rows)).to_pylist() if d)
        most = sorted(domains.items(), key=lambda item: (-item[1], item[0]))[:DOMAINS]
        distance = round(float(far[rows].astype(np.float64).mean()), 4) if len(rows) else None
        found.append({"n": len(rows), "mean_distance": distance, "domains": dict(most)})
    return found


@dataclass(frozen=True, kw_only=True)
class StaticEmbeddingsSettings:
    """What stands under `with:` for `fit: static_embeddings`."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    documents: list[str]
    """Outputs of runs (folders), or Parquet or JSON lines files, with patterns: their words get vectors."""
    encoder: str = "minilm"
    """An encoder, as `model` of `embed`: what it gives for a word alone is where its vector comes from."""
    n_words: int = 12_000
    """The most frequent words of the documents."""
    n_dimensions: int = 128
    """Learned ones."""
    n_signs: int = 128
    """Dimensions of random signs for all words, a multiple of 64."""
    common: float = 0.001
    """A word of this frequency counts half."""

    def check(self) -> None:
        """Raise PlanError for what cannot be fitted."""
        if not 0 < self.n_dimensions + self.n_signs <= MAX_DIMENSION or self.n_signs % 64 or self.n_signs < 0:
            raise PlanError(f"n_dimensions and n_signs: at most {MAX_DIMENSION}; n_signs a multiple of 64")
        if self.n_words <= self.n_dimensions or self.n_dimensions < 1:
            raise PlanError("n_words: must be more than n_dimensions, which must be at least 1")
        if not self.common > 0:
            raise PlanError(f"common must be over 0, not {self.common}")
        place = find(self.encoder)
        if place.path is None or place.static:
            raise PlanError(f"encoder: {self.encoder!r} is none, but has vectors of words already")
        for source in sources(self.documents):
            source.check()

    def run(self, output: Path) -> str:
        """Fit into a folder: `static.npz` and `card.json`; says what came of it."""
        output.mkdir(parents=True, exist_ok=True)
        place = find(self.encoder)
        assert place.path
        encoder, counts, n_documents = Encoder(place.path), Counts(), 0
        for batch in read(sources(self.documents)):
            counts.add(batch.column("text"))
            n_documents += len(batch)
        if self.n_dimensions > encoder.dimension or self.n_words > len(counts):
            raise RunError(
                f"the documents have {len(counts):,} words, the encoder {encoder.dimension} dimensions"
            )
        vectors = learn(
            counts,
            encoder,
            n_words=self.n_words,
            dimension=self.n_dimensions,
            common=self.common,
            n_signs=self.n_signs,
        )
        vectors.save(output / FILE)
        card = {
            "model": "static vectors of words, learned from an encoder",
            "sha256": digest(output / FILE),
            "encoder_sha256": place.stamp(),
            "how": asdict(self) | {"documents": [Path(path).name for path in self.documents]},
            "n_documents": n_documents,
            "n_words": counts.total,
            "n_distinct_words": len(counts),
            "share_known": round(counts.share(self.n_words), 4),
        }
        write_json(output / CARD, card)
        return f"{self.n_words:,} of {len(counts):,} words; they are {card['share_known']:.1%} of the text"
