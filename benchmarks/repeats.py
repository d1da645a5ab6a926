"""What repeats: one page a hundred thousand times, one corpus dump by dump, one recipe on every engine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import planted
import pyarrow.parquet as pq
from curves import duplicates
from processes import NAME, Run, recipe, run, warm, watch


def copies(given: argparse.Namespace, home: Path) -> None:
    """One page many times, exact or each edited by itself: time must grow as their number does."""
    pool = planted.pool(planted.sentences(given.data))
    warm(given.settings, home)
    print(
        f"{'copies':24} {'documents':>10} {'seconds':>9} {'of CPU':>9} {'peak GB':>9} {'kept':>9}  "
        "seconds by phase"
    )
    for name, aim in (("exact", 1.0), ("edited, Jaccard .95", 0.95)):
        for n in given.sizes:
            plan = planted.layout(n, planted.Mix(pairs=0, large=(n,)), given.seed)
            plan = plan._replace(aim=np.full(n, aim))
            corpus = home / f"{aim}-{n}"
            planted.write(corpus, pool, plan, given.seed)
            done = run(f"{corpus}/part-*.parquet", given.settings, home / "out", given.workers, given.memory)
            phases = ", ".join(f"{phase} {seconds:.1f}" for phase, seconds in done.phases.items())
            watched, kept = done.watched, done.record["rows"][NAME]
            print(
                f"{name:24} {n:>10,} {watched.seconds:>9.1f} {watched.cpu_seconds:>9.1f} "
                f"{watched.gigabytes:>9.2f} {kept:>9,}  {phases}",
                flush=True,
            )


def engines(given: argparse.Namespace, home: Path) -> None:
    """`pipeline verify`: the same hash from the local engine with one worker and two, and from Spark."""
    plan = planted.layout(given.documents, planted.Mix.of(given.documents), given.seed)
    planted.write(home / "in", planted.pool(planted.sentences(given.data)), plan, given.seed)
    file = recipe(f"{home}/in/part-*.parquet", given.settings, home / "out", given.memory)
    flags = ["--engines", "local,spark", "--workers", "1,2"]
    done = watch([sys.executable, "-m", "pipeline", "verify", file, *flags])
    print("".join(line for _, line in done.lines), end="")


def incremental(given: argparse.Namespace, home: Path) -> None:
    """Dump by dump against the index, and all at once: the same documents dropped for the same others."""
    n, dumps = given.documents, given.dumps
    plan = planted.layout(n, planted.Mix.of(n), given.seed)
    planted.write(
        home / "in", planted.pool(planted.sentences(given.data)), plan, given.seed, shards=2 * dumps
    )
    parts = sorted((home / "in").glob("part-*.parquet"))
    warm(given.settings, home)
    kept = set[str]()
    print(f"{'':12} {'documents':>10} {'seconds':>9} {'peak GB':>9} {'kept':>9} {'earlier ones changed':>21}")
    for i in range(dumps):
        folder = home / f"dump-{i}"
        folder.mkdir()
        for path in parts[i * len(parts) // dumps : (i + 1) * len(parts) // dumps]:
            path.rename(folder / path.name)
        settings = {**given.settings, "index": str(home / "index"), "part": f"dump-{i}"}
        done = run(f"{folder}/*.parquet", settings, home / "out", given.workers, given.memory)
        kept |= ids(done.folders()[0])
        changed = read(sorted((home / f"index/dump-{i}/changed").rglob("*.parquet")))
        for row in changed:
            (kept.add if row["fate"] == "kept" else kept.discard)(row["id"])
        table_row(f"dump {i + 1}", done, len(kept), f"{len(changed):,}")
    whole = run(f"{home}/dump-*/*.parquet", given.settings, home / "out", given.workers, given.memory)
    own = ids(whole.folders()[0])
    table_row("all at once", whole, len(own), "")
    state = read(sorted((home / f"index/dump-{dumps - 1}/state").rglob("*.parquet")))
    print(f"kept by one way only: {len(kept ^ own):,} of {len(kept | own):,} documents")
    then = {row["cluster"]["duplicate_of"] for row in state if row["reason"]}
    print(f"kept in place of others by one way only: {len(then ^ {of for _, of in duplicates(whole)}):,}")


def table_row(name: str, done: Run, n_kept: int, note: str) -> None:
    documents, watched = done.record["steps"][0]["in"], done.watched
    print(
        f"{name:12} {documents:>10,} {watched.seconds:>9.1f} {watched.gigabytes:>9.2f} {n_kept:>9,} "
        f"{note:>21}",
        flush=True,
    )


def read(files: Sequence[Path]) -> list[dict[str, Any]]:
    return [row for path in files for row in pq.ParquetFile(path).read().to_pylist()]


def ids(folder: Path) -> set[str]:
    return {
        row["id"]
        for path in folder.glob("part-*.parquet")
        for row in pq.read_table(path, columns=["id"]).to_pylist()
    }
