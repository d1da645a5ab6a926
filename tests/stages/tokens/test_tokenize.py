from __future__ import annotations

import pickle
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.errors import PlanError
from pipeline.schema import TEXT, conform
from stages.tokens.encoder import load
from stages.tokens.tokenize import N_TOKENS, TOKENS, Tokenize, encoder_of
from tests.stages.tokens.conftest import LITERALS, prose


def batch_of(*texts: str | None) -> pa.RecordBatch:
    columns = {"id": pa.array([str(i) for i in range(len(texts))]), "text": pa.array(texts, pa.string())}
    return pa.record_batch(columns)


def test_adds_tokens_and_their_number(bpe_json: Path) -> None:
    batch = batch_of("the river", None, "", *LITERALS)
    out = Tokenize(tokenizer=str(bpe_json)).process(batch)
    assert out.schema.names == ["id", "text", "tokens", "n_tokens"]
    assert out.select(["id", "text"]).equals(batch)
    tokens = out.column("tokens").to_pylist()
    assert tokens == load(bpe_json).encode(batch.column("text")).to_pylist()
    assert tokens[1:3] == [[], []]
    assert out.column("n_tokens").to_pylist() == [len(t) for t in tokens]
    assert (out.column("tokens").type, out.column("n_tokens").type) == (TOKENS.type, N_TOKENS.type)


def test_no_document_becomes_the_end_of_text(bpe_json: Path) -> None:
    out = Tokenize(tokenizer=str(bpe_json)).process(batch_of(*LITERALS * 50))
    ids = out.column("tokens").values.to_numpy()
    assert len(ids) > 1000
    assert (ids != load(bpe_json).end_of_text).all()


def test_bytes_need_no_file() -> None:
    out = Tokenize(tokenizer="bytes").process(batch_of("é<|endoftext|>"))
    assert out.column("tokens").to_pylist() == [list("é<|endoftext|>".encode())]


def test_output_does_not_depend_on_batches(bpe_json: Path) -> None:
    step = Tokenize(tokenizer=str(bpe_json))
    batch = batch_of(*(prose(i, 20) if i % 5 else None for i in range(30)))
    whole = pa.Table.from_batches([step.process(batch)])
    for n in (1, 7, 29):
        parts = [step.process(batch.slice(i, n)) for i in range(0, 30, n)]
        assert pa.Table.from_batches(parts).equals(whole)
    assert step.process(batch.slice(0, 0)).num_rows == 0


def test_columns_are_replaced_when_they_are_there(bpe_json: Path) -> None:
    once = Tokenize(tokenizer="bytes").process(batch_of("the river"))
    again = Tokenize(tokenizer=str(bpe_json)).process(once)
    assert again.schema.names == ["id", "text", "tokens", "n_tokens"]
    assert again.column("tokens").to_pylist()[0] != once.column("tokens").to_pylist()[0]


def test_the_column_says_what_made_it(bpe_json: Path) -> None:
    step = Tokenize(tokenizer=str(bpe_json))
    planned = step.flow(pa.schema([TEXT]))
    assert encoder_of(planned.field("tokens")) is step.encoder()
    made = step.process(batch_of("x")).schema.field("tokens")
    assert encoder_of(made) is step.encoder()
    conformed = conform(step.process(batch_of("x")), planned).schema.field("tokens")
    assert encoder_of(conformed) is step.encoder()
    with pytest.raises(PlanError, match="does not say which tokenizer"):
        encoder_of(TOKENS)


def test_check_finds_what_is_wrong_with_the_settings(bpe_json: Path, tmp_path: Path) -> None:
    Tokenize(tokenizer=str(bpe_json)).check()
    for wrong in (
        Tokenize(tokenizer=str(tmp_path / "none.json")),
        Tokenize(tokenizer=str(bpe_json), end_of_text="</s>"),
        Tokenize(tokenizer=str(bpe_json), pretokenizer="gpt2"),
    ):
        with pytest.raises(PlanError):
            wrong.check()


def test_step_travels(bpe_json: Path) -> None:
    step = Tokenize(tokenizer=str(bpe_json))
    step.check()
    assert pickle.loads(pickle.dumps(step)) == step


def test_the_stamp_is_of_what_the_file_holds(bpe_json: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.json"
    copy.write_bytes(bpe_json.read_bytes())
    stamp = Tokenize(tokenizer=str(copy)).stamp()
    assert stamp == Tokenize(tokenizer=str(bpe_json)).stamp()
    copy.write_text(copy.read_text().replace("}", "} ", 1))
    assert Tokenize(tokenizer=str(copy)).stamp() != stamp
