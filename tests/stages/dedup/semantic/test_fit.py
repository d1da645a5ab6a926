"""Both kinds of fit: files, cards, the same always, and settings that cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import PlanError, RunError
from pipeline.shards import read_json
from stages.dedup.semantic.clusters import SemanticClusters
from stages.dedup.semantic.embed import Embed
from stages.dedup.semantic.fit import ClustersSettings, StaticEmbeddingsSettings
from tests.stages.dedup.semantic.conftest import WORDS

TOPICS = ["cats dogs pets vet kitten", "bank money shares market rates", "bread flour oven dough yeast"]


@pytest.fixture
def documents(tmp_path: Path) -> str:
    random = np.random.default_rng(0)
    with (tmp_path / "in.jsonl").open("w") as file:
        for i in range(60):
            words = random.choice(TOPICS[i % 3].split(), 30).tolist()
            url = f"https://site{i % 3}.example/{i}"
            file.write(json.dumps({"id": f"d{i}", "text": " ".join(words), "url": url}) + "\n")
        file.write(json.dumps({"id": "none", "text": "..."}) + "\n")
    return str(tmp_path / "in.jsonl")


def test_clusters_of_topics(tmp_path: Path, documents: str) -> None:
    settings = ClustersSettings(documents=[documents], n_clusters=6, seed=1)
    settings.check()
    told = settings.run(tmp_path / "out")
    assert told.startswith("6 clusters of 60 documents, ")
    card = read_json(tmp_path / "out" / "card.json")
    assert (card["n_documents"], card["n_sampled"]) == (61, 60)
    assert card["how"]["documents"] == ["in.jsonl"]
    assert sum(c["n"] for c in card["clusters"]) == 60
    assert all(len(c["domains"]) == 1 for c in card["clusters"] if c["n"])
    assert card["mean_distance"][-1] <= card["mean_distance"][0]
    step = SemanticClusters(model=str(tmp_path / "out"))
    assert step.flow(Embed().flow(pa.schema([("text", pa.string())]))).names[-1] == "semantic"
    settings.run(tmp_path / "again")
    assert (tmp_path / "again/clusters.npz").read_bytes() == (tmp_path / "out/clusters.npz").read_bytes()


def test_embeddings_that_are_there(tmp_path: Path, documents: str) -> None:
    texts = [json.loads(line)["text"] for line in Path(documents).read_text().splitlines()]
    ids = [json.loads(line)["id"] for line in Path(documents).read_text().splitlines()]
    batch = Embed().process(pa.record_batch({"id": ids, "text": texts}))
    pq.write_table(pa.Table.from_batches([batch]), tmp_path / "e.parquet")
    ClustersSettings(documents=[documents], n_clusters=4).run(tmp_path / "text")
    given = ClustersSettings(documents=[str(tmp_path / "e.parquet")], n_clusters=4, model=None)
    given.check()
    given.run(tmp_path / "given")
    found = [np.load(tmp_path / name / "clusters.npz") for name in ("text", "given")]
    assert (found[0]["centroids"] == found[1]["centroids"]).all()
    assert [len(str(f["model"])) for f in found] == [64, 0]


def test_no_documents(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("")
    with pytest.raises(RunError, match="no documents with text"):
        ClustersSettings(documents=[str(tmp_path / "in.jsonl")], n_clusters=2).run(tmp_path / "out")


def test_static_vectors_from_an_encoder(tmp_path: Path, encoder_folder: Path) -> None:
    words = [w for w in WORDS if w.isalpha()] + [a + b for a in "abcde" for b in "fghij"]
    (tmp_path / "in.jsonl").write_text(json.dumps({"text": " ".join(words * 2) + " the the"}) + "\n")
    settings = StaticEmbeddingsSettings(
        documents=[str(tmp_path / "in.jsonl")],
        encoder=str(encoder_folder),
        n_words=20,
        n_dimensions=6,
        n_signs=64,
    )
    settings.check()
    assert settings.run(tmp_path / "out").startswith("20 of 35 words; they are ")
    card = read_json(tmp_path / "out" / "card.json")
    assert (card["n_documents"], card["n_distinct_words"]) == (1, 35)
    step = Embed(model=str(tmp_path / "out"))
    step.check()
    (code,) = step.process(pa.record_batch({"text": ["the cat"]}))["embedding"].to_pylist()
    assert len(code) == 70
    with pytest.raises(RunError, match="have 35 words, the encoder 32 dimensions"):
        StaticEmbeddingsSettings(
            documents=[str(tmp_path / "in.jsonl")], encoder=str(encoder_folder), n_words=36, n_dimensions=6
        ).run(tmp_path / "out")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_clusters": 0}, "n_clusters must be at least 1, not 0"),
        ({"n_clusters": 5, "n_documents": 4}, "fewer than clusters"),
        ({"n_clusters": 5, "model": "none"}, "'none' is none of"),
        ({"n_clusters": 5, "model": None}, "no column 'embedding'"),
    ],
)
def test_clusters_that_cannot_be(tmp_path: Path, settings: dict[str, object], message: str) -> None:
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "x.parquet")
    with pytest.raises(PlanError, match=message):
        ClustersSettings(documents=[str(tmp_path / "x.parquet")], **settings).check()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_signs": 63}, "multiple of 64"),
        ({"n_dimensions": 2000}, "at most 1040"),
        ({"n_words": 128}, "more than n_dimensions"),
        ({"common": 0.0}, "over 0"),
        ({"encoder": "static"}, "has vectors of words already"),
    ],
)
def test_static_vectors_that_cannot_be(settings: dict[str, object], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        StaticEmbeddingsSettings(documents=[], **settings).check()  # type: ignore[arg-type]
