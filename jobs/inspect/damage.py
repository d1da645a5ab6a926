"""What `fsck` prints of a file: how much of it is intact, and a table of what is not."""

from __future__ import annotations

from collections.abc import Iterator

from stages.ingest.fsck import Report

SHOWN = 50
"""Rows of the table for one file; `--json` has them all."""


def lines(report: Report) -> Iterator[str]:
    """A line about the file, then the table, if it has rows."""
    count = f"{len(report.damage)} damaged" if report.damage else "no damage"
    yield f"{report.file}: {report.kind}, {report.records:,} intact, {count}"
    rows = [*report.damage, *({**f, "reason": f"{f['reason']} (nothing is lost)"} for f in report.flaws)]
    if rows:
        yield f"{'offset':>16} {'length':>14}  reason"
    for row in rows[:SHOWN]:
        offset, length = ("" if v is None else f"{v:,}" for v in (row["offset"], row["length"]))
        yield f"{offset:>16} {length:>14}  {row['reason']}"
    if len(rows) > SHOWN:
        yield f"{'':>16} {'':>14}  and {len(rows) - SHOWN:,} more"
