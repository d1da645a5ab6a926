"""What is found in each third-party file, as a table whose every line was looked at by hand."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from stages.ingest.framing import Damage
from stages.ingest.records import container, records
from stages.ingest.window import Window

GOLDEN = Path(__file__).parent / "golden" / "damage.csv"
FOLDERS = ("commoncrawl", "malformed", "odd")
COLUMNS = ("file", "container", "records", "offset", "length", "inner", "reason")


def rows_of(path: Path, name: str) -> list[tuple[object, ...]]:
    """One row for the file, then one for each damage or flaw."""
    with path.open("rb") as file:
        window = Window(file, path.stat().st_size)
        items = list(records(window))
        kind = container(window)
    found = [
        (name, kind, "", i.offset, i.length, i.inner, i.reason if isinstance(i, Damage) else f"({i.flaw})")
        for i in items
        if isinstance(i, Damage) or i.flaw
    ]
    n_records = sum(not isinstance(i, Damage) for i in items)
    return [(name, kind, n_records, "", "", "", ""), *found]


@pytest.mark.data
def test_third_party_files(shared_data: Path, update_golden: bool) -> None:
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    n_files = 0
    for folder in FOLDERS:
        for path in sorted((shared_data / "warc" / folder).iterdir()):
            table.writerows(rows_of(path, f"{folder}/{path.name}"))
            n_files += 1
    if update_golden:
        GOLDEN.write_text(out.getvalue(), encoding="utf-8")
    assert out.getvalue() == GOLDEN.read_text(encoding="utf-8")
    assert n_files > 100
