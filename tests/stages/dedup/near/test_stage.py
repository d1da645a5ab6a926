"""The step: what is kept and told, whatever the order of keys, workers and engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from classifiers.embedding.codes import EMBEDDING, quantized, to_arrow
from pipeline.errors import PlanError
from pipeline.local import LocalEngine
from pipeline.reader import Reader
from pipeline.run import Runner
from stages.dedup.near import SemanticDedup
from stages.identify.clusters import SEMANTIC
from stages.identify.embed import Embed
from stages.ingest.jsonl import Jsonl
from tests.stages.dedup.apply import Session, applied, clusters, documents, in_memory
from tests.toy import chain, recipe


def placed(angles: list[float | None], cluster: list[int] | None = None, **columns: Any) -> pa.RecordBatch:
    """Documents whose embeddings point in these directions (degrees)."""
    turned = np.radians([a or 0 for a in angles])
    codes = quantized(np.stack([np.cos(turned), np.sin(turned)], axis=1))
    codes[[a is None for a in angles]] = 0
    batch = documents([f"text {i}" for i in range(len(angles))], **columns)
    semantic = [
        None if a is None else {"cluster": c, "distance": (a % 7) / 10}
        for a, c in zip(angles, cluster or [0] * len(angles), strict=True)
    ]
    return batch.append_column(EMBEDDING, to_arrow(codes)).append_column(
        SEMANTIC, pa.array(semantic, SEMANTIC.type)
    )


def related(step: SemanticDedup, batch: pa.RecordBatch, seed: int = 0, session: Session = in_memory) -> Any:
    """(row, reason, duplicate of, size), similarity of all that are not alone."""
    table, _ = applied(step, batch, seed, session)
    return clusters(table, "semantic_duplicates"), table["semantic_similarity"].to_pylist()


ANGLES = [0.0, 90, 3, None, 45, 93, 200, 6]
GONE = "semantic_duplicate"


def test_near_ones_whatever_the_order_of_keys() -> None:
    step = SemanticDedup(min_similarity=0.99)  # 8.1 degrees
    for seed in range(3):
        found, similarity = related(step, placed(ANGLES), seed)
        assert found == [
            (0, None, None, 3),
            (1, None, None, 2),
            (2, GONE, "id0", 3),
            (5, GONE, "id1", 2),
            (7, GONE, "id0", 3),
        ]
        assert [s is not None for s in similarity] == [i in (2, 5, 7) for i in range(8)]
        assert similarity[2] == pytest.approx(np.cos(np.radians(3)), abs=2e-3)
        assert similarity[7] == pytest.approx(np.cos(np.radians(6)), abs=2e-3)


def test_pairs_across_clusters_are_not_seen_but_without_clusters() -> None:
    batch = placed([0, 1, 2, 3], [0, 1, 0, 1])
    found, _ = related(SemanticDedup(min_similarity=0.99), batch)
    assert [(row, kept) for row, _, kept, _ in found] == [(0, None), (1, None), (2, "id0"), (3, "id1")]
    alone = SemanticDedup(min_similarity=0.99, clustered=False)
    found, _ = related(alone, batch.drop_columns(["semantic"]))
    assert [kept for _, _, kept, _ in found] == [None, "id0", "id0", "id0"]
    assert "semantic" not in alone.needs().names


def test_chains_by_either_rule() -> None:
    batch = placed([0, 6, 12, 18])
    found, _ = related(SemanticDedup(min_similarity=0.99), batch)
    assert [kept for _, _, kept, _ in found] == [None, "id0", None, "id2"]
    found, similarity = related(SemanticDedup(min_similarity=0.99, rule="semdedup"), batch)
    assert [kept for _, _, kept, _ in found] == [None, "id0", "id0", "id0"]
    assert min(similarity[1:]) > 0.99  # each with the one it gave way to, which went itself


def test_keep_decides_who_stays() -> None:
    batch = placed([0, 1, 2], date=["2020", "2024", "2022"], source=["a", "b", "c"])
    for settings, stays in (
        ({}, 0),
        ({"keep": "newest"}, 1),
        ({"keep": "source_priority", "priority": ("c",)}, 2),
        ({"keep": "best(semantic.distance)"}, 2),
    ):
        found, _ = related(SemanticDedup(min_similarity=0.99, **settings), batch)
        assert [row for row, reason, _, _ in found if reason is None] == [stays]
        assert {kept for _, reason, kept, _ in found if reason} == {f"id{stays}"}


def test_without_embedding_nothing_is_near() -> None:
    assert related(SemanticDedup(min_similarity=0.5), placed([None, None, 0]))[0] == []
    assert related(SemanticDedup(), placed([]))[0] == []


def test_keys_do_not_depend_on_the_batch() -> None:
    step, whole = SemanticDedup(), placed(ANGLES)
    keys = step.keys(whole)
    assert keys.schema.equals(step.key_columns)
    parts = [step.keys(whole.slice(0, 3)), step.keys(whole.slice(3, 1)), step.keys(whole.slice(4))]
    assert pa.Table.from_batches(parts).equals(pa.Table.from_batches([keys]).select(keys.schema.names))


def test_settings_that_cannot_be() -> None:
    with pytest.raises(PlanError, match="keep: 'nearest' is none of"):
        SemanticDedup(keep="nearest").check()
    reader = Reader("stages.yaml")
    assert reader.settings(SemanticDedup, {"min_similarity": 0.0}, ("with",)) is None
    assert [p.where for p in reader.problems] == ["min_similarity"]


TEXTS = [
    "The committee agreed on a new budget for public schools after long hours of debate on Tuesday evening.",
    "A recipe for bread: mix flour, water, salt and yeast, then let the dough rest over night in the cold.",
    "The committee agreed on the new budget for the public schools, after hours of debate, Tuesday evening.",
    "",
    "Glaciers in the north lose their ice faster than before, researchers say in a report on the climate.",
]


def test_a_whole_run_for_any_number_of_workers(local: LocalEngine, tmp_path: Path) -> None:
    for name, rows in (("a", TEXTS), ("b", [*TEXTS[1:2], "Something else entirely, on ships and harbours."])):
        with (tmp_path / f"{name}.jsonl").open("w") as file:
            file.writelines(json.dumps({"id": f"{name}{i}", "text": t}) + "\n" for i, t in enumerate(rows))
    source = Jsonl(paths=str(tmp_path / "*.jsonl"), source="web")
    plan = chain(source, Embed(), SemanticDedup(min_similarity=0.85, clustered=False))
    alone = LocalEngine(1, {})
    records = [
        Runner(recipe(tmp_path / str(engine.workers), plan), engine, lambda *_: None).run()
        for engine in (local, alone)
    ]
    alone.close()
    assert records[0].content_hash == records[1].content_hash
    (step,) = (s for s in records[0].steps if s.name == "SemanticDedup")
    assert step.dropped == {GONE: 2}


@pytest.mark.spark
def test_spark_decides_the_same(on_spark: Session) -> None:
    random = np.random.default_rng(0)
    batch = placed((random.random(60) * 360).tolist(), random.integers(0, 3, 60).tolist())
    step = SemanticDedup(min_similarity=0.99, keep="best(semantic.distance)")
    ours = related(step, batch)
    assert related(step, batch, 5, on_spark) == ours
    assert 10 < len(ours[0]) < 60
