"""Near-duplicate removal on corpora whose near-duplicates are known: speed, memory, recall, precision.

    python benchmarks/dedup.py generate FOLDER --documents 100000
    python benchmarks/dedup.py scale|components|recall|marin|peers|copies|incremental|engines

What each shows, and how to read it, is in docs/dedup.md. Every one makes its corpus itself, from a seed, in a
scratch folder that goes when it ends, and prints one table. `--with NAME=VALUE` sets a setting of the stage.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import bands
import books
import curves
import numpy as np
import planted
import repeats
import rivals
import yaml
from processes import NAME, run, warm

TABLE = "{:>12} {:>8} {:>9} {:>9} {:>9} {:>9}  {}"


def generate(given: argparse.Namespace) -> None:
    """A corpus on disk, with its truth, and how alike documents are that are no copies."""
    pool, seconds = timed(lambda: planted.pool(planted.sentences(given.data)))
    print(f"{len(pool.starts) - 1:,} passages, {len(pool.tokens):,} words, read in {seconds:.1f} s")
    n = given.documents
    plan = planted.layout(n, planted.Mix.of(n), given.seed)
    made, seconds = timed(lambda: planted.write(given.folder, pool, plan, given.seed))
    rate = made["bytes"] / seconds / 1e6
    print(f"{n:,} documents, {made['copies']:,} copies, {made['bytes'] / 1e6:,.0f} MB, {rate:.0f} MB/s")
    found = planted.nearest(pool, given.seed)
    middle, high = np.quantile(found, [0.5, 0.99])
    print(
        f"of {len(found)} documents the nearest among 10,000 others has Jaccard {middle:.3f} (median), "
        f"{high:.3f} (99 %), {found.max():.3f} (most)"
    )


def scale(given: argparse.Namespace, home: Path) -> None:
    """Whole fuzzy dedup at growing sizes: seconds, memory, slope."""
    pool = planted.pool(planted.sentences(given.data))
    points, cpu = [], []
    warm(given.settings, home)
    print(TABLE.format("documents", "MB", "seconds", "of CPU", "peak GB", "kept", "seconds by phase"))
    for n in given.sizes:
        plan = planted.layout(n, planted.Mix.of(n), given.seed)
        made = planted.write(home / f"{n}", pool, plan, given.seed)
        done = run(f"{home}/{n}/part-*.parquet", given.settings, home / "out", given.workers, given.memory)
        shutil.rmtree(home / f"{n}")
        points.append((n, done.watched.seconds))
        cpu.append((n, done.watched.cpu_seconds))
        phases = ", ".join(f"{name} {seconds:.1f}" for name, seconds in done.phases.items())
        megabytes, peak = f"{made['bytes'] / 1e6:,.0f}", f"{done.watched.gigabytes:.2f}"
        kept = f"{done.record['rows'][NAME]:,}"
        seconds = f"{done.watched.seconds:.1f}", f"{done.watched.cpu_seconds:.1f}"
        print(TABLE.format(f"{n:,}", megabytes, *seconds, peak, kept, phases), flush=True)
    for (n, before), (m, after) in pairwise(points):
        print(f"log-log slope of seconds from {n:,} to {m:,}: {np.log(after / before) / np.log(m / n):.2f}")
    for (n, before), (m, after) in pairwise(cpu):
        print(f"log-log slope of CPU seconds, {n:,} to {m:,}: {np.log(after / before) / np.log(m / n):.2f}")


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


@contextmanager
def scratch(given: argparse.Namespace) -> Iterator[Path]:
    """A folder that is gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="dedup-", dir=given.scratch))
    try:
        yield home
    finally:
        shutil.rmtree(home)


def setting(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    return name, yaml.safe_load(value)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--data", type=Path, default=Path("../shared/data"))
    shared.add_argument("--seed", type=int, default=1)
    shared.add_argument("--workers", type=int, default=2)
    shared.add_argument("--memory", default="2GB", help="limit of the engine's queries")
    shared.add_argument("--scratch", type=Path, help="folder for corpora and runs; default: the system's")
    shared.add_argument(
        "--with", dest="settings", type=setting, action="append", default=[], metavar="NAME=VALUE"
    )
    commands = parser.add_subparsers(required=True)

    def command(work: Callable[..., None], **options: Any) -> argparse.ArgumentParser:
        made = commands.add_parser(work.__name__, parents=[shared], help=work.__doc__)
        made.set_defaults(work=work)
        for name, value in options.items():
            made.add_argument(f"--{name}", type=type(value), default=value)
        return made

    command(generate, documents=10_000).add_argument("folder", type=Path)
    command(scale).add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    command(bands.components, documents=10_000_000)
    command(curves.recall, pairs=4_000, verify=0.8).add_argument("--plot", type=Path)
    command(books.marin, books=20_000, words=5_000)
    peers = command(rivals.peers, documents=10_000)
    peers.add_argument("--peers", nargs="+", default=list(rivals.RIVALS), choices=list(rivals.RIVALS))
    command(repeats.copies).add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    command(repeats.incremental, documents=30_000, dumps=3)
    command(repeats.engines, documents=10_000)
    given = parser.parse_args()
    given.settings = dict(given.settings)
    return given


def main() -> None:
    given = arguments()
    if given.work is generate:
        generate(given)
        return
    with scratch(given) as home:
        given.work(given, home)


if __name__ == "__main__":
    main()
