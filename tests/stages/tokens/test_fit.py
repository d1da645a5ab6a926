"""A tokenizer fitted to documents: its sample, its card, the same always, and settings that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from classifiers.card import CARD
from pipeline import config
from pipeline.errors import ConfigError, RunError
from pipeline.keyed import uniform
from pipeline.store import digest, read_json
from stages.tokens.encoder import load
from stages.tokens.fit import FitBpe
from tests.classifiers.fits import recipe, run
from tests.records import context
from tests.stages.tokens.conftest import prose, write_documents


@pytest.fixture
def source(tmp_path: Path) -> dict[str, Any]:
    for i in range(3):
        texts = [prose(100 * i + k, 40) for k in range(30)]
        write_documents(tmp_path / "in" / f"part-{i:05d}.parquet", texts, f"s{i}-")
    return {"use": "parquet", "with": {"paths": f"{tmp_path}/in/*.parquet"}}


def fitted(output: Path, source: dict[str, Any], **settings: Any) -> dict[str, Any]:
    given = {"vocab_size": 350, "sample_bytes": 9000, "heldout_frac": 0.1} | settings
    run(recipe(output, {"a": source}, "bpe", **given))
    card: dict[str, Any] = read_json(output / "model" / CARD)
    return card


def test_fit_writes_a_tokenizer_and_its_card(tmp_path: Path, source: dict[str, Any]) -> None:
    card = fitted(tmp_path / "out", source)
    encoder = load(tmp_path / "out" / "model" / "tokenizer.json")
    assert encoder.vocab_size == card["vocab_size"] == card["settings"]["vocab_size"] == 350
    assert 9000 <= card["trained_on"]["n_bytes"] < 9500
    assert card["files"] == {"tokenizer.json": encoder.sha256}
    assert card["end_of_text"] == {"token": "<|endoftext|>", "id": 0}
    measured = card["measured"]
    heldout = measured["heldout"]
    assert 0 < heldout["n_bytes"] < 1000
    assert measured["bytes_per_token"] == round(heldout["n_bytes"] / heldout["n_tokens"], 4) > 1.5
    assert card["summary"] == f"350 ids, {measured['bytes_per_token']} bytes per token of held-out text"


def test_what_is_held_out_is_measured_and_not_trained_on(tmp_path: Path) -> None:
    texts = [None, "", *(prose(i, 60) for i in range(80))]
    write_documents(tmp_path / "documents" / "a" / "part-00000.parquet", texts)
    fit = FitBpe(vocab_size=400, sample_bytes=10**6, heldout_frac=0.2)
    fit.execute(context(tmp_path))
    card = read_json(tmp_path / "model" / CARD)
    held = np.flatnonzero(uniform(pa.array([f"d{i}" for i in range(82)]), 0, "heldout") < 0.2)
    trained, heldout = card["trained_on"], card["measured"]["heldout"]
    assert trained["n_documents"] == 80 - sum(bool(texts[i]) for i in held)
    assert trained["n_bytes"] + heldout["n_bytes"] == sum(len((t or "").encode()) for t in texts)
    assert heldout["n_documents"] > 5


def test_shards_and_order_do_not_matter_and_another_seed_does(tmp_path: Path, source: dict[str, Any]) -> None:
    first = fitted(tmp_path / "one", source)
    texts = [(f"s{i}-{k}", prose(100 * i + k, 40)) for i in range(3) for k in range(30)][::-1]
    write_documents(tmp_path / "b.parquet", [text for _, text in texts])
    table = pa.table({"id": [id_ for id_, _ in texts], "text": [text for _, text in texts]})
    pa.parquet.write_table(table, tmp_path / "b.parquet")
    whole = {"use": "parquet", "with": {"paths": str(tmp_path / "b.parquet")}}
    assert fitted(tmp_path / "two", whole)["files"] == first["files"]
    assert fitted(tmp_path / "three", source, seed=4)["files"] != first["files"]


def test_nothing_held_out_is_unmeasured_and_no_text_is_an_error(tmp_path: Path) -> None:
    write_documents(tmp_path / "a" / "documents" / "a" / "part-00000.parquet", ["some text"])
    made = FitBpe(vocab_size=300, heldout_frac=0).execute(context(tmp_path / "a"))
    assert "unmeasured" in made["summary"]
    assert made["content_hash"] == digest(tmp_path / "a" / "model" / "tokenizer.json")
    write_documents(tmp_path / "b" / "documents" / "a" / "part-00000.parquet", [None, ""])
    with pytest.raises(RunError, match="no document to train a tokenizer on has text"):
        FitBpe().execute(context(tmp_path / "b"))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"vocab_sizes": 300}, "unknown setting; did you mean 'vocab_size'"),
        ({"vocab_size": 256}, "at least 257"),
        ({"vocab_size": 1 << 21}, "at most 1048576"),
        ({"vocab_size": "350"}, "valid integer"),
        ({"sample_bytes": 0}, "at least 1"),
        ({"heldout_frac": 1.0}, "under 1"),
    ],
)
def test_every_mistake_is_named_with_its_line(
    tmp_path: Path, source: dict[str, Any], settings: dict[str, Any], says: str
) -> None:
    path = recipe(tmp_path / "out", {"a": source}, "bpe", **settings)
    with pytest.raises(ConfigError, match=says) as caught:
        config.read(str(path))
    (line,) = [i for i, text in enumerate(path.read_text().splitlines(), 1) if next(iter(settings)) in text]
    assert [problem.line for problem in caught.value.problems] == [line]
