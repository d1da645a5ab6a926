"""What a run leaves for others: the names under which results are found, and the record of what happened.

A run works in `_run/`, by fingerprint. In a folder its results are hard links to what passes left there; on
an object store, which has no links, they are moved (`pipeline.objects.publish`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from pipeline.accounts import Accounts, content_hash
from pipeline.config import Recipe
from pipeline.plan import Track
from pipeline.record import Record, StepCount
from pipeline.store import WORK, find_json, publish, write_json
from pipeline.task import DROPPED, Pass, Shards, stem

DOCUMENTS = "documents"
PUBLISHED = "published.json"
"""What the last publication gave names to, under `_run`: other folders beside it are a user's."""
Passes = Mapping[str, Sequence[tuple[Pass, Accounts]]]
"""source -> its passes, each with its accounts"""


class Publisher(Protocol):
    """What gives results their names."""

    def settle(self, source: str, folders: Sequence[Path], fresh: bool) -> None:
        """Before a run: `folders` are those of its passes; `fresh`, whether what they hold may be used."""
        ...

    def elsewhere(self, of: Pass) -> tuple[set[str], set[str]]:
        """Names of shards of a pass, and of its dropped ones, that do not lie in its folder."""
        ...

    def publish(self, passes: Passes) -> None:
        """Give the documents of the last passes, and all dropped ones, the names that people look for."""
        ...


class Links:
    """Results of a run in a folder: they lie in `_run/` and have a second name."""

    def __init__(self, output: Path) -> None:
        self.output = output

    def settle(self, source: str, folders: Sequence[Path], fresh: bool) -> None:
        """Nothing: what is published lies where it lay."""

    def elsewhere(self, of: Pass) -> tuple[set[str], set[str]]:
        """None."""
        return set(), set()

    def publish(self, passes: Passes) -> None:
        """Link them, and take away what the run before published."""
        listed = self.output / WORK / PUBLISHED
        before: list[str] = find_json(listed) or []
        write_json(listed, sorted({*before, *passes}))
        for source in sorted({*before, *passes}):
            files = published_names(passes[source]) if source in passes else ({}, {})
            for name, wanted in zip((DOCUMENTS, DROPPED), files, strict=True):
                publish(wanted, self.output / name / source)
        write_json(listed, sorted(passes))


def published_names(passes: Sequence[tuple[Pass, Accounts]]) -> tuple[dict[str, Path], dict[str, Path]]:
    """Name -> where it lies: of the documents of the last pass, of what all have dropped."""
    last = passes[-1][0]
    shards = Shards(folder=last.folder, n=last.n_shards)
    kept = {shards.path(i).name: shards.path(i) for i in range(last.n_shards)}
    # In the order of the flow: a part's number is that of its pass, then that of its shard.
    dropped = {
        f"part-{n:02d}-{stem(i, of.n_shards)[5:]}.parquet": of.folder
        / DROPPED
        / f"{stem(i, of.n_shards)}.parquet"
        for n, (of, accounts) in enumerate(passes)
        for i, rows in enumerate(accounts.dropped_rows)
        if rows
    }
    return kept, dropped


def made_record(
    recipe: Recipe, tracks: Sequence[Track], accounts: Mapping[str, Sequence[Accounts]], began: float
) -> Record:
    """The record of a run whose documents are complete."""
    output = recipe.output.absolute()
    steps: list[StepCount] = []
    for track in tracks:
        counts = [c for mine in accounts[track.source] for c in mine.counts()]
        metrics = {k.named.name: output / k.folder / "metrics.json" for s in track.segments for k in s.keys}
        for count in counts:
            count.metrics = (find_json(metrics[count.name]) if count.name in metrics else None) or {}
        steps += counts
    final = {t.source: accounts[t.source][-1] for t in tracks}
    passes = [mine for t in tracks for mine in accounts[t.source]]
    dropping = {mine.source for mine in passes if any(mine.dropped_rows)}
    return Record(
        name=recipe.name,
        recipe=str(Path(recipe.file).absolute()),
        began=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
        documents={t.source: [f"documents/{t.source}"] for t in tracks},
        dropped={t.source: [f"dropped/{t.source}"] if t.source in dropping else [] for t in tracks},
        rows={source: sum(mine.rows) for source, mine in final.items()},
        content_hash=content_hash(final.values(), passes),
        steps=steps,
        settings={t.source: [named.recorded() for named in t.chain.named] for t in tracks},
        peak_bytes=max((mine.peak_bytes for mine in passes), default=0),
    )
