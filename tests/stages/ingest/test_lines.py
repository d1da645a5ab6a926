from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from pipeline.stage import Split
from stages.ingest.chain import Gap
from stages.ingest.jsonl import Jsonl
from stages.ingest.lines import END, Line, _lines, lines
from tests.stages.ingest.test_jsonl import write

MIB = 1 << 20


def read(chunks: Iterable[bytes | Gap], start: int = 0, stop: int = END, limit: int = 1 << 40) -> list[Line]:
    return list(_lines(chunks, start, stop, limit))


def test_a_line_in_very_many_chunks_is_read_in_linear_time() -> None:
    chunks = [b"first\n", *[b"x" * 1000] * 40_000, b"\nlast\n"]
    start = time.process_time()
    first, long, last = read(chunks)
    assert time.process_time() - start < 5, "it takes 0.02 s; joining it anew for each chunk took minutes"
    assert (first[2], last[2]) == (b"first", b"last")
    assert (long[0], long[1], len(long[2])) == (6, 40_000_001, 40_000_000)


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_a_long_line_takes_three_times_its_size_at_most(tmp_path: Path, suffix: str) -> None:
    data = b'{"text":"first"}\n{"text":"' + b"ab cd " * (6 * MIB) + b'"}\n{"text":"last"}\n'
    step = Jsonl(
        paths=write(tmp_path / f"a.jsonl{suffix}", data), max_record_bytes=MIB << 10, split_bytes=1 << 40
    )
    (split,) = step.splits()
    n_bytes = len(data)
    del data

    def held(rows: Iterator[object]) -> float:
        """Bytes that were held at most, in lines."""
        tracemalloc.start()
        n_rows = sum(1 for _ in rows)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert n_rows > 0
        return peak / n_bytes

    assert held(lines(split, MIB << 10)) < 2.3
    assert held(step.read(split)) < 3.3


def test_a_line_too_long_is_let_go() -> None:
    tracemalloc.start()
    found = list(_lines([b"a\n", *[b"x" * MIB] * 200, b"\nb\n"], 0, END, MIB))
    assert tracemalloc.get_traced_memory()[1] < 10 * MIB
    tracemalloc.stop()
    assert found == [(0, 2, b"a"), (2, 200 * MIB + 1, "too_large"), (200 * MIB + 3, 2, b"b")]


def test_gaps() -> None:
    assert read([b"a\nb", Gap("crc", 10), b"c\nd\n"]) == [
        (0, 2, b"a"),
        (2, None, "damaged:crc"),
        (12, 2, b"d"),
    ]
    assert read([b"a\n", Gap("crc", 10), Gap("crc", 20), b"c\nd"]) == [
        (0, 2, b"a"),
        (2, None, "damaged:crc"),
        (22, 1, b"d"),
    ]
    assert read([b"a\nb", Gap("truncated", None)])[-1] == (2, None, "damaged:truncated")
    assert read([b"a\nb", Gap("crc", 10), b"c\nd\n"], stop=11) == [(0, 2, b"a"), (2, None, "damaged:crc")]
    assert read([b"b", Gap("crc", 10), b"c\nd\n"], start=3) == [(12, 2, b"d")], "the part before says it"
    assert read([b"xxxx", Gap("crc", 10), b"c\nd\n"], limit=3) == [(0, None, "damaged:crc"), (12, 2, b"d")]


def test_plain_files_of_any_ending_are_read_as_lines(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"a\n\nb")
    split = Split(path=str(path), start=0, stop=4, size=4)
    assert list(lines(split, 10)) == [(0, 2, b"a"), (3, 1, b"b")]
