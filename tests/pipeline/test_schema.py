"""The document columns, and the one way batches are fitted to declared columns."""

from __future__ import annotations

import pyarrow as pa

from pipeline.schema import HTML, ID, N_BYTES, TEXT, column, conform, document_schema, sized, written


def test_conform_goes_by_name_and_fills_with_null() -> None:
    batch = pa.RecordBatch.from_pydict({"text": ["a"], "extra": [1], "id": ["x"]})
    out = conform(batch, pa.schema([ID, TEXT, ("score", pa.float32())]))
    assert out.to_pylist() == [{"id": "x", "text": "a", "score": None}]


def test_conform_casts_to_the_declared_type() -> None:
    batch = pa.RecordBatch.from_pydict({"text": pa.array(["a"], pa.large_string())})
    assert conform(batch, pa.schema([TEXT])).schema.field("text").type == pa.string()


def test_conform_keeps_no_rows_as_no_rows() -> None:
    assert len(conform(pa.RecordBatch.from_pydict({"text": pa.array([], pa.string())}), pa.schema([ID]))) == 0


def test_every_source_provides_the_same_columns() -> None:
    common = ["id", "url", "source", "date", "file", "offset", "length"]
    for body in (TEXT, HTML):
        names = document_schema(body, pa.field("more", pa.int8())).names
        assert [n for n in names if n not in (body.name, "more")] == common
        assert names[-1] == "more"


def test_size_is_of_utf8_and_null_where_there_is_no_text() -> None:
    batch = pa.RecordBatch.from_pydict({"text": ["a", "河", "", None]})
    assert sized(batch)["n_bytes"].to_pylist() == [1, 3, 0, None]
    assert sized(pa.RecordBatch.from_pydict({"html": ["<p>"]}))["n_bytes"].to_pylist() == [None]
    assert sized(batch).schema.field("n_bytes").type == pa.int64()


def test_a_size_from_before_is_measured_anew() -> None:
    batch = pa.RecordBatch.from_pydict({"n_bytes": [7], "text": ["abc"]})
    assert sized(batch).to_pylist() == [{"text": "abc", "n_bytes": 3}]


def test_what_is_written_ends_with_the_size_once() -> None:
    assert written(pa.schema([ID, TEXT])).names == ["id", "text", "n_bytes"]
    assert written(pa.schema([N_BYTES, ID])).names == ["id", "n_bytes"]


def test_what_is_said_of_a_column_is_not_written() -> None:
    def described(words: str) -> pa.Schema:
        inner = [column("score", pa.float32(), words, words), column("tags", pa.list_(pa.string()), words)]
        return pa.schema([ID, column("s", pa.struct(inner), words), column("n", pa.int64(), words, words)])

    first, second = written(described("one")), written(described("another"))
    assert first.equals(second, check_metadata=True)
    made_by = pa.schema([pa.field("e", pa.binary(), metadata={"made_by": "m", "meaning": "of the text"})])
    assert written(made_by).field("e").metadata == {b"made_by": b"m"}
    batch = pa.RecordBatch.from_pydict(
        {"id": ["a"], "s": [{"score": 0.5, "tags": ["x"]}], "n": [1]}, schema=described("one")
    )
    assert conform(sized(batch), first).to_pylist() == [batch.to_pylist()[0] | {"n_bytes": None}]
