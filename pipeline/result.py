"""What a run leaves for others: published folders of documents, and the record of what happened."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.accounts import Accounts, content_hash
from pipeline.config import Recipe
from pipeline.plan import Track
from pipeline.record import Record, StepCount
from pipeline.store import WORK, publish, read_json, write_json
from pipeline.task import Pass, Shards, stem

PUBLISHED = "published.json"
"""The sources whose folders the last publication made, under `_run`."""


def publish_documents(
    output: Path, passes: Mapping[str, Sequence[Pass]], accounts: Mapping[str, Sequence[Accounts]]
) -> None:
    """Give the documents of the last pass, and all dropped ones, the names that people look for."""
    kept: dict[str, dict[str, Path]] = {}
    dropped: dict[str, dict[str, Path]] = {}
    for source, made in passes.items():
        last = Shards(folder=made[-1].folder, n=made[-1].n_shards)
        kept[source] = {last.path(i).name: last.path(i) for i in range(last.n)}
        # In the order of the flow: a part's number is that of its pass, then that of its shard.
        dropped[source] = {
            f"part-{n:02d}-{stem(i, of.n_shards)[5:]}.parquet": of.folder
            / "dropped"
            / f"{stem(i, of.n_shards)}.parquet"
            for n, (of, mine) in enumerate(zip(made, accounts[source], strict=True))
            for i, rows in enumerate(mine.dropped_rows)
            if rows
        }
    listed = output / WORK / PUBLISHED  # other folders there are a user's
    before: list[str] = read_json(listed) if listed.exists() else []
    write_json(listed, sorted({*before, *kept}))
    for name, sources in (("documents", kept), ("dropped", dropped)):
        for source in sorted({*before, *kept}):
            publish(sources.get(source, {}), output / name / source)
    write_json(listed, sorted(kept))


def made_record(
    recipe: Recipe, tracks: Sequence[Track], accounts: Mapping[str, Sequence[Accounts]], began: float
) -> Record:
    """The record of a run whose documents are complete."""
    output = recipe.output.absolute()
    steps: list[StepCount] = []
    for track in tracks:
        counts = [c for mine in accounts[track.source] for c in mine.counts()]
        metrics = {k.named.name: k.folder / "metrics.json" for s in track.segments for k in s.keys}
        for count in counts:
            path = output / metrics.get(count.name, "")
            count.metrics = read_json(path) if path.is_file() else {}
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
