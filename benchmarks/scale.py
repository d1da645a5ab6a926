"""What the size of a crawl asks of the kernel, without a crawl: no document is read.

    python benchmarks/scale.py driver --splits 1400000
    python benchmarks/scale.py verdicts --shards 1000 10000 100000

`driver`: a recipe of twelve steps over so many splits of WARC files is planned and mapped on an engine that
answers at once, as workers would: seconds, the driver's peak memory, and bytes of what travels for each task.

`verdicts`: a thousand verdicts a shard are saved as a relate step saves them, and those of some shards read
back as tasks do; seconds a shard must not grow with the number of shards.
"""

from __future__ import annotations

import argparse
import pickle
import random
import resource
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import duck
from pipeline.config import Recipe, read
from pipeline.engine import Account, Work
from pipeline.plan import Chain
from pipeline.resume import freshen
from pipeline.run import Runner
from pipeline.stage import Split
from pipeline.steps import Named
from pipeline.verdicts import Verdicts, width
from stages.dedup.exact import ExactDedup
from stages.ingest.warc import Warc

STEPS = (
    "extract_html",
    "identify_language",
    "keep_language",
    "gopher_signals",
    "gopher_rules",
    "repetition_signals",
    "repetition_rules",
    "c4_lines",
    "c4_rules",
    "fineweb_signals",
    "fineweb_rules",
)
SPLITS_A_FILE = 16
"""Of 64 MiB each, as a WARC file of Common Crawl has."""
VERDICTS = 1000
"""On each shard."""


@dataclass(frozen=True, kw_only=True)
class Crawl(Warc):
    """WARC files that are nowhere."""

    n_splits: int = 0

    def check(self) -> None:
        pass

    def splits(self) -> list[Split]:
        size, name = (
            SPLITS_A_FILE << 26,
            "crawl-data/CC-MAIN-2026-40/segments/{:013d}.00/warc/CC-MAIN-{:08d}.warc.gz",
        )
        return [
            Split(
                path=name.format(i // 16000, i // SPLITS_A_FILE),
                start=(i % SPLITS_A_FILE) << 26,
                stop=(i % SPLITS_A_FILE + 1) << 26,
                size=size,
                stamp="0123456789abcdef",
            )
            for i in range(self.n_splits)
        ]


class Instant:
    """An engine whose workers answer at once, with accounts such as they would write."""

    def __init__(self, workers: int, settings: Mapping[str, Any]) -> None:
        self.sent_bytes = self.n_items = self.item_bytes = 0

    def map(self, work: Work, items: Iterable[Any]) -> Iterator[tuple[int, Account]]:
        self.sent_bytes = len(pickle.dumps(work))
        names = ("crawl", *STEPS)
        steps = [
            {"name": n, "in": 9000, "kept": 8000, "dropped": {"a": 600, "b": 700}, "seconds": 1.5}
            for n in names
        ]
        for index, item in enumerate(items):
            self.n_items += 1
            self.item_bytes = max(self.item_bytes, len(pickle.dumps(item)))
            digest = random.randbytes(32).hex()
            yield (
                index,
                {
                    "rows": 8000, "n_bytes": 64 << 20, "sha256": digest, "dropped_rows": 0, "steps": steps,
                    "peak_bytes": 1 << 30, "dropped_schema": "0", "seconds": 20.0,
                },
            )  # fmt: skip

    def close(self) -> None:
        pass


def crawl(n_splits: int, folder: Path) -> Recipe:
    """A recipe over so many splits."""
    file = folder / "recipe.yaml"
    (folder / "a.warc").touch()
    steps = "".join(
        f"  - use: {s}\n" + ("    with: {keep: [en]}\n" if s == "keep_language" else "") for s in STEPS
    )
    file.write_text(
        f"source: {{use: warc, with: {{paths: {folder}/a.warc}}}}\nsteps:\n{steps}output: {folder}/out\n"
    )
    recipe = read(str(file))
    (chain,) = recipe.chains
    source = Named(name="crawl", use="warc", step=Crawl(paths="x", source="crawl", n_splits=n_splits))
    big = Chain(source=source, steps=chain.steps, shared_from=chain.shared_from)
    return Recipe(
        file=recipe.file,
        name="crawl",
        output=recipe.output,
        chains=(big,),
        sections=(),
        engine={},
        shard_bytes=1 << 40,
    )


class Planned(Runner):
    """A run up to its last pass: what it would publish is nowhere."""

    def once(self) -> None:
        freshen(self.output, self.plan.tracks, self.publisher)
        (track,) = self.plan.tracks
        self.passes, self.accounts = {track.source: []}, {track.source: []}
        self._map([track])


def driver(n_splits: int) -> None:
    """Plan and map; print seconds, memory, bytes."""
    with tempfile.TemporaryDirectory() as name:
        recipe = crawl(n_splits, Path(name))
        base = peak()
        began = time.perf_counter()
        engine = Instant(1, {})
        run = Planned(recipe, engine, lambda *_: None)
        planned = time.perf_counter()
        run.once()
        ended = time.perf_counter()
        print(f"{n_splits:,} splits, {engine.n_items:,} tasks, {len(STEPS) + 1} steps")
        print(f"planning {planned - began:.1f} s, mapping {ended - planned:.1f} s of the driver")
        print(f"peak memory of the driver {peak() / 2**20:,.0f} MiB ({base / 2**20:,.0f} MiB before)")
        print(f"sent once: {engine.sent_bytes:,} bytes; a task: at most {engine.item_bytes} bytes")


def peak() -> int:
    """Bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def verdicts(n_shards: int, n_read: int = 200) -> None:
    """Save and read back; print milliseconds a shard."""
    step = ExactDedup()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        schema = pa.schema([("doc", pa.int64()), ("reason", pa.string())])
        with pq.ParquetWriter(folder / "rows.parquet", schema) as writer:
            for start in range(0, n_shards, 1000):
                shards = np.repeat(np.arange(start, min(start + 1000, n_shards), dtype=np.int64), VERDICTS)
                docs = (shards << 32) + np.tile(
                    np.arange(VERDICTS, dtype=np.int64) * 7, len(shards) // VERDICTS
                )
                reasons = pa.array(["exact_duplicate"] * len(docs))
                writer.write_table(pa.table([pa.array(docs), reasons], schema=schema))
        began = time.perf_counter()
        wide = width(n_shards * VERDICTS, n_shards)
        with duck.session(folder / "session", 2, None) as sql:
            sql.save(sql.read([folder / "rows.parquet"]), folder / "verdicts", wide)
        saved = time.perf_counter()
        saved_verdicts = Verdicts(
            named=Named(name="x", use="x", step=step), folder=folder / "verdicts", width=wide
        )
        chosen = random.Random(0).sample(range(n_shards), min(n_read, n_shards))
        rows = sum(len(saved_verdicts.load(shard)) for shard in chosen)
        read_ = time.perf_counter() - saved
        assert rows == VERDICTS * len(chosen)
        print(
            f"{n_shards:>9,} shards, {n_shards * VERDICTS:>13,} verdicts: saved in {saved - began:6.1f} s, "
            f"read in {1000 * read_ / len(chosen):6.1f} ms a shard (buckets of {wide} shards)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("driver")
    one.add_argument("--splits", type=int, default=1_400_000)
    other = commands.add_parser("verdicts")
    other.add_argument("--shards", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    given = parser.parse_args()
    if given.command == "driver":
        driver(given.splits)
    else:
        for n in given.shards:
            verdicts(n)


if __name__ == "__main__":
    main()
