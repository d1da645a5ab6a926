"""What is fitted on Spark is what is fitted here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.spark.engine import SparkEngine
from pipeline import config
from pipeline.run import Runner
from tests.classifiers.fits import lines, recipe, run


@pytest.mark.spark
@pytest.mark.parametrize(
    ("use", "steps", "settings"),
    [
        ("bpe", [], {"vocab_size": 300, "sample_bytes": 3000, "heldout_frac": 0.2}),
        ("clusters", [{"use": "embed"}], {"n_clusters": 3, "n_documents": 40}),
    ],
)
def test_a_fit_gives_the_same_model(
    spark: SparkEngine, tmp_path: Path, use: str, steps: list[dict[str, str]], settings: dict[str, object]
) -> None:
    rows = [
        {"id": f"d{i}", "text": f"some words about number {i * i} and {i % 7} more " * 3} for i in range(60)
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = {"a": lines(tmp_path / "in.jsonl", split_bytes=3000) | {"steps": steps}}
    here = run(recipe(tmp_path / "here", source, use, **settings))
    there = recipe(tmp_path / "there", source, use, **settings)
    record = Runner(config.read(str(there)), spark, lambda *_: None).run()
    assert record.sections["fit"] == here
    assert len(list((tmp_path / "there" / "documents" / "a").iterdir())) > 2
