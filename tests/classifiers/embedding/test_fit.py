"""Static vectors fitted by a recipe: files, cards, the same always, and settings that cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from classifiers.embedding.fit import FitStaticEmbeddings
from classifiers.embedding.learn import COUNTS, Counts
from pipeline import config
from pipeline.errors import ConfigError, PlanError, RunError
from pipeline.store import read_json
from stages.identify.embed import Embed
from tests.classifiers.embedding.tiny import WORDS
from tests.classifiers.fits import lines, recipe, run

SIZES = {"n_words": 20, "n_dimensions": 6, "n_signs": 64}


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    words = [w for w in WORDS if w.isalpha()] + [a + b for a in "abcde" for b in "fghij"]
    texts = [" ".join(words), " ".join(words) + " the the"]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return tmp_path / "in.jsonl"


def test_static_vectors_from_an_encoder(tmp_path: Path, documents: Path, encoder_folder: Path) -> None:
    made = run(
        recipe(
            tmp_path / "out",
            {"a": lines(documents)},
            "static_embeddings",
            encoder=str(encoder_folder),
            **SIZES,
        )
    )
    assert made["summary"].startswith("20 of 35 words; they are ")
    card = read_json(tmp_path / "out" / "model" / "card.json")
    assert (card["n_documents"], card["n_distinct_words"]) == (2, 35)
    assert 0.5 < card["measured"]["share_known"] < 1
    step = Embed(model=str(tmp_path / "out" / "model"))
    step.check()
    (code,) = step.process(pa.record_batch({"text": ["the cat"]}))["embedding"].to_pylist()
    assert len(code) == 70
    # In shards of one document each: plain files are cut at line ends.
    source = lines(documents, split_bytes=10)
    parts = recipe(
        tmp_path / "parts", {"a": source}, "static_embeddings", encoder=str(encoder_folder), **SIZES
    )
    assert run(parts)["content_hash"] == made["content_hash"]
    assert len(list((tmp_path / "parts" / "documents" / "a").iterdir())) > 1


def test_too_few_words(tmp_path: Path, documents: Path, encoder_folder: Path) -> None:
    path = recipe(
        tmp_path / "out", {"a": lines(documents)}, "static_embeddings",
        encoder=str(encoder_folder), n_words=36, n_dimensions=6,
    )  # fmt: skip
    with pytest.raises(RunError, match="have 35 words, the encoder 32 dimensions"):
        run(path)


def test_counts_add_up_in_any_order() -> None:
    texts = [pa.array(["The cat, the dog"]), pa.array(["A CAT", "the end"])]
    parts = []
    for text in texts:
        counts = Counts()
        counts.add(text)
        assert counts.table().schema == COUNTS
        parts.append(counts)
    merged = []
    for order in (parts, parts[::-1]):
        counts = Counts()
        for part in order:
            for batch in part.table().to_batches():
                counts.merge(batch)
        merged.append((counts.most_common(9), counts.total, counts.share(2)))
    assert merged[0] == merged[1]
    assert {word: n for _, word, n in merged[0][0]} == {"the": 3, "cat": 2, "dog": 1, "a": 1, "end": 1}
    assert merged[0][1] == 8
    assert np.isclose(merged[0][2], 5 / 8)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_signs": 63}, "n_signs: must be a multiple of 64"),
        ({"n_dimensions": 2000}, "n_dimensions: must be at most 1040"),
        ({"n_dimensions": 1000}, "together at most 1040"),
        ({"n_words": 128}, "more than n_dimensions"),
        ({"common": 0.0}, "common: must be over 0"),
        ({"encoder": "static"}, "has vectors of words already"),
    ],
)
def test_static_vectors_that_cannot_be(
    tmp_path: Path, documents: Path, encoder_folder: Path, settings: dict[str, object], message: str
) -> None:
    given = {"encoder": str(encoder_folder)} | settings
    with pytest.raises(ConfigError, match=message):
        config.read(str(recipe(tmp_path / "out", {"a": lines(documents)}, "static_embeddings", **given)))


def test_another_encoder_is_another_fit(encoder_folder: Path) -> None:
    assert len(FitStaticEmbeddings(encoder=str(encoder_folder)).stamp()) == 64
    with pytest.raises(PlanError, match="is none of"):
        FitStaticEmbeddings(encoder="nowhere").stamp()
