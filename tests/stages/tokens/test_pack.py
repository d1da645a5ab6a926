from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pipeline.errors import PlanError, RunError
from pipeline.schema import FILE, ID, OFFSET, TEXT, URL, conform
from stages.tokens.encoder import load
from stages.tokens.pack import CHUNKS, Pack, Strategy, _times_before
from stages.tokens.tokenize import TOKENS, Tokenize
from tests.stages.tokens.conftest import LITERALS, prose

SCHEMA = pa.schema([ID, URL, TEXT, FILE, OFFSET])
Rows = list[dict[str, Any]]


def documents(texts: list[str | None]) -> pa.RecordBatch:
    n = len(texts)
    columns = {
        "id": [f"doc-{i}" for i in range(n)],
        "url": [None if i % 4 == 1 else f"https://example.org/{i}" for i in range(n)],
        "text": texts,
        "file": ["crawl.warc.gz"] * n,
        "offset": [1000 * i for i in range(n)],
    }
    return pa.RecordBatch.from_pydict(columns, schema=SCHEMA)


def packed(batches: list[pa.RecordBatch], tokenizer: str | Path = "bytes", **settings: Any) -> Rows:
    tokenize, pack = Tokenize(tokenizer=str(tokenizer)), Pack(**settings)
    schema = pack.flow(tokenize.flow(SCHEMA))
    made = [conform(b, schema) for b in pack.stream(iter([tokenize.process(b) for b in batches]))]
    rows: Rows = pa.Table.from_batches(made, schema).to_pylist()
    return rows


def texts_of(rows: Rows, tokenizer: str | Path = "bytes") -> dict[str, bytes]:
    """Documents put together again from their chunks."""
    encoder = load(tokenizer)
    found: dict[str, list[tuple[int, bytes]]] = {}
    for row in rows:
        for chunk in row["chunks"]:
            ids = row["tokens"][chunk["start"] : chunk["start"] + chunk["n_tokens"]]
            assert ids[0] == encoder.end_of_text
            covered = encoder.decode(ids[1:])
            assert len(covered) == chunk["n_bytes"]
            found.setdefault(chunk["id"], []).append((chunk["first_token"], covered))
    return {id: b"".join(text for _, text in sorted(chunks)) for id, chunks in found.items()}


@pytest.mark.parametrize("strategy", ["best_fit", "concat"])
@given(texts=st.lists(st.none() | st.text(max_size=60), max_size=12))
def test_documents_can_be_put_together_again(strategy: Strategy, texts: list[str | None]) -> None:
    rows = packed([documents(texts)], sequence_length=16, strategy=strategy)
    want = {f"doc-{i}": t.encode() for i, t in enumerate(texts) if t}
    assert texts_of(rows) == want
    assert all(len(row["tokens"]) == 16 for row in rows)


@pytest.mark.parametrize("strategy", ["best_fit", "concat"])
def test_the_end_of_text_id_stands_where_chunks_begin_and_in_padding(
    bpe_json: Path, strategy: Strategy
) -> None:
    texts = [prose(i, 30) + LITERALS[i % 6] for i in range(40)]
    rows = packed([documents(list(texts))], bpe_json, sequence_length=64, strategy=strategy)
    end = load(bpe_json).end_of_text
    n = 0
    for row in rows:
        starts = [p["start"] for p in row["chunks"]]
        used = row["chunks"][-1]["start"] + row["chunks"][-1]["n_tokens"]
        assert [i for i, t in enumerate(row["tokens"]) if t == end] == [*starts, *range(used, 64)]
        n += len(starts)
    assert n >= 40
    assert texts_of(rows, bpe_json) == {f"doc-{i}": t.encode() for i, t in enumerate(texts)}


def test_chunks_carry_where_the_document_came_from() -> None:
    rows = packed([documents(["aa", "bbb", "x" * 20])], sequence_length=8)
    found = {(p["id"], p["first_token"]): p for row in rows for p in row["chunks"]}
    assert len(found) == 5
    assert found["doc-1", 0] | {"start": 0} == {
        "start": 0, "n_tokens": 4, "first_token": 0, "n_bytes": 3,
        "id": "doc-1", "url": None, "file": "crawl.warc.gz", "offset": 1000,
    }  # fmt: skip
    assert [found["doc-2", first]["n_bytes"] for first in (0, 7, 14)] == [7, 7, 6]


def test_bytes_of_cut_characters_add_up() -> None:
    rows = packed([documents(["数据" * 10])], sequence_length=8)
    sizes = [p["n_bytes"] for row in rows for p in row["chunks"]]
    assert sum(sizes) == 60
    assert any(size % 3 for size in sizes)


def test_output_does_not_depend_on_batches(bpe_json: Path) -> None:
    batch = documents([prose(i, 40) if i % 6 else None for i in range(50)])
    whole = packed([batch], bpe_json, sequence_length=128)
    assert len(whole) > 5
    for n in (1, 13, 49):
        assert packed([batch.slice(i, n) for i in range(0, 50, n)], bpe_json, sequence_length=128) == whole
    assert packed([batch.slice(0, 0), batch], bpe_json, sequence_length=128) == whole


def test_many_rows_leave_in_several_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = documents([prose(i, 10) for i in range(60)])
    whole = packed([batch], sequence_length=32)
    monkeypatch.setattr("stages.tokens.pack.BATCH_ROWS", 7)
    made = list(Pack(sequence_length=32).stream(iter([Tokenize(tokenizer="bytes").process(batch)])))
    assert {len(b) for b in made[:-1]} == {7}
    assert [row for b in made for row in b.to_pylist()] == whole


def test_seed_gives_another_order() -> None:
    batch = documents([prose(i, 10) for i in range(60)])
    assert packed([batch], sequence_length=64, seed=1) != packed([batch], sequence_length=64)
    assert packed([batch], sequence_length=64) == packed([batch], sequence_length=64)


def test_no_documents_and_no_text_give_no_sequences() -> None:
    assert packed([]) == packed([documents([])]) == packed([documents([None, "", None])]) == []


def test_tokens_from_elsewhere_need_a_tokenizer() -> None:
    made = Tokenize(tokenizer="bytes").process(documents(["aa", "b"]))
    bare = made.cast(pa.schema([f.remove_metadata() for f in made.schema]))
    with pytest.raises(PlanError, match="does not say which tokenizer"):
        Pack().flow(bare.schema)
    assert Pack(tokenizer="bytes").flow(bare.schema).names == ["tokens", "chunks"]
    (batch,) = Pack(tokenizer="bytes", sequence_length=8).stream(iter([bare]))
    assert len(batch) == 1


@pytest.mark.parametrize("id", [-1, 257])
def test_ids_that_are_not_the_tokenizers_are_refused(id: int) -> None:
    made = Tokenize(tokenizer="bytes").process(documents(["aa"]))
    wrong = made.set_column(made.schema.names.index("tokens"), TOKENS, pa.array([[97, id]], TOKENS.type))

    def batches() -> Iterator[pa.RecordBatch]:
        yield wrong

    with pytest.raises(RunError, match="tokens are not of"):
        list(Pack(tokenizer="bytes").stream(batches()))


def test_settings_and_columns_are_checked_before_anything_runs() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        TypeAdapter(Pack).validate_python({"sequence_length": 1})
    with pytest.raises(PlanError, match="cannot be read"):
        Pack(tokenizer="none.json").check()
    with pytest.raises(PlanError, match="'tokens', which no earlier step provides"):
        Pack().flow(SCHEMA)
    planned = Pack().flow(Tokenize(tokenizer="bytes").flow(SCHEMA))
    assert planned.names == ["tokens", "chunks"]
    assert planned.field("chunks").type == CHUNKS.type


@pytest.mark.parametrize("strategy", ["concat", "best_fit"])
def test_copies_of_one_document_are_apart(strategy: Any) -> None:
    """With one tie for all copies, most rows would show a document twice."""
    ids = pa.chunked_array([pa.array([f"d{i}" for i in range(400)] * 2)])
    step = Pack(sequence_length=64, strategy=strategy)
    layout = step._lay_out(np.full(800, 20, np.int32), ids)
    rows: dict[int, list[int]] = {}
    for row, document in zip(layout.row.tolist(), layout.document.tolist(), strict=True):
        rows.setdefault(row, []).append(document % 400)
    twice = sum(len(set(d)) < len(d) for d in rows.values())
    assert len(rows) > 200
    assert twice < 15


@given(st.lists(st.sampled_from("abc"), max_size=20))
def test_how_often_an_id_stood_before(ids: list[str]) -> None:
    found = _times_before(pa.chunked_array([pa.array(ids, pa.string())]))
    assert found.tolist() == [ids[:i].count(each) for i, each in enumerate(ids)]
