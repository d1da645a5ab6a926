"""k-means: the nearest by definition, as good as scikit-learn's, the same always."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from classifiers.embedding import centroids
from classifiers.embedding.centroids import Centroids, fit
from classifiers.embedding.codes import Codes, quantized
from pipeline.errors import PlanError


def blobs(n: int, n_blobs: int, noise: float = 0.3, seed: int = 0) -> tuple[Codes, np.ndarray]:
    random = np.random.default_rng(seed)
    centres = random.normal(size=(n_blobs, 32))
    of = random.integers(0, n_blobs, n)
    return quantized(centres[of] + random.normal(0, noise, (n, 32))), of


def unit(codes: Codes) -> np.ndarray:
    wide = codes.astype(np.float64)
    return np.asarray(wide / np.linalg.norm(wide, axis=1, keepdims=True))


@given(st.integers(0, 1000), st.integers(1, 50), st.integers(1, 9))
def test_the_nearest_by_definition(seed: int, n: int, k: int) -> None:
    codes, _ = blobs(n, 3, seed=seed)
    found = Centroids(blobs(k, 3, seed=seed + 1)[0])
    labels, distances = found.nearest(codes)
    cosines = unit(codes) @ unit(found.codes).T
    np.testing.assert_allclose(cosines.max(axis=1), cosines[np.arange(n), labels], atol=1e-6)
    np.testing.assert_allclose(distances, np.maximum(0, 1 - cosines.max(axis=1)), atol=1e-6)


def test_of_equal_centroids_the_first_and_distance_zero() -> None:
    codes, _ = blobs(4, 4)
    labels, distances = Centroids(np.concatenate([codes, codes])).nearest(codes)
    assert labels.tolist() == [0, 1, 2, 3]
    assert distances.tolist() == [0] * 4


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    codes, _ = blobs(300, 9)
    found, _ = fit(codes, 9, 5, 0)
    whole = found.nearest(codes)
    monkeypatch.setattr(centroids, "BLOCK_BYTES", 4 * 9 * 7)
    assert all((a == b).all() for a, b in zip(found.nearest(codes), whole, strict=True))
    assert [len(part) for part in whole] == [300, 300]


def test_blobs_are_found() -> None:
    codes, of = blobs(2000, 6, noise=0.2)
    found, distances = fit(codes, 12, 20, 0)
    labels, _ = found.nearest(codes)
    for label in range(12):
        assert len(set(of[labels == label].tolist())) <= 1
    assert distances == sorted(distances, reverse=True)


def test_as_good_as_scikit_learn() -> None:
    codes, _ = blobs(3000, 40, noise=1.0)
    theirs = KMeans(25, n_init=3, random_state=0).fit(unit(codes))
    centres = theirs.cluster_centers_ / np.linalg.norm(theirs.cluster_centers_, axis=1, keepdims=True)
    expected = (1 - (unit(codes) @ centres.T).max(axis=1)).mean()
    _, distances = fit(codes, 25, 50, 0)
    assert distances[-1] < 1.04 * expected
    assert len(distances) > 3


def test_the_same_always_and_by_seed() -> None:
    codes, _ = blobs(500, 20, noise=0.8)
    first = fit(codes, 10, 10, 1)[0].codes
    assert (first == fit(codes, 10, 10, 1)[0].codes).all()
    assert (first != fit(codes, 10, 10, 2)[0].codes).any()
    order = np.random.default_rng(3).permutation(500)
    assert (first == fit(codes[order], 10, 10, 1)[0].codes).all()


def test_as_many_clusters_as_embeddings() -> None:
    codes = np.unique(blobs(30, 30)[0], axis=0)
    found, distances = fit(np.concatenate([codes, codes]), len(codes), 5, 0)
    assert distances[-1] == 0
    assert sorted(map(tuple, found.codes)) == sorted(map(tuple, codes))
    with pytest.raises(PlanError, match=f"the sample has {len(codes)} distinct embeddings"):
        fit(codes, len(codes) + 1, 5, 0)


def test_a_file_and_back(tmp_path: Path) -> None:
    codes, _ = blobs(5, 5)
    Centroids(codes, "abc").save(tmp_path / "clusters.npz")
    found = Centroids.load(tmp_path / "clusters.npz")
    assert (found.codes == codes).all()
    assert (found.model, found.dimension) == ("abc", 32)


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "clusters.npz"
    path.write_bytes(b"hello")
    with pytest.raises(PlanError, match="no file of clusters"):
        Centroids.load(path)
    for bad in (np.zeros((2, 4), np.int8), np.zeros((0, 4), np.int8), np.ones((2, 4)), np.ones(4, np.int8)):
        np.savez(path, centroids=bad, model=np.array(""))
        with pytest.raises(PlanError, match="no file of clusters"):
            Centroids.load(path)
