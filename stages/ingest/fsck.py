"""What is damaged in WARC, WET, JSON lines and Parquet files and in token parts, by byte range."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.store import digest, read_json
from stages.ingest.framing import Damage, Record
from stages.ingest.jsonl import parse_object
from stages.ingest.lines import lines
from stages.ingest.paths import byte_splits, open_file, size_and_stamp
from stages.ingest.records import MAX_RECORD_BYTES, container, records
from stages.ingest.window import Window


@dataclass
class Report:
    """What one file holds, and what of it is damaged."""

    file: str
    kind: str
    """plain, gzip, zstd, bzip2 (WARC and WET), arc, gzip arc …, lz4 … (not read), jsonl, parquet, tokens"""
    records: int = 0
    """Intact records, lines, rows or tokens."""
    damage: list[dict[str, Any]] = field(default_factory=list)
    """offset, length, reason; null where the file does not say."""
    flaws: list[dict[str, Any]] = field(default_factory=list)
    """The same for what is against the format, though nothing is lost."""

    def add(self, offset: int | None, length: int | None, reason: str) -> None:
        """Add damage."""
        self.damage.append({"offset": offset, "length": length, "reason": reason})


def examine(path: str) -> Report:
    """Read all of a file."""
    if path.endswith(".bin"):
        return _tokens(path)
    stem = path.removesuffix(".gz").removesuffix(".zst")
    if stem.endswith((".jsonl", ".json", ".ndjson")):
        return _jsonl(path)
    with open_file(path) as file:
        if path.endswith(".parquet") or file.read(4) == b"PAR1":
            return _parquet(path, file)
        return _warc(path, file)


def _warc(path: str, file: BinaryIO) -> Report:
    window = Window(file, size_and_stamp(path)[0])
    report = Report(path, container(window))
    for item in records(window):
        if isinstance(item, Damage) and item.reason != "too_large":
            report.add(item.offset, item.length, item.reason)
            continue
        report.records += 1
        if isinstance(item, Record) and item.flaw:
            report.flaws.append({"offset": item.offset, "length": item.length, "reason": item.flaw})
    return report


def _jsonl(path: str) -> Report:
    report = Report(path, "jsonl")
    (split,) = byte_splits([path], 1 << 62)
    for offset, length, line in lines(split, MAX_RECORD_BYTES):
        value = parse_object(line) if isinstance(line, bytes) else line
        if value == "too_large":
            report.flaws.append({"offset": offset, "length": length, "reason": "too_large to look into"})
        elif isinstance(value, str):
            report.add(offset, length, value)
        else:
            report.records += 1
    return report


def _parquet(path: str, file: BinaryIO) -> Report:
    report = Report(path, "parquet")
    try:
        table = pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        report.add(None, None, f"footer: {_first_line(error)}")
        return report
    for number in range(table.num_row_groups):
        group = table.metadata.row_group(number)
        chunks = [group.column(c) for c in range(group.num_columns)]
        start = min(c.dictionary_page_offset or c.data_page_offset for c in chunks)
        try:
            for batch in table.iter_batches(1024, row_groups=[number]):
                batch.validate(full=True)
                report.records += len(batch)
        except (pa.ArrowException, OSError) as error:
            length = sum(c.total_compressed_size for c in chunks)
            report.add(start, length, f"row group {number}: {_first_line(error)}")
    account = _account(path)
    if "rows" in account:
        _compare(report, account["rows"], table.metadata.num_rows, "rows")
        _compare(report, account["sha256"], digest(path), "sha256")
    return report


def _tokens(path: str) -> Report:
    report = Report(path, "tokens")
    account = _account(path)
    if "sha256" not in account:
        report.add(None, None, "no account beside it: the part was not finished")
        return report
    size = Path(path).stat().st_size
    manifest = next((p / "tokens.json" for p in Path(path).parents[:3] if (p / "tokens.json").exists()), None)
    if manifest is not None:
        tokens = read_json(manifest)
        width = int(tokens["dtype"].removeprefix("uint")) // 8
        report.records = size // width
        _compare(report, account["n_sequences"] * tokens["sequence_length"] * width, size, "bytes")
    _compare(report, account["sha256"], digest(path), "sha256")
    return report


def _account(path: str) -> dict[str, Any]:
    """What the task that wrote the file says of it; {} if it left nothing."""
    beside = Path(path).with_suffix(".json")
    account: dict[str, Any] = read_json(beside) if beside.exists() else {}
    return account


def _compare(report: Report, expected: object, actual: object, name: str) -> None:
    if expected != actual:
        report.add(None, None, f"{name}: {actual}, and its account says {expected}")


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0][:200]
