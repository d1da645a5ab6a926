"""The same documents through other libraries' whole fuzzy dedup: 14 bands of 8 minima over word 5-grams.

datatrove's four blocks as FineWeb's script has them; datasketch and rensa with `text.lower().split()`, their
LSH index, and the first document kept of each set joined by chains of candidates.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import planted
import pyarrow as pa
import pyarrow.parquet as pq
from curves import LEVELS, s_curve
from processes import Watched, run, warm, watch

BANDS, ROWS, NGRAM = 14, 8, 5
COLUMNS = "{:12}{:>9}{:>9}{:>7}{:>9}{:>9}{:>9}{:>10} "


def read(corpus: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in sorted(corpus.glob("part-*.parquet"))])


def shingles(text: str) -> list[str]:
    words = text.lower().split()
    return [" ".join(words[i : i + NGRAM]) for i in range(len(words) - NGRAM + 1)]


def keep_first(table: pa.Table, candidates: Iterable[tuple[int, Iterable[int]]], out: Path) -> None:
    """Write the first document of each set that (row, rows like it) join."""
    root = list(range(len(table)))

    def find(x: int) -> int:
        while root[x] != x:
            root[x] = root[root[x]]
            x = root[x]
        return x

    for row, others in candidates:
        for other in others:
            a, b = find(row), find(other)
            root[max(a, b)] = min(a, b)
    kept = pa.array([i for i in range(len(table)) if find(i) == i])
    pq.write_table(table.take(kept), out / "part-00000.parquet", compression="zstd")


def with_datasketch(corpus: Path, out: Path, workers: int) -> None:
    """One process: its index cannot be filled by two."""
    import xxhash
    from datasketch import MinHash, MinHashLSH

    table = read(corpus)
    index = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    empty = MinHash(num_perm=BANDS * ROWS, seed=1, hashfunc=xxhash.xxh32_intdigest)
    found = []
    for row, text in enumerate(table["text"].to_pylist()):
        sketch = empty.copy()
        sketch.update_batch([s.encode() for s in shingles(text)])
        found.append((row, index.query(sketch)))
        index.insert(row, sketch)
    keep_first(table, found, out)


def with_rensa(corpus: Path, out: Path, workers: int) -> None:
    """Its own threads; full-set R-MinHash, since the faster rho sketch samples and gives no candidates."""
    from rensa import RMinHash, RMinHashLSH

    table = read(corpus)
    sketches = RMinHash.from_token_sets(map(shingles, table["text"].to_pylist()), BANDS * ROWS, 1)
    index = RMinHashLSH(threshold=0.8, num_perm=BANDS * ROWS, num_bands=BANDS)
    index.insert_many(sketches)
    keep_first(table, enumerate(index.query_all(sketches)), out)


def with_datatrove(corpus: Path, out: Path, workers: int) -> None:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.writers import ParquetWriter
    from datatrove.utils.hashing import HashConfig
    from loguru import logger

    logger.remove()
    config = MinhashConfig(
        n_grams=NGRAM,
        num_buckets=BANDS,
        hashes_per_bucket=ROWS,
        hash_config=HashConfig(hash_fc="sha1", precision=64),
    )
    work = {name: str(out / name) for name in ("signatures", "buckets", "remove")}
    reader = ParquetReader(str(corpus), glob_pattern="part-*.parquet")
    n_files = len(list(corpus.glob("part-*.parquet")))
    stages: list[tuple[list[Any], int]] = [
        ([reader, MinhashDedupSignature(work["signatures"], config=config)], n_files),
        ([MinhashDedupBuckets(work["signatures"], work["buckets"], config=config)], BANDS),
        ([MinhashDedupCluster(work["buckets"], work["remove"], config=config)], 1),
        ([reader, MinhashDedupFilter(work["remove"]), ParquetWriter(str(out), compression="zstd")], n_files),
    ]
    for number, (steps, tasks) in enumerate(stages):
        logs = str(out / "logs" / str(number))
        LocalPipelineExecutor(steps, tasks=tasks, workers=min(tasks, workers), logging_dir=logs).run()


RIVALS: dict[str, Callable[[Path, Path, int], None]] = {
    "datatrove": with_datatrove,
    "datasketch": with_datasketch,
    "rensa": with_rensa,
}


def kept(folder: Path) -> set[str]:
    return {
        name
        for path in folder.glob("*.parquet")
        for name in pq.read_table(path, columns=["id"])["id"].to_pylist()
    }


def peers(given: argparse.Namespace, home: Path) -> None:
    """Seconds, memory, what is kept, and the planted pairs that are found, ours and theirs."""
    n = given.documents
    mix = planted.Mix.of(n)._replace(large=(), levels=LEVELS)
    plan = planted.layout(n, mix, given.seed)
    made = planted.write(home / "in", planted.pool(planted.sentences(given.data)), plan, given.seed)
    print(f"{n:,} documents, {made['bytes'] / 1e6:.0f} MB, {made['copies']:,} copies")
    warm(given.settings, home)
    done = run(f"{home}/in/part-*.parquet", given.settings, home / "out", given.workers, given.memory)
    results = {"ours": (done.watched, kept(done.folders()[0]))}
    for name in given.peers:
        (home / name).mkdir()
        watched = watch([sys.executable, __file__, name, home / "in", home / name, given.workers])
        results[name] = watched, kept(home / name)
    print(f"ours: {', '.join(f'{name} {seconds:.1f}' for name, seconds in done.phases.items())}")
    compare(results, [t for t in pq.read_table(home / "in/truth.parquet").to_pylist() if t["kind"] == "pair"])


def compare(results: dict[str, tuple[Watched, set[str]]], truth: list[dict[str, Any]]) -> None:
    """One line each; `truth` has the planted pairs."""
    names = ("", "seconds", "of CPU", "times", "peak GB", "kept", "as ours", "found at")
    print(COLUMNS.format(*names) + " ".join(f"{level:>6}" for level in LEVELS))
    ours, own = results["ours"]
    for name, (watched, documents) in results.items():
        shares = []
        for level in LEVELS:
            mine = [t for t in truth if abs(t["aimed"] - level) < 1e-3]
            shares.append(sum(not {t["id"], t["original"]} <= documents for t in mine) / len(mine))
        figures = (
            f"{watched.seconds:.1f}", f"{watched.cpu_seconds:.1f}",
            f"{watched.cpu_seconds / ours.cpu_seconds:.1f}", f"{watched.gigabytes:.2f}",
            f"{len(documents):,}", f"{len(documents & own) / len(documents | own):.4f}", "",
        )  # fmt: skip
        print(COLUMNS.format(name, *figures) + " ".join(f"{share:>6.3f}" for share in shares))
    expected = []
    for level in LEVELS:
        true = np.array([t["jaccard"] for t in truth if abs(t["aimed"] - level) < 1e-3])
        expected.append(float(s_curve(true, BANDS, ROWS).mean()))
    print(COLUMNS.format("(S-curve)", *[""] * 7) + " ".join(f"{p:>6.3f}" for p in expected))


if __name__ == "__main__":
    RIVALS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
