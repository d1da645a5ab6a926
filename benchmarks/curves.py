"""Recall and precision of removed pairs against true Jaccard similarity, beside what the S-curve promises."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import planted
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from processes import Run, run

LEVELS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
AT_LEAST = 200
"""Pairs of a point in the plot."""
PRECISION = "{:8} {:>9} {:>10.4f} {:>10.4f} {:>7.3f}"
Floats = npt.NDArray[np.float64]
HEAD = "{:>6} {:>7} {:>9} {:>9} {:>9} {:>9} {:>11} {:>9}"


def s_curve(similarity: Floats, bands: int, rows: int) -> Floats:
    """That two sets of this similarity share a band."""
    curve: Floats = 1 - (1 - similarity**rows) ** bands
    return curve


class Removed(NamedTuple):
    """A dropped document, the one that was kept in its place, and how alike they truly are."""

    id: str
    kept: str
    jaccard: float
    nearest: float
    """Similarity to the most alike of the documents that one was kept for, it included."""


def shingles(text: str) -> set[tuple[str, ...]]:
    """Word 5-grams in lower case: the plain definition, which shares no code with the stage."""
    words = text.lower().split()
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def removed(done: Run, corpus: Path) -> Iterator[Removed]:
    """All dropped documents of a run."""
    pairs = duplicates(done)
    wanted = pa.array(sorted({name for pair in pairs for name in pair}))
    texts = dict[str, str]()
    for path in sorted(corpus.glob("part-*.parquet")):
        table = pq.read_table(path)
        table = table.filter(pc.is_in(table["id"], wanted))
        texts |= dict(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))
    sets = {name: shingles(text) for name, text in texts.items()}
    clusters: dict[str, list[str]] = {}
    for name, kept in pairs:
        clusters.setdefault(kept, [kept]).append(name)
    for name, kept in pairs:
        near = (similarity(sets[name], sets[other]) for other in clusters[kept] if other != name)
        yield Removed(name, kept, similarity(sets[name], sets[kept]), max(near))


def similarity(a: set[tuple[str, ...]], b: set[tuple[str, ...]]) -> float:
    return len(a & b) / len(a | b)


def duplicates(done: Run) -> list[tuple[str, str]]:
    """(dropped id, id of the one kept in its place)"""
    pairs = list[tuple[str, str]]()
    for folder in done.folders()[1]:
        for path in sorted(folder.glob("part-*.parquet")):
            table = pq.read_table(path)
            for field in table.schema:
                if pa.types.is_struct(field.type) and field.type.get_field_index("duplicate_of") >= 0:
                    of = pc.struct_field(table[field.name].combine_chunks(), "duplicate_of")
                    pairs += zip(table["id"].to_pylist(), of.to_pylist(), strict=True)
    return pairs


def recall(given: argparse.Namespace, home: Path) -> None:
    """Planted pairs found, with and without verification, and the plot."""
    mix = planted.Mix(
        pairs=given.pairs * len(LEVELS), clusters=given.pairs // 10, chains=given.pairs // 10, levels=LEVELS
    )
    n = (2 * mix.pairs + 14 * mix.clusters) * 5 // 4
    plan = planted.layout(n, mix, given.seed)
    planted.write(home / "in", planted.pool(planted.sentences(given.data)), plan, given.seed)
    truth = pq.read_table(home / "in/truth.parquet").to_pylist()
    verified = {"verify_jaccard": given.verify, **given.settings}
    points: list[dict[str, Any]] = []
    for name, settings in (("as found", given.settings), (f"verified at {given.verify}", verified)):
        done = run(f"{home}/in/part-*.parquet", settings, home / "out", given.workers, given.memory)
        pairs = list(removed(done, home / "in"))
        print(f"\n{name}: {n:,} documents, {len(pairs):,} removed, {done.watched.seconds:.1f} s")
        points += recalled(name, truth, pairs, given)
        points += precise(name, truth, pairs, given.verify)
    if given.plot:
        plot(points, given.plot)


def recalled(
    name: str, truth: list[dict[str, Any]], pairs: list[Removed], given: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """By level: pairs found against the S-curve, summed over their true similarities."""
    found = {frozenset(pair[:2]) for pair in pairs}
    bands, rows = given.settings.get("bands", 14), given.settings.get("rows", 8)
    print(HEAD.format("aimed", "pairs", "jaccard", "found", "expected", "points", "+- (95 %)", "so alike"))
    for level in LEVELS:
        mine = [t for t in truth if t["kind"] == "pair" and abs(t["aimed"] - level) < 1e-3]
        true = np.array([t["jaccard"] for t in mine])
        hit = np.array([frozenset((t["id"], t["original"])) in found for t in mine])
        curve = s_curve(true, bands, rows)
        allowed = true >= given.verify if name != "as found" else np.ones(len(true), bool)
        expected = float((curve * allowed).mean())
        # Each pair is a coin of its own: the variance of the share is that of their sum.
        margin = 1.96 * float(np.sqrt((curve * (1 - curve) * allowed).sum())) / len(mine)
        rate = float(hit.mean())
        print(
            HEAD.format(
                level, f"{len(mine):,}", f"{true.mean():.4f}", f"{rate:.4f}", f"{expected:.4f}",
                f"{100 * (rate - expected):+.2f}", f"{100 * margin:.2f}", f"{allowed.mean():.3f}",
            )
        )  # fmt: skip
    planted_pairs = [t for t in truth if t["kind"] == "pair"]
    true = np.array([t["jaccard"] for t in planted_pairs])
    hit = np.array([frozenset((t["id"], t["original"])) in found for t in planted_pairs])
    for low in np.unique(np.floor(true * 50) / 50):
        near = (true >= low) & (true < low + 0.02)
        if near.sum() >= AT_LEAST:
            where, share = float(true[near].mean()), float(hit[near].mean())
            yield {"panel": "recall", "run": name, "jaccard": where, "share": share}


def precise(
    name: str, truth: list[dict[str, Any]], pairs: list[Removed], threshold: float
) -> Iterator[dict[str, Any]]:
    """Share of removed documents that are as alike as asked to the one kept in their place."""
    print(f"\n{'':8} {'removed':>9} {'like kept':>10} {'like any':>10} {'least':>7}")
    kinds = {t["id"]: t["kind"] for t in truth} | {t["original"]: t["kind"] for t in truth}
    for kind in (*planted.KINDS, "all"):
        mine = np.array([p[2:] for p in pairs if kind in ("all", kinds.get(p.id, "alone"))])
        if len(mine):
            good = (mine[:, :2] >= threshold).mean(axis=0)
            print(PRECISION.format(kind, f"{len(mine):,}", *good, mine[:, 0].min()))
    for of, some in (("pairs", ("pair",)), ("clusters and chains", ("cluster", "chain"))):
        every = np.sort(np.array([p.jaccard for p in pairs if kinds.get(p.id) in some]))
        for at in np.arange(0.4, 1.0, 0.01):
            share = 1 - np.searchsorted(every, at) / len(every)
            yield {"panel": "precision", "run": name, "of": of, "jaccard": float(at), "share": float(share)}


def plot(points: list[dict[str, Any]], path: Path, bands: int = 14, rows: int = 8) -> None:
    """Two panels side by side, as SVG."""
    import altair as alt  # of the extra `bench`: only the plot needs it

    grid = np.arange(0.4, 1.0001, 0.005)
    theory = [
        {"jaccard": float(s), "share": float(p)}
        for s, p in zip(grid, s_curve(grid, bands, rows), strict=True)
    ]
    x = alt.X("jaccard:Q", title="true Jaccard similarity", scale=alt.Scale(domain=[0.4, 1]))
    colour = alt.Color("run:N", title=None, legend=alt.Legend(orient="bottom"))
    line = alt.Chart(alt.Data(values=theory)).mark_line(color="gray", strokeDash=[4, 3])
    dots = alt.Chart(alt.Data(values=[p for p in points if p["panel"] == "recall"])).mark_point(
        filled=True, size=45
    )
    share = alt.Chart(alt.Data(values=[p for p in points if p["panel"] == "precision"])).mark_line()
    y = alt.Y("share:Q", title="share of pairs found")
    left = line.encode(x=x, y=y) + dots.encode(x=x, y="share:Q", color=colour)
    right = share.encode(
        x=alt.X("jaccard:Q", title="least similarity asked", scale=alt.Scale(domain=[0.4, 1])),
        y=alt.Y("share:Q", title="share of removed documents so like the kept one"),
        color=colour,
        strokeDash=alt.StrokeDash("of:N", title=None, legend=alt.Legend(orient="bottom")),
    )
    size = {"width": 320, "height": 260}
    path.parent.mkdir(parents=True, exist_ok=True)
    (left.properties(**size, title="Recall") | right.properties(**size, title="Precision")).save(str(path))
