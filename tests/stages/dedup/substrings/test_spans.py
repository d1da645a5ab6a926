"""Ranges joined to spans, and text without them, against sets of bytes and characters."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.dedup.substrings.spans import JOINED, cut, join

Range = tuple[int, int, int]

RANGES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20), st.integers(0, 6)), max_size=20)
"""(document, start, length)"""


def batch(ranges: list[Range], size: int = 40) -> pa.RecordBatch:
    rows = sorted((doc, start, start + length) for doc, start, length in ranges)
    columns = [[r[i] for r in rows] for i in range(3)]
    arrays = [*(pa.array(c, pa.int64()) for c in columns), pa.array([size] * len(rows), pa.int64())]
    return pa.RecordBatch.from_arrays(arrays, ["doc", "start", "stop", "size"])


@given(RANGES)
def test_spans_cover_the_bytes_of_their_ranges_and_lie_apart(ranges: list[Range]) -> None:
    ranges = [(doc, start, length + 1) for doc, start, length in ranges]
    out = [row for b in join(iter([batch(ranges)])) for row in b.to_pylist()]
    assert [row["doc"] for row in out] == sorted({doc for doc, _, _ in ranges})
    for row in out:
        substring = row["substring"]
        covered = {i for doc, start, n in ranges if doc == row["doc"] for i in range(start, start + n)}
        edges = [(s["start"], s["stop"]) for s in substring["spans"]]
        assert {i for a, b in edges for i in range(a, b)} == covered
        assert all(b < c for (_, b), (c, _) in pairwise(edges))
        assert (substring["n_spans"], substring["n_bytes"]) == (len(edges), len(covered))
        assert substring["frac"] == row["share"] == len(covered) / 40


def test_batches_hold_whole_documents() -> None:
    batches = [batch([(0, 0, 5), (0, 3, 5)]), batch([]), batch([(1, 1, 1), (2, 0, 40)])]
    out = pa.Table.from_batches(list(join(iter(batches))))
    assert out.schema == JOINED
    assert out["share"].to_pylist() == [8 / 40, 1 / 40, 1.0]


def test_sizes_beyond_31_bits_are_counted() -> None:
    starts = pa.array([0, 2**31 - 10], pa.int64())
    stops = pa.array([2**31 - 20, 2**31 - 1], pa.int64())
    rows = pa.RecordBatch.from_arrays(
        [pa.array([0, 0], pa.int64()), starts, stops, pa.array([2**31 - 1] * 2, pa.int64())],
        ["doc", "start", "stop", "size"],
    )
    (found,) = join(iter([rows]))
    assert found["substring"][0]["n_bytes"].as_py() == 2**31 - 11


TEXT_AND_SPANS = [
    ("one [two] three", "one three"),
    ("one[ two] three", "one three"),
    ("one\n\n[two] three", "one\n\nthree"),
    ("one [two]\n\nthree", "one\n\nthree"),
    ("one\n[two]\n\n \nthree", "one\n\n \nthree"),
    ("one  [two] three", "one  three"),
    ("[one] two", "two"),
    (" \n[one]\n two ", "two "),
    (" one [two]\n", " one"),
    ("one [two] [three]\n[four] five", "one\nfive"),
    ("[one] [two]", ""),
    ("[]", ""),
    ("  kept  as it is \n", "  kept  as it is \n"),
    ("on[e tw]o", "ono"),
    ("漢[字]漢\u3000[字] é[é]é", "漢漢\u3000éé"),
    ("", ""),
]


@pytest.mark.parametrize(("marked", "expected"), TEXT_AND_SPANS)
def test_cut(marked: str, expected: str) -> None:
    assert cut(*parse(marked)) == expected


def parse(marked: str) -> tuple[str, list[dict[str, int]]]:
    """'a[b]c' -> ('abc', the bytes of b)."""
    text, spans = "", []
    for piece in re.split(r"(\[[^]]*\])", marked):
        body = piece[1:-1] if piece.startswith("[") else piece
        if piece.startswith("["):
            start = len(text.encode())
            spans.append({"start": start, "stop": start + len(body.encode())})
        text += body
    return text, spans


@given(st.text(st.sampled_from("aé漢 \n\u3000"), max_size=40), st.sets(st.integers(0, 40), max_size=8))
def test_cut_keeps_all_other_characters(text: str, at: set[int]) -> None:
    edges = sorted(i for i in at if i <= len(text))
    pairs = list(zip(edges[::2], edges[1::2], strict=False))
    spans = [{"start": len(text[:a].encode()), "stop": len(text[:b].encode())} for a, b in pairs]
    gone = {i for a, b in pairs for i in range(a, b)}
    left = "".join(c for i, c in enumerate(text) if i not in gone)
    assert "".join(cut(text, spans).split()) == "".join(left.split())
    # Words that white space parted, before or after, are not joined.
    assert len(cut(text, spans).split()) == len(left.split())
    if not pairs:
        assert cut(text, spans) == text


def test_many_spans_take_linear_time() -> None:
    n = 200_000
    spans = [{"start": 4 * i, "stop": 4 * i + 2} for i in range(n)]
    assert cut("ab c" * n, spans).replace(" ", "") == "c" * n
    wide = np.arange(n)
    rows = pa.RecordBatch.from_arrays(
        [
            pa.array(np.zeros(n, np.int64)),
            pa.array(3 * wide),
            pa.array(3 * wide + 2),
            pa.array(np.full(n, 3 * n)),
        ],
        ["doc", "start", "stop", "size"],
    )
    (found,) = join(iter([rows]))
    assert found["substring"][0]["n_spans"].as_py() == n
