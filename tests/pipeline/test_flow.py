"""Batches of a source, with reasons and without: what is admitted, and what is dropped at the door."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from pipeline.flow import admit
from pipeline.ledger import Ledger
from pipeline.schema import REASONS, TEXT, column
from pipeline.stage import Source, Split
from pipeline.steps import Named

TAGS = column("tags", pa.list_(pa.string()), "what others have said of the document")
SCHEMA = pa.schema([TEXT, TAGS])
ROWS = {"text": ["a", "b", "c"], "tags": [["x"], [], None], "reasons": [None, ["damaged", "short"], []]}


class Given(Source):
    """Three rows, with columns of these names."""

    names: tuple[str, ...] = ()

    def makes(self) -> pa.Schema:
        return SCHEMA

    def splits(self) -> list[Split]:
        return []

    def read(self, split: Split) -> Iterator[pa.RecordBatch]:
        fields = {f.name: f for f in (TEXT, TAGS, REASONS)}
        yield pa.RecordBatch.from_pydict(
            {name: ROWS[name] for name in self.names}, schema=pa.schema([fields[name] for name in self.names])
        )


@pytest.mark.parametrize(
    ("names", "kept"),
    [(("text", "tags"), "abc"), (("reasons", "text", "tags"), "ac"), (("text", "reasons", "tags"), "ac")],
)
def test_reasons_are_read_by_name_and_none_are_needed(names: tuple[str, ...], kept: str) -> None:
    ledger, step = Ledger(), Given()
    step.names = names
    split: Any = None
    admitted = list(admit(Named(name="given", use="given", step=step), split, SCHEMA, ledger))
    assert [batch.schema for batch in admitted] == [SCHEMA]
    assert admitted[0].column("text").to_pylist() == list(kept)
    assert (ledger.rows_in["given"], ledger.kept["given"]) == (3, len(kept))
    dropped = [row for batch in ledger.dropped.batches("given") for row in batch.to_pylist()]
    assert [(r["text"], r["reasons"]) for r in dropped] == [("b", ["damaged", "short"])][: 3 - len(kept)]
