"""A finished run's record and what a section is given, for tests that make documents by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.engine import Engine
from pipeline.inline import InlineEngine
from pipeline.record import Record
from pipeline.section import Context


def record(
    documents: Mapping[str, Sequence[str]], *, content_hash: str = "abc", name: str = "r", **fields: Any
) -> Record:
    """A record of documents (source -> folders of shards, relative to the run)."""
    given: dict[str, Any] = {
        "recipe": "r.yaml",
        "began": "2026-01-01T00:00:00Z",
        "dropped": {source: [] for source in documents},
        "rows": dict.fromkeys(documents, 0),
        "steps": [],
        "settings": {source: [] for source in documents},
    }
    folders = {source: list(folders) for source, folders in documents.items()}
    return Record(name=name, documents=folders, content_hash=content_hash, **(given | fields))


def context(output: Path, made: Record | None = None, engine: Engine | None = None) -> Context:
    """What a section is given. Without a record, the folders in `<output>/documents` are the sources."""
    if made is None:
        folders = sorted(p.name for p in (output / "documents").iterdir())
        made = record({name: [f"documents/{name}"] for name in folders})
    return Context(
        output=output,
        record=made,
        engine=engine or InlineEngine(1, {}),
        progress=lambda label, done, total: None,
    )
