"""A relate step over a few texts as a run would carry it out, and what it must find in plain Python."""

from __future__ import annotations

import io
import json
import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import zstandard

from pipeline.schema import TEXT
from pipeline.stage import Relate
from stages.text.table import words
from tests.stages.dedup import apply
from tests.stages.dedup.apply import Session, in_memory, numbered

Span: TypeAlias = tuple[int, int]
Token: TypeAlias = tuple[int, int, Any]
"""First byte, the byte behind the last, what is compared."""


def documents(texts: Sequence[str | None]) -> pa.RecordBatch:
    """Numbered as the rows of two shards."""
    return numbered(pa.RecordBatch.from_arrays([pa.array(texts, pa.string())], schema=pa.schema([TEXT])))


def applied(
    step: Relate, texts: Sequence[str | None], seed: int = 0, session: Session = in_memory
) -> pa.Table:
    """The documents with `reason` and the columns of the step."""
    return apply.applied(step, documents(texts).select(["text"]), seed, session)[0]


def spans(table: pa.Table) -> list[list[Span] | None]:
    """Those of `substring`, a list for each document."""
    found: list[Any] = table["substring"].to_pylist()
    return [s and [(x["start"], x["stop"]) for x in s["spans"]] for s in found]


def repeated(rows: Sequence[list[Token] | None], length: int, every: bool = False) -> list[list[Span] | None]:
    """What `substring_dedup` must mark in documents, given as their tokens; null for null."""
    contents = [
        [tuple(t[2] for t in row[i : i + length]) for i in range(len(row) - length + 1)] if row else []
        for row in rows
    ]
    times = Counter(content for row in contents for content in row)
    met: set[tuple[Any, ...]] = set()
    out: list[list[Span] | None] = []
    for row, windows in zip(rows, contents, strict=True):
        found: list[Span] = []
        for i, content in enumerate(windows):
            assert row
            if content in met or (every and times[content] > 1):
                start, stop = row[i][0], row[i + length - 1][1]
                if found and start <= found[-1][1]:
                    start, _ = found.pop()
                found.append((start, stop))
            met.add(content)
        out.append(None if row is None else found)
    return out


def named(ids: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int64]:
    """A number for the window from each place on: equal for equal windows, and exact.

    Source: Karp, Miller, Rosenberg 1972, "Rapid identification of repeated patterns in strings, trees and
    arrays": names of twice the length from pairs of names.
    """

    def pair(names: npt.NDArray[np.int64], step: int) -> npt.NDArray[np.int64]:
        _, found = np.unique(names[: len(names) - step] * len(ids) * 2 + names[step:], return_inverse=True)
        return np.asarray(found, np.int64)

    run = 1
    while 2 * run <= length:
        ids, run = pair(ids, run), 2 * run
    return pair(ids, length - run) if length > run else ids


def repeated_words(texts: list[str], length: int) -> list[list[tuple[int, int]]]:
    """Spans by names of all windows of all texts, one after the other with a border that is nowhere else."""
    table = words(pa.array(texts, pa.string()))
    _, ids = np.unique(table.hashes, return_inverse=True)
    begins = np.concatenate([[0], np.cumsum([len(t.encode()) for t in texts])])
    rows = [ids[a:b] for a, b in pairwise(table.offsets)]
    joined = np.concatenate([np.append(r, len(ids) + i) for i, r in enumerate(rows)])
    names = named(joined, length)
    _, first = np.unique(names, return_index=True)
    again = np.ones(len(names), bool)
    again[first] = False
    out: list[list[tuple[int, int]]] = []
    for i, (a, b) in enumerate(pairwise(table.offsets)):
        at = np.flatnonzero(again[a + i : b + i - length + 1]) + a if b - a >= length else np.empty(0, int)
        starts, stops = table.starts[at] - begins[i], table.ends[at + length - 1] - begins[i]
        opens = np.flatnonzero(np.concatenate([[True], starts[1:] > stops[:-1]])) if len(at) else at
        ends = np.append(opens[1:], len(at)) - 1 if len(at) else at
        out.append(list(zip(starts[opens].tolist(), stops[ends].tolist(), strict=True)))
    return out


def planted(path: Path, n: int, seed: int) -> list[str]:
    """Real pages, of which every third holds a passage of one before it."""
    rng = random.Random(seed)
    with path.open("rb") as file:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8")
        texts = [json.loads(line)["text"] for _, line in zip(range(n), lines, strict=False)]
    for i in range(3, len(texts), 3):
        source, own = (texts[j].split(" ") for j in (rng.randrange(i), i))
        at, cut = rng.randrange(len(source)), rng.randrange(len(own))
        texts[i] = " ".join([*own[:cut], *source[at : at + rng.randrange(20, 300)], *own[cut:]])
    return texts
