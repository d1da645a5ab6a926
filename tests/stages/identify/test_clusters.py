"""The stage: nulls, models that do not fit, and a mixture whose sources are clusters."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from classifiers.embedding.centroids import Centroids
from classifiers.embedding.codes import EMBEDDING, quantized, to_arrow
from classifiers.embedding.models import find, load
from pipeline.errors import PlanError, RunError
from pipeline.local import LocalEngine
from pipeline.run import Runner
from pipeline.schema import TEXT
from stages.filters.predicate import KeepIf
from stages.identify.clusters import SemanticClusters
from stages.identify.embed import Embed
from stages.ingest.jsonl import Jsonl
from tests.toy import chain, recipe

ABOUT = {
    "cats": "The cat and the kitten play with a dog in the garden; pets need food and a vet.",
    "money": "The bank raised interest rates; investors sold shares and the stock market fell.",
}


@pytest.fixture
def model(tmp_path: Path) -> str:
    centroids = load("static", 256).embed(pa.array(list(ABOUT.values())))
    (tmp_path / "model").mkdir()
    Centroids(centroids, find("static").stamp()).save(tmp_path / "model" / "clusters.npz")
    return str(tmp_path / "model")


def embedded(texts: list[str | None], name: str = "static") -> pa.RecordBatch:
    column = pa.array(texts, pa.string())
    return Embed(model=name, max_tokens=30).process(
        pa.RecordBatch.from_arrays([column], schema=pa.schema([TEXT]))
    )


def test_the_nearest_cluster_or_null(model: str) -> None:
    step = SemanticClusters(model=model)
    step.check()
    texts = ["Shares fell.", None, ABOUT["cats"], "", "My dog chased a cat."]
    out = step.process(embedded(texts))
    assert out.schema.names == ["text", "embedding", "semantic"]
    rows = out.column("semantic").to_pylist()
    assert [row and row["cluster"] for row in rows] == [1, None, 0, None, 0]
    assert rows[2]["distance"] == 0
    assert 0 < rows[0]["distance"] < 1
    assert step.process(out).equals(out)
    assert step.process(embedded([])).column("semantic").type == out.column("semantic").type


def test_embeddings_of_another_model(model: str, encoder_folder: Path) -> None:
    step, given = SemanticClusters(model=model), pa.schema([TEXT])
    assert step.flow(Embed().flow(given)).names == ["text", "embedding", "semantic"]
    assert step.flow(pa.schema([EMBEDDING])).names == ["embedding", "semantic"]  # nothing is known of it
    with pytest.raises(PlanError, match=r"'embedding' made by .*, but it was made by"):
        step.flow(Embed(model="words").flow(given))
    with pytest.raises(RunError, match=r"\[32\] dimensions where \[256\] are expected"):
        step.process(embedded(["the cat"], str(encoder_folder)))


def test_the_model_is_missing(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"no file .*gone: `pipeline fit`"):
        SemanticClusters(model=str(tmp_path / "gone")).check()


def test_the_fingerprint_follows_the_file(model: str) -> None:
    step = SemanticClusters(model=model)
    before = step.stamp()
    Centroids(quantized(np.eye(256))[:2]).save(Path(model) / "clusters.npz")
    assert step.stamp() != before


def test_embeddings_survive_parquet(tmp_path: Path) -> None:
    codes = load("static", 256).embed(pa.array(list(ABOUT.values())))
    pq.write_table(pa.table([to_arrow(codes)], schema=pa.schema([EMBEDDING])), tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet")["embedding"].combine_chunks() == to_arrow(codes)


def test_sources_of_a_mixture_are_clusters(local: LocalEngine, tmp_path: Path, model: str) -> None:
    """One file as two sources that keep a cluster each: what a recipe's `mixture` then weighs."""
    texts = [f"{text} Number {i}." for i in range(10) for text in ABOUT.values()] + [""]
    with (tmp_path / "in.jsonl").open("w") as file:
        file.writelines(json.dumps({"id": f"d{i}", "text": text}) + "\n" for i, text in enumerate(texts))
    sources = [
        chain(
            Jsonl(paths=str(tmp_path / "in.jsonl"), source=name),
            Embed(),
            SemanticClusters(model=model),
            KeepIf(where=f"semantic.cluster = {cluster}"),
        )
        for cluster, name in enumerate(ABOUT)
    ]
    for name, source in zip(ABOUT, sources, strict=True):
        record = Runner(recipe(tmp_path / name, source), local, lambda *_: None).run()
        (shards,) = record.shards(tmp_path / name).values()
        kept = pa.concat_tables([pq.ParquetFile(shard).read() for shard in shards])
        assert len(kept) == 10
        assert pc.all(pc.starts_with(kept["text"], ABOUT[name])).as_py()
