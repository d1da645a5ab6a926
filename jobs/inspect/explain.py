"""One document's whole story: where it was read, what was measured, why it went, and where its tokens are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from jobs.inspect.documents import Shard, find_rows, made, shards
from jobs.inspect.margins import margins
from jobs.inspect.report import number
from pipeline.errors import PipelineError
from pipeline.record import Record

HEAVY = ("text", "html", "tokens")
"""Columns too large to print; their first characters are shown."""
TOLD = ("id", "source", "file", "offset", "length", "n_bytes", "reasons", "dropped_by", "shard", "row")
"""What the story tells in words of its own."""
LISTED = 10
"""Most documents that one stands for, and most times that a sequence is seen, that are listed."""


def find(run: Path, record: Record, wanted: str) -> list[dict[str, Any]]:
    """All documents whose id or URL is `wanted`, dropped first, each with `source`, `shard` and `row`."""
    matches = []
    for shard in shards(run, record):
        if rows_here := find_rows(shard, wanted):
            place = {"source": shard.source, "shard": str(shard.path.relative_to(run))}
            rows = zip(shard.rows(rows_here), rows_here, strict=True)
            matches += [document | place | {"row": row} for document, row in rows]
    return matches


def story(document: Mapping[str, Any], run: Path, record: Record) -> Iterator[tuple[str, str]]:
    """(what, how) lines about one found document."""
    length = document["length"] if document["length"] is not None else "?"
    yield "read from", f"{document['file']}, byte {document['offset']}, {length} bytes"
    steps = _passed(document, record)
    by = document.get("dropped_by")
    yield "went through", " → ".join(steps)
    yield from _columns(document)
    yield from _rules(document, record, steps)
    yield from _copies(document, run, record)
    if by:
        yield "dropped by", f"{by}: {', '.join(document['reasons'])}"
    else:
        yield "kept", document["shard"]
        yield from _training(document, run, record)


def _passed(document: Mapping[str, Any], record: Record) -> list[str]:
    """Names of the steps that the document came to: all, or those up to the one that dropped it."""
    steps = [step.name for step in record.settings[document["source"]]]
    by = document.get("dropped_by")
    return steps[: steps.index(by) + 1] if by in steps else steps


def _columns(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        if value is None:
            continue  # a step that it did not come to would have made it
        if name in HEAVY:
            yield name, f"{str(value)[:200]!r} ({len(value):,} long)"
        elif isinstance(value, dict):
            for field, inner in value.items():
                yield f"{name}.{field}", number(inner)
        elif name not in TOLD:
            yield name, str(value)


def _rules(document: Mapping[str, Any], record: Record, passed: list[str]) -> Iterator[tuple[str, str]]:
    """Each rule that judged it, with its margin."""
    for given in record.settings[document["source"]][: len(passed)]:
        if given.kind != "Filter":
            continue
        try:
            step = made(given.use, given.settings)
        except PipelineError as error:  # a stage of a package that is gone, a file that has moved
            yield given.name, f"cannot be asked again: {error}"
            continue
        for margin in margins(step, document):
            yield given.name, ("FAILED " if margin.failed else "passed ") + str(margin)


def _copies(document: Mapping[str, Any], run: Path, record: Record) -> Iterator[tuple[str, str]]:
    """Which document it was dropped for, and what became of that; or which were dropped for it."""
    for name, value in document.items():
        if not isinstance(value, dict) or "duplicate_of" not in value:
            continue
        if kept := value["duplicate_of"]:
            others = find(run, record, kept)
            for other in others:
                by = other.get("dropped_by")
                outcome = f"itself dropped by {by}: {', '.join(other['reasons'])}" if by else "kept"
                yield name, f"copy of {kept}, {other.get('url') or 'no url'}, {other['shard']}, {outcome}"
            if not others:
                yield name, f"copy of {kept}, which is not among the documents of this run"
        elif not document.get("dropped_by"):
            ids = [
                i for shard in shards(run, record) if not shard.kept for i in _replaced(shard, name, document)
            ]
            more = f" and {len(ids) - LISTED:,} more" if len(ids) > LISTED else ""
            yield "stands for", ", ".join(ids[:LISTED]) + more


def _replaced(shard: Shard, column: str, document: Mapping[str, Any]) -> list[str]:
    if column not in shard.columns():
        return []
    table = shard.read(["id", f"{column}.duplicate_of"])
    kept = pc.struct_field(table[column], "duplicate_of")
    ids: list[str] = table.filter(pc.equal(kept, document["id"]))["id"].to_pylist()
    return ids


def _training(document: Mapping[str, Any], run: Path, record: Record) -> Iterator[tuple[str, str]]:
    """The sequences its tokens went to, and when a schedule shows them."""
    if "tokens" not in record.sections:
        return
    # Here, because tokenizers take half a second to import, and most questions are not about tokens.
    from jobs.inspect.training import chunks, seen

    for chunk in chunks(run, record, document):
        end = chunk["first_token"] + chunk["n_tokens"] - 1
        yield (
            "tokens",
            f"{chunk['first_token']:,} to {end:,} in sequence {chunk['number']:,} of {document['source']} "
            f"({chunk['part']}, row {chunk['sequence']}, from position {chunk['start']})",
        )
        times = seen(run, record, document["source"], chunk["number"]) if not chunk["held_out"] else None
        if times is not None:
            more = f" and {len(times) - LISTED} more" if len(times) > LISTED else ""
            yield "seen as", (", ".join(f"{t:,}" for t in times[:LISTED]) or "never in this mixture") + more
        elif chunk["held_out"]:
            yield "seen as", "never: it is held out"
