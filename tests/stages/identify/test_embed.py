"""The stage: nulls, columns, fingerprints."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from classifiers.embedding.codes import EMBEDDING
from pipeline import config
from pipeline.errors import ConfigError, PlanError
from pipeline.schema import ID, TEXT, conform
from stages.identify.embed import Embed

GIVEN = pa.schema([ID, TEXT])


def batch(texts: list[str | None]) -> pa.RecordBatch:
    ids = [f"id{i}" for i in range(len(texts))]
    return pa.RecordBatch.from_arrays([pa.array(ids), pa.array(texts, pa.string())], schema=GIVEN)


@pytest.mark.parametrize("model", ["static", "words"])
def test_one_byte_a_dimension_or_null(model: str) -> None:
    step = Embed(model=model)
    step.check()
    out = step.process(batch(["A few words.", None, "", " \t", "…!", "Другие слова", "文字"]))
    assert out.schema.names == ["id", "text", "embedding"]
    lengths = [len(v) if v else None for v in out.column("embedding").to_pylist()]
    assert lengths == [256, None, None, None, None, 256, 256]
    conform(out, step.flow(GIVEN)).validate(full=True)


def test_no_rows_and_a_column_that_is_there() -> None:
    step = Embed()
    out = step.process(batch([]))
    assert out.schema.field("embedding").type == EMBEDDING.type
    assert len(out) == 0
    other = step.process(batch(["one text"])).set_column(1, TEXT, pa.array(["another text"]))
    assert step.process(other).equals(step.process(other.drop_columns(["embedding"])))


def test_fingerprints_tell_models_apart(encoder_folder: Path) -> None:
    stamps = {Embed(model=model).stamp() for model in ("static", "words", str(encoder_folder))}
    assert len(stamps) == 3


def test_an_encoder_reads_as_far_as_it_is_told(encoder_folder: Path) -> None:
    texts = batch(["the cat sat on the mat", "the cat sat on a house"])
    far, near = (Embed(model=str(encoder_folder), max_tokens=n).process(texts)["embedding"] for n in (40, 6))
    assert far[0] != far[1]
    assert near[0] == near[1]


def test_settings_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="'nowhere' is none of"):
        Embed(model="nowhere").check()
    (tmp_path / "r.yaml").write_text("source: {}\nsteps: [{use: embed, with: {max_tokens: 2}}]\n")
    with pytest.raises(ConfigError, match="max_tokens: must be at least 3, not 2"):
        config.read(str(tmp_path / "r.yaml"))
