"""Clusters fitted by a recipe: files, cards, the same always, and settings that cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import config
from pipeline.errors import ConfigError, RunError
from pipeline.store import read_json
from stages.identify.clusters import SemanticClusters
from stages.identify.embed import Embed
from tests.classifiers.fits import lines, recipe, run

TOPICS = ["cats dogs pets vet kitten", "bank money shares market rates", "bread flour oven dough yeast"]
EMBED = [{"use": "embed"}]


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    with (tmp_path / "in.jsonl").open("w") as file:
        for i in range(60):
            words = random.choice(TOPICS[i % 3].split(), 30).tolist()
            url = f"https://site{i % 3}.example/{i}"
            file.write(json.dumps({"id": f"d{i}", "text": " ".join(words), "url": url}) + "\n")
        file.write(json.dumps({"id": "none", "text": "..."}) + "\n")
    return tmp_path / "in.jsonl"


def embedded(documents: Path, **settings: Any) -> dict[str, Any]:
    return lines(documents, **settings) | {"steps": EMBED}


def test_clusters_of_topics(tmp_path: Path, documents: Path) -> None:
    made = run(recipe(tmp_path / "out", {"a": embedded(documents)}, "clusters", n_clusters=6, seed=1))
    assert made["summary"].startswith("6 clusters of 60 documents, ")
    model = tmp_path / "out" / "model"
    card = read_json(model / "card.json")
    assert (card["n_documents"], card["n_sampled"]) == (60, 60)
    assert card["documents"]["rows"] == {"a": 61}
    assert card["documents"]["steps"] == {"a": ["a", "embed"]}
    assert card["embeddings_sha256"] == Embed().stamp()
    assert sum(c["n"] for c in card["clusters"]) == 60
    assert all(len(c["domains"]) == 1 for c in card["clusters"] if c["n"])
    distances = card["measured"]["mean_distance"]
    assert distances[-1] <= distances[0]
    step = SemanticClusters(model=str(model))
    assert step.flow(Embed().flow(pa.schema([("text", pa.string())]))).names[-1] == "semantic"
    parts = {"a": embedded(documents, split_bytes=500)}
    other = run(recipe(tmp_path / "parts", parts, "clusters", n_clusters=6, seed=1))
    assert other["content_hash"] == made["content_hash"]


def test_a_sample_of_the_documents(tmp_path: Path, documents: Path) -> None:
    run(recipe(tmp_path / "out", {"a": embedded(documents)}, "clusters", n_clusters=4, n_documents=20))
    card = read_json(tmp_path / "out" / "model" / "card.json")
    assert (card["n_documents"], card["n_sampled"]) == (60, 20)


def test_embeddings_that_are_there(tmp_path: Path, documents: Path) -> None:
    rows = [json.loads(line) for line in documents.read_text().splitlines()]
    batch = pa.record_batch({"id": [r["id"] for r in rows], "text": [r["text"] for r in rows]})
    pq.write_table(pa.Table.from_batches([Embed().process(batch)]), tmp_path / "e.parquet")
    run(recipe(tmp_path / "text", {"a": embedded(documents)}, "clusters", n_clusters=4))
    given = {"use": "parquet", "with": {"paths": str(tmp_path / "e.parquet"), "keep": ["embedding"]}}
    run(recipe(tmp_path / "given", {"a": given}, "clusters", n_clusters=4))
    found = [np.load(tmp_path / name / "model" / "clusters.npz") for name in ("text", "given")]
    assert (found[0]["centroids"] == found[1]["centroids"]).all()
    assert [len(str(f["model"])) for f in found] == [64, 0]


def test_documents_that_cannot_be_clustered(tmp_path: Path, documents: Path) -> None:
    (tmp_path / "none.jsonl").write_text(json.dumps({"text": "..."}) + "\n")
    with pytest.raises(RunError, match="no documents with an embedding"):
        run(recipe(tmp_path / "out", {"a": embedded(tmp_path / "none.jsonl")}, "clusters", n_clusters=2))
    words = lines(documents) | {"steps": [{"use": "embed", "with": {"model": "words"}}]}
    with pytest.raises(RunError, match="by different models"):
        run(recipe(tmp_path / "both", {"a": embedded(documents), "b": words}, "clusters", n_clusters=2))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_clusters": 0}, "n_clusters: must be at least 1, not 0"),
        ({"n_clusters": 5, "n_documents": 4}, "fewer than clusters"),
        ({}, "n_clusters: is required"),
    ],
)
def test_settings_that_cannot_be(
    tmp_path: Path, documents: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        config.read(str(recipe(tmp_path / "out", {"a": embedded(documents)}, "clusters", **settings)))
