"""One document's whole story, from the ledger: where it was read, what was measured, why it went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb

from pipeline.shards import read_json

HEAVY = ("text", "html", "tokens")
"""Columns too large to print; their first characters are shown."""


def folders(run: Path, record: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """(source, folder) of every folder of documents, kept and dropped, in the order of the flow."""
    for source, dropped in _by_source(record, "dropped").items():
        for folder in dropped:
            yield source, run / folder
    for source, kept in _by_source(record, "documents").items():
        yield source, run / kept


def _by_source(record: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = record[key]
    return value if isinstance(value, dict) else {record["name"]: value}


def find(run: Path, record: Mapping[str, Any], wanted: str) -> list[dict[str, Any]]:
    """All documents whose id or URL is `wanted`, dropped ones first, each with `shard`."""
    found = []
    for source, folder in folders(run, record):
        if not any(folder.glob("part-*.parquet")):
            continue
        query = "SELECT *, filename AS shard FROM read_parquet(?) WHERE id = ? OR url = ?"
        result = duckdb.execute(query, [str(folder / "part-*.parquet"), wanted, wanted])
        names = [d[0] for d in result.description]
        for row in result.fetchall():
            shard = str(Path(row[-1]).relative_to(run.absolute())) if Path(row[-1]).is_absolute() else row[-1]
            found.append(dict(zip(names, row, strict=True)) | {"shard": shard, "source": source})
    return found


def story(document: Mapping[str, Any], run: Path) -> Iterator[tuple[str, str]]:
    """(what, how) lines about one found document."""
    length = document["length"] if document["length"] is not None else "?"
    yield "read from", f"{document['file']}, byte {document['offset']}, {length} bytes"
    manifest = (run / document["shard"]).parent
    manifest = manifest.parent if manifest.name == "dropped" else manifest
    steps = read_json(manifest / "manifest.json")["steps"]
    by = document.get("dropped_by")
    yield "went through", " → ".join(steps[: steps.index(by) + 1] if by in steps else steps)
    for name, value in document.items():
        if name in HEAVY:
            shown = "" if value is None else f"{str(value)[:200]!r}"
            yield name, f"{shown} ({len(value):,} long)" if value is not None else "none"
        elif isinstance(value, dict):
            for field, inner in value.items():
                yield f"{name}.{field}", f"{inner:.4g}" if isinstance(inner, float) else str(inner)
        elif value is not None and name not in ("file", "offset", "length", "reasons", "dropped_by", "shard"):
            yield name, str(value)
    if by:
        yield "dropped by", f"{by}: {', '.join(document['reasons'])}"
    else:
        yield "kept", document["shard"]
