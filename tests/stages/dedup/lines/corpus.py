"""`line_dedup` over a few documents as a run would carry it out, and what it must make of them, in sets."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.schema import FILE, ID, SOURCE, TEXT, URL
from stages.dedup.lines import LineDedup
from stages.text.sentences import next_sentence
from tests.stages.dedup import apply
from tests.stages.dedup.apply import Session, in_memory
from tests.stages.text.test_normal import PYTHON


class Document(NamedTuple):
    text: str | None
    url: str | None = None
    source: str | None = None
    file: str | None = None


SITES = {
    "https://news.example.co.uk/a?b": "example.co.uk",
    "//EXAMPLE.co.uk": "example.co.uk",
    "http://one.github.io/": "one.github.io",
    "http://two.github.io/": "two.github.io",
    "http://localhost:80/": "localhost",
    "not an address": None,
    "http:///x": None,
}
"""Addresses and the scope they stand for."""


def batch(documents: Sequence[Document]) -> pa.RecordBatch:
    columns = [
        [f"id{i}" for i in range(len(documents))],
        *([d[i] for d in documents] for i in range(4)),
    ]
    arrays = [pa.array(c, pa.string()) for c in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema([ID, TEXT, URL, SOURCE, FILE]))


def applied(
    step: LineDedup, documents: Sequence[Document], seed: int = 0, session: Session = in_memory
) -> list[dict[str, Any]]:
    """text, reason and line_dedup of each document."""
    step.check()
    table, _ = apply.applied(step, batch(documents), seed, session)
    assert table.schema.names == ["id", "text", "url", "source", "file", "doc", "reason", "line_dedup"]
    rows: list[dict[str, Any]] = table.select(["text", "reason", "line_dedup"]).to_pylist()
    return rows


def units(text: str, unit: str, blank: bool) -> Iterator[tuple[int, int]]:
    if unit in ("line", "paragraph"):
        separator = re.compile(r"\n" if unit == "line" else r"\n(?:[^\S\n]*\n)+")
        edges = [m.span() for m in separator.finditer(text)]
        starts, ends = [0, *(b for _, b in edges)], [*(a for a, _ in edges), len(text)]
        for a, b in zip(starts, ends, strict=True):
            if text and ((blank and unit == "line") or text[a:b].strip()):
                yield a, b
        return
    data, at = np.frombuffer(text.encode(), np.uint8), 0
    while at < len(data):
        after = next_sentence(data, at, len(data))
        a, b = (len(bytes(data[:edge]).decode()) for edge in (at, after))
        if inner := text[a:b].strip():
            a += text[a:b].index(inner)
            yield a, a + len(inner)
        at = after


def scope(document: Document, number: int, within: str) -> Any:
    if within == "corpus":
        return None
    named = SITES.get(document.url or "") if within == "domain" else getattr(document, within)
    return number if named is None else named


LIMITS = ("min_words_removed", "min_words_left", "min_sentences_left")
"""With one of them documents are looked at again; without, what keeps a blank line is not empty."""


class Cut(NamedTuple):
    scope: Any
    units: list[tuple[int, int]]
    spans: list[tuple[Any, ...] | None]
    """What is compared; None where it is too short."""


def cut(document: Document, number: int, own: dict[str, Any]) -> Cut:
    text, normal = document.text or "", PYTHON[own["normalize"]]
    found = list(units(text, own["unit"], own["min_chars"] == 0))
    place, spans, n = scope(document, number, own["within"]), [], own["span"]
    for i in range(len(found) - n + 1):
        said = " ".join(normal(text[a:b]) for a, b in found[i : i + n])
        raw = text[found[i][0] : found[i + n - 1][1]]
        long = len(said.strip()) >= own["min_chars"] and len(raw.split()) >= own["min_words"]
        spans.append((place, said) if long else None)
    return Cut(place, found, spans)


def expected(step: LineDedup, documents: Sequence[Document]) -> list[dict[str, Any]]:
    """What `applied` must give, where words are parted by spaces."""
    own = step.settings()
    cuts = [cut(d, i, own) for i, d in enumerate(documents)]
    having: dict[Any, set[int]] = defaultdict(set)
    size: dict[Any, int] = defaultdict(int)
    for number, (place, _, spans) in enumerate(cuts):
        size[place] += documents[number].text is not None
        for span in spans:
            if span is not None:
                having[span].add(number)

    def goes(span: Any, number: int) -> bool:
        if own["keep"] == "first":
            return min(having[span]) < number
        n = len(having[span])
        return n >= own["min_documents"] and n >= own["min_frac_documents"] * size[span[0]] - 1e-9

    return [
        _left(d.text, c, own, lambda s, i=i: goes(s, i))
        for i, (d, c) in enumerate(zip(documents, cuts, strict=True))
    ]


def _left(text: str | None, c: Cut, own: dict[str, Any], goes: Callable[[Any], bool]) -> dict[str, Any]:
    if text is None:
        return {"text": None, "reason": None, "line_dedup": None}
    gone, met = [False] * len(c.units), set()
    for i, span in enumerate(c.spans):
        if span is not None and (goes(span) or (own["repeats"] == "drop" and span in met)):
            gone[i : i + own["span"]] = [True] * own["span"]
        met.add(span)
    runs = re.finditer("1+", "".join("01"[g] for g in gone))
    for first, last in [m.span() for m in runs]:
        if len(text[c.units[first][0] : c.units[last - 1][1]].split()) < own["min_words_removed"]:
            gone[first:last] = [False] * (last - first)
    left, reason = text, None
    if any(gone):
        kept = [i for i, g in enumerate(gone) if not g]
        pieces = [text[c.units[i - 1][1] if i != kept[0] else c.units[i][0] : c.units[i][1]] for i in kept]
        left = "".join(pieces) + (text[c.units[-1][1] :] if kept else "")
        sentences = len(list(units(left, "sentence", False)))
        words = len(left.split())
        asked = own["span"] > 1 or any(own[k] for k in LIMITS)
        reasons = {
            "nothing_left": not (words if asked else kept),
            "min_words_left": words < own["min_words_left"],
            "min_sentences_left": sentences < own["min_sentences_left"],
        }
        reason = next((name for name, failed in reasons.items() if failed), None)
    some = [bool(text[a:b].strip()) for a, b in c.units]
    counts = {
        "n_units": sum(some),
        "n_removed": sum(g and s for g, s in zip(gone, some, strict=True)),
        "n_bytes_removed": len(text.encode()) - len(left.encode()),
    }
    return {"text": left, "reason": reason, "line_dedup": counts}
