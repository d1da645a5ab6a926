"""The answer to a what-if: what is gained and lost, by language, source and domain, with samples."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jobs.inspect.documents import Shard
from jobs.inspect.margins import margins
from jobs.inspect.report import number
from jobs.inspect.whatif import Outcomes, Scenario, bytes_per_token, outcomes
from pipeline.keyed import uniform
from pipeline.record import Record
from pipeline.stage import Filter

SHOWN = 12
"""Rows of a table by language or domain; the rest are added up."""


@dataclass
class Amount:
    """Documents, their bytes of text, and about how many tokens that is."""

    documents: int = 0
    bytes: int = 0
    tokens: float = 0

    def add(self, n_bytes: npt.NDArray[np.int64], per_token: float) -> None:
        self.documents += len(n_bytes)
        self.bytes += int(n_bytes.sum())
        self.tokens += float(n_bytes.sum()) / per_token


@dataclass
class Answer:
    """What a change would do to a run."""

    kept: Amount = field(default_factory=Amount)
    """As it ran."""
    gained: Amount = field(default_factory=Amount)
    """What no step that can be asked would drop any more, with what is in `unknown`."""
    lost: Amount = field(default_factory=Amount)
    unknown: dict[str, Amount] = field(default_factory=dict)
    """step -> what of `gained` would come to it for the first time, so that it might drop some."""
    elsewhere: dict[str, int] = field(default_factory=dict)
    """step -> documents that it would drop and another step dropped; most first."""
    groups: dict[str, dict[str, tuple[Amount, Amount]]] = field(default_factory=dict)
    """`language`, `source`, `domain` -> name -> (gained, lost)"""
    samples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """`gained`, `lost` -> documents, chosen by a keyed hash of their ids"""
    clusters: int = 0
    """Documents lost that stood for duplicates: one of those might stay in their place."""
    notes: list[str] = field(default_factory=list)


def ask(run: Path, record: Record, scenarios: Mapping[str, Scenario], n_samples: int = 10) -> Answer:
    """What the changes in `scenarios` would do to a run."""
    answer = Answer()
    chosen: dict[str, list[tuple[float, str, Shard, int]]] = {"gained": [], "lost": []}
    for (outcome,) in outcomes(run, record, [scenarios]):
        end = len(scenarios[outcome.shard.source].ran)
        per_token = bytes_per_token(record, outcome.shard.source)[0]
        answer.kept.add(outcome.n_bytes[outcome.was == end], per_token)
        ways = _count(answer, outcome, scenarios[outcome.shard.source], per_token)
        if not any(mask.any() for mask in ways.values()):
            continue
        parts = ("address.registered_domain", "address.host")
        clusters = outcome.shard.clusters()
        known = outcome.shard.read(["id", "url", *parts, *(f"{name}.size" for name in clusters)])
        answer.clusters += _leaders(known, ways["lost"], clusters)
        domains = _domains(known, ways["gained"] | ways["lost"])
        for way, mask in ways.items():
            rows = np.flatnonzero(mask)
            side = 0 if way == "gained" else 1
            for name, values in (("language", outcome.language), ("domain", domains)):
                _group(answer, name, values.take(pa.array(rows)), outcome.n_bytes[rows], per_token, side)
            source = pa.array([outcome.shard.source] * len(rows), pa.string())
            _group(answer, "source", source, outcome.n_bytes[rows], per_token, side)
            ids = known["id"].combine_chunks().take(pa.array(rows))
            ranks = uniform(ids, 0, "whatif")
            best = np.argsort(ranks, kind="stable")[:n_samples]
            chosen[way] += [(float(ranks[i]), ids[i].as_py(), outcome.shard, int(rows[i])) for i in best]
    for way, candidates in chosen.items():
        few = heapq.nsmallest(n_samples, candidates, key=lambda c: c[:2])
        answer.samples[way] = [_sample(shard, row, scenarios[shard.source], way) for _, _, shard, row in few]
    answer.notes = list(_notes(answer, record, scenarios))
    return answer


def _count(
    answer: Answer, outcome: Outcomes, scenario: Scenario, per_token: float
) -> dict[str, npt.NDArray[np.bool_]]:
    """Add up one shard; the masks of what is gained and lost."""
    end = len(scenario.ran)
    was, now = outcome.was == end, outcome.now == end
    ways = {"gained": ~was & now, "lost": was & ~now}
    answer.gained.add(outcome.n_bytes[ways["gained"]], per_token)
    answer.lost.add(outcome.n_bytes[ways["lost"]], per_token)
    open_ = ways["gained"] & (outcome.unknown >= 0)
    for j in np.unique(outcome.unknown[open_]):
        amount = answer.unknown.setdefault(scenario.names[j], Amount())
        amount.add(outcome.n_bytes[open_ & (outcome.unknown == j)], per_token)
    moved = ~was & ~now & (outcome.was != outcome.now)
    added = Counter(scenario.names[j] for j in outcome.now[moved]) + Counter(answer.elsewhere)
    answer.elsewhere = dict(added.most_common())
    return ways


def _leaders(known: pa.Table, lost: npt.NDArray[np.bool_], clusters: Sequence[str]) -> int:
    """How many of the documents lost were kept in place of others."""
    led = np.zeros(len(lost), np.bool_)
    for name in clusters:
        led |= pc.fill_null(pc.greater(pc.struct_field(known[name], "size"), 1), False).to_numpy()
    return int((led & lost).sum())


def _domains(known: pa.Table, wanted: npt.NDArray[np.bool_]) -> pa.Array:
    """Registered domains of the rows that are wanted, where `url_signals` measured them; else their hosts."""
    names: list[str | None] = [None] * len(wanted)
    rows = np.flatnonzero(wanted)
    if "address" in known.column_names:
        address = known["address"].combine_chunks().take(pa.array(rows))
        domains = pc.coalesce(*(pc.struct_field(address, part) for part in ("registered_domain", "host")))
        for row, domain in zip(rows, domains.to_pylist(), strict=True):
            names[row] = domain
    elif "url" in known.column_names:
        for row, url in zip(rows, known["url"].take(pa.array(rows)).to_pylist(), strict=True):
            names[row] = host(url)
    return pa.array(names, pa.string())


def host(url: str | None) -> str | None:
    """The host of a URL without `www.`, or None."""
    try:
        return (urlsplit(url or "").hostname or "").removeprefix("www.") or None
    except ValueError:
        return None


def _group(
    answer: Answer, name: str, values: pa.Array, n_bytes: npt.NDArray[np.int64], per_token: float, side: int
) -> None:
    encoded = pc.dictionary_encode(values, null_encoding="encode")
    indices = encoded.indices.to_numpy()
    for i, value in enumerate(encoded.dictionary.to_pylist()):
        group = answer.groups.setdefault(name, {})
        group.setdefault(value or "none", (Amount(), Amount()))[side].add(n_bytes[indices == i], per_token)


def _sample(shard: Shard, row: int, scenario: Scenario, way: str) -> dict[str, Any]:
    [document] = shard.rows([row])
    why = []
    for name, ran, would in zip(scenario.names, scenario.ran, scenario.would, strict=True):
        if isinstance(would, Filter) and ran != would:
            rules = ran if way == "gained" else would
            why += [f"{name}.{m}" for m in margins(rules, document) if m.failed]
    text = " ".join((document.get("text") or "")[:400].split())
    return {"id": document["id"], "url": document.get("url"), "why": why, "text": text[:160]}


def _notes(answer: Answer, record: Record, scenarios: Mapping[str, Scenario]) -> Iterator[str]:
    for source in scenarios:
        per_token, how = bytes_per_token(record, source)
        yield f"tokens of {source} at {per_token:.3g} bytes each ({how})"
    for step, amount in answer.unknown.items():
        kept, came = _rate(record, step)
        yield (
            f"{amount.documents:,} of the documents gained come to {step} for the first time, "
            f"which may drop some: in the run it kept {kept:,} of {came:,}. "
            "What rules say is known with `measure: all`, what queries say after a run"
        )
    if answer.elsewhere:
        moved = ", ".join(f"{step} {n:,}" for step, n in answer.elsewhere.items())
        yield f"dropped by another step than before: {moved}"
    if answer.clusters:
        yield f"{answer.clusters:,} of the documents lost stood for duplicates: one of those might now stay"


def _rate(record: Record, step: str) -> tuple[int, int]:
    """(documents kept, documents that came) of a step in the run, over all sources."""
    mine = [s for s in record.steps if s.name == step]
    return sum(s.kept for s in mine), sum(s.rows_in for s in mine)


def show(answer: Answer, console: Console) -> None:
    """Print an answer."""
    table = Table(header_style="bold")
    for heading in ("", "documents", "bytes", "tokens"):
        table.add_column(heading, justify="right" if heading else "left")
    kept, gained, lost = (astuple(amount) for amount in (answer.kept, answer.gained, answer.lost))
    would = Amount(*(a + b - c for a, b, c in zip(kept, gained, lost, strict=True)))
    unknown = {f"  of it, if {s} keeps it": a for s, a in answer.unknown.items()}
    lines = {"kept as it ran": answer.kept, "gained": answer.gained, **unknown, "lost": answer.lost}
    for name, amount in (lines | {"would be kept" + (", at most" if unknown else ""): would}).items():
        table.add_row(name, *(number(round(getattr(amount, k))) for k in _KEYS))
    console.print(table)
    for name, rows in answer.groups.items():
        console.print(_grouped(name, rows))
    for way, documents in answer.samples.items():
        if documents:
            console.print(f"\n{way}, {len(documents)} of them:", style="bold")
        for d in documents:
            console.print(f"  {d['id']}  {d['url'] or ''}", soft_wrap=True, highlight=False, markup=False)
            console.print(f"    {'; '.join(d['why'])}", soft_wrap=True, highlight=False, markup=False)
            console.print(f"    {d['text']}", soft_wrap=True, highlight=False, markup=False)
    for note in answer.notes:
        console.print(note, soft_wrap=True, highlight=False, markup=False)


_KEYS = ("documents", "bytes", "tokens")


def _grouped(name: str, rows: Mapping[str, tuple[Amount, Amount]]) -> Table:
    table = Table(header_style="bold")
    for heading in (name, "gained", "lost", "bytes gained", "bytes lost"):
        table.add_column(heading, justify="left" if heading == name else "right")
    ordered = sorted(rows.items(), key=lambda row: (-row[1][0].bytes - row[1][1].bytes, row[0]))
    for value, (gained, lost) in ordered[:SHOWN]:
        table.add_row(
            escape(value), *map(number, (gained.documents, lost.documents, gained.bytes, lost.bytes))
        )
    if rest := [pair for _, pair in ordered[SHOWN:]]:
        sums = (sum(getattr(pair[i], k) for pair in rest) for k in ("documents", "bytes") for i in (0, 1))
        table.add_row(f"{len(rest)} more", *map(number, sums))
    return table
