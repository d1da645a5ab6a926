from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.schema import REASONS, TEXT, document_schema
from pipeline.shards import BATCH_BYTES, BATCH_ROWS
from stages.ingest.batches import Row, batches, location_id, valid_text

SCHEMA = document_schema(TEXT)


def test_columns_and_reasons() -> None:
    rows: list[Row] = [
        {"id": "a", "text": "x", "offset": 3},
        {"id": "b", "reasons": ["empty", "http_status:404"]},
    ]
    (batch,) = batches(rows, SCHEMA)
    assert batch.schema == SCHEMA.append(REASONS)
    assert batch.column("reasons").to_pylist() == [None, ["empty", "http_status:404"]]
    assert batch.column("text").to_pylist() == ["x", None]
    assert list(batches([], SCHEMA)) == []


def test_batches_are_cut_by_rows_and_by_bytes() -> None:
    made = list(batches(({"id": str(i)} for i in range(2 * BATCH_ROWS + 1)), SCHEMA))
    assert [len(b) for b in made] == [BATCH_ROWS, BATCH_ROWS, 1]
    assert made[1].column("id")[0].as_py() == str(BATCH_ROWS)
    text = "ж" * (BATCH_BYTES // 8)
    made = list(batches(({"id": str(i), "text": text} for i in range(10)), SCHEMA))
    assert max(b.column("text").nbytes for b in made) <= BATCH_BYTES + 3 * len(text)
    assert [i for b in made for i in b.column("id").to_pylist()] == [str(i) for i in range(10)]


def test_location_ids_differ() -> None:
    ids = {
        location_id(file, offset, *more)
        for file in "ab"
        for offset in (0, 1, 12)
        for more in ((), (0,), (5,))
    }
    assert len(ids) == 18
    assert location_id("a", 1) == location_id("a", 1)
    assert all(len(i) == 16 for i in ids)


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_any_string_becomes_one_that_arrow_holds(text: str) -> None:
    made = valid_text(text)
    pa.array([made], pa.string()).validate(full=True)
    assert "\0" not in made
    if "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text):
        assert made == text


def test_surrogates_that_make_a_pair_are_joined() -> None:
    assert valid_text("\ud83d\ude42") == "🙂"
    assert valid_text("a\ud83db\0") == "a\ufffdb\ufffd"
