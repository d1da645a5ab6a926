"""Spherical k-means over codes, in whole numbers: the same clusters on every machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from classifiers.embedding import arrays
from classifiers.embedding.codes import MAX_DIMENSION, Codes, Floats, quantized, squares
from pipeline.errors import PlanError
from pipeline.keyed import key, permute
from stages.text.kernel import kernel

Labels = npt.NDArray[np.int32]

FILE = "clusters.npz"
BLOCK_BYTES = 32 << 20
"""Most bytes of products that are held at a time."""


@dataclass(frozen=True)
class Centroids:
    """Directions that clusters lie about."""

    codes: Codes
    """int8 [clusters, dimension]"""
    model: str = ""
    """Digest of the model that made the embeddings; empty: not known."""

    @property
    def dimension(self) -> int:
        """Number of dimensions of an embedding."""
        return int(self.codes.shape[1])

    def nearest(self, codes: Codes) -> tuple[Labels, Floats]:
        """(int32 [rows] centroid of the highest cosine, the first of equals; float32 [rows] 1 - cosine)."""
        labels, cosines = np.zeros(len(codes), np.int32), np.zeros(len(codes), np.float32)
        ours = self.codes.astype(np.float32).T
        lengths = np.sqrt(squares(self.codes).astype(np.float64))
        shrink = (1 / lengths).astype(np.float32)
        rows = max(1, BLOCK_BYTES // (4 * len(self.codes)))
        for start in range(0, len(codes), rows):
            block = codes[start : start + rows]
            dots = block.astype(np.float32) @ ours
            best = (dots * shrink).argmax(axis=1)
            labels[start : start + rows] = best
            of_both = np.sqrt(squares(block).astype(np.float64)) * lengths[best]
            cosines[start : start + rows] = dots[np.arange(len(block)), best] / of_both
        return labels, np.maximum(np.float32(1) - cosines, np.float32(0))

    def save(self, path: Path) -> None:
        """Write the file."""
        arrays.save(path, centroids=self.codes, model=np.array(self.model))

    @staticmethod
    def load(path: Path) -> Centroids:
        """Read the file.

        Raises:
            PlanError: it is none.
        """
        codes, model = arrays.load(path, "clusters", "centroids", "model")
        shaped = codes.dtype == np.int8 and codes.ndim == 2 and 0 < codes.shape[1] <= MAX_DIMENSION
        if not shaped or not codes.any(axis=1).all() or not len(codes):
            raise PlanError(f"{path}: no file of clusters")
        return Centroids(codes, str(model))


def fit(codes: Codes, n_clusters: int, n_rounds: int, seed: int) -> tuple[Centroids, list[float]]:
    """Centroids of embeddings, and the mean distance to them in each round.

    Lloyd's rounds (1982) on directions (Dhillon and Modha 2001, "Concept Decompositions"), from distinct
    embeddings picked by key. A centroid that lost all of its own goes to one of the farthest embeddings. The
    rounds end when labels stay.

    Raises:
        PlanError: there are fewer distinct embeddings than clusters.
    """
    distinct = np.unique(codes, axis=0)
    if len(distinct) < n_clusters:
        raise PlanError(f"n_clusters {n_clusters}: the sample has {len(distinct)} distinct embeddings")
    start = permute(np.arange(n_clusters), len(distinct), key(seed, "clusters"))
    centroids = Centroids(distinct[start])
    shares = np.rint(65536 / np.sqrt(squares(codes).astype(np.float64))).astype(np.int64)
    before, distances = np.full(len(codes), -1, np.int32), []
    for _ in range(n_rounds):
        labels, far = centroids.nearest(codes)
        distances.append(float(far.astype(np.float64).mean()))
        if np.array_equal(labels, before):
            break
        before = labels
        sums = np.zeros((n_clusters, codes.shape[1]), np.int64)
        _add(codes, labels, shares, sums)
        moved = quantized(sums)
        lost = np.flatnonzero(~moved.any(axis=1))
        moved[lost] = codes[np.argsort(-far, kind="stable")[: len(lost)]]
        centroids = Centroids(moved)
    return centroids, distances


@kernel
def _add(codes: Codes, labels: Labels, shares: npt.NDArray[np.int64], sums: npt.NDArray[np.int64]) -> None:
    # Embeddings differ in length: `shares` makes them equal before they are added, in whole 1/65536,
    # so that a sum is the same in any order.
    for row in range(len(labels)):
        for j in range(codes.shape[1]):
            sums[labels[row], j] += shares[row] * np.int64(codes[row, j])
