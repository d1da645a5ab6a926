"""Key tables as a pass over documents leaves them, without the documents: bands by the S-curve's own law.

Of a copy with similarity s each band is its original's with probability s^rows, and otherwise nobody's.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import planted
import pyarrow as pa
import pyarrow.parquet as pq
from edits import compiled, key, mixed, uniform
from processes import watch

from pipeline.local import LocalEngine
from pipeline.relate import Query, Side
from pipeline.schema import DOC, conform
from pipeline.steps import Named
from pipeline.verdicts import numbers
from stages.dedup.minhash import MinhashDedup

SHARD_DOCUMENTS = 25_000
LARGE = (100_000, 10_000, 10_000, 1_000)
"""Documents of the large clusters, of 10 million."""


@compiled
def draw(
    seed: int,
    rows: int,
    group: npt.NDArray[np.int64],
    member: npt.NDArray[np.int64],
    chained: npt.NDArray[np.bool_],
    aim: npt.NDArray[np.float64],
    out: npt.NDArray[np.int64],
) -> None:
    """Fill int64 [documents, bands]; `group`, `member`, `aim` as in `planted.Layout`."""
    state = np.empty(1, np.uint64)
    for row in range(len(group)):
        for band in range(out.shape[1]):
            version = 0
            first = 1 if chained[row] else member[row]
            for step in range(max(first, 1), member[row] + 1):
                state[0] = key(seed, group[row], step) + mixed(np.uint64(band + 1))
                if uniform(state) >= aim[row] ** rows:
                    version = step
            out[row, band] = np.int64(key(seed + 1 + band, group[row], version))


@compiled
def hexadecimal(first: int, out: npt.NDArray[np.uint8]) -> None:
    """uint8 [documents, 32]: ids as long as hashes are."""
    for row in range(len(out)):
        for half in range(2):
            h = key(half, first + row, 0)
            for i in range(16):
                digit = np.int64(h >> np.uint64(4 * i)) & 15
                out[row, 16 * half + i] = digit + 48 if digit < 10 else digit + 87


def write_keys(folder: Path, n: int, step: MinhashDedup, seed: int) -> planted.Layout:
    """`folder/keys/part-*.parquet` for n documents, a fifth of them copies."""
    large = tuple(max(2, size * n // 10_000_000) for size in LARGE)
    mix = planted.Mix.of(n - 5 * sum(large))._replace(large=large)
    plan = planted.layout(n, mix, seed)
    schema = pa.schema([DOC, *step.key_schema()])
    n_bands, n_rows = step.banding
    (folder / "keys").mkdir(parents=True)
    for part, start in enumerate(range(0, n, SHARD_DOCUMENTS)):
        rows = slice(start, min(start + SHARD_DOCUMENTS, n))
        size = rows.stop - rows.start
        values, ids = np.empty((size, n_bands), np.int64), np.empty((size, 32), np.uint8)
        draw(seed, n_rows, plan.group[rows], plan.member[rows], plan.kind[rows] == 3, plan.aim[rows], values)
        hexadecimal(start, ids)
        columns = {
            "doc": numbers(part, 0, size),
            "id": pa.array(ids.view("S32").reshape(-1)).cast(pa.string()),
            "rank": pa.array(np.zeros(size, np.int64)),
            "day": pa.array(np.datetime64("2024-01-01") + np.arange(size) % 365).cast(pa.string()),
            "source": pa.array(["web"] * size),
            "signature": pa.array(np.bitwise_xor.reduce(values, axis=1)),
            **dict(zip(step.key_schema().names[-n_bands:], np.ascontiguousarray(values.T), strict=True)),
        }
        batch = conform(pa.RecordBatch.from_pydict(columns), schema)
        pq.write_table(
            pa.Table.from_batches([batch]), folder / f"keys/part-{part:05d}.parquet", write_page_checksum=True
        )
    return plan


class TimedSql:
    """A session that writes down how long each query took, and how many rows it made."""

    def __init__(self, sql: Any):
        self.sql, self.spent = sql, list[tuple[float, int, str]]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sql, name)

    def __call__(self, query: str, **tables: Any) -> Any:
        began = time.perf_counter()
        made = self.sql(query, **tables)
        seconds = time.perf_counter() - began
        self.spent.append((seconds, made.count(), " ".join(query.split())))
        return made


class TimedEngine(LocalEngine):
    """The local engine, its queries timed; they are printed as JSON when the session ends."""

    @contextmanager
    def session(self, *given: Any) -> Iterator[Any]:
        with super().session(*given) as sql:
            timed = TimedSql(sql)
            yield timed
        print(json.dumps(timed.spent))


def relate(folder: Path, settings: dict[str, Any], workers: int, memory: str) -> None:
    """Keys to verdicts, in this process."""
    engine = TimedEngine(workers, {"memory": memory})
    shards = [folder / path.name for path in sorted((folder / "keys").glob("part-*.parquet"))]
    named = Named(name="minhash_dedup", use="minhash_dedup", step=MinhashDedup(**settings))
    side = Side(folder=folder, shards=shards, first=0)
    Query(named=named, sides=[side], engine=engine, progress=lambda *_: None).run([])


def components(given: argparse.Namespace, home: Path) -> None:
    """Bands to verdicts: seconds, memory, spill, and the queries that take longest."""
    # The guard would look at the documents of large clusters, and there are none.
    settings = {"max_cluster": 0, **given.settings}
    step = MinhashDedup(**settings)
    began = time.perf_counter()
    plan = write_keys(home, given.documents, step, given.seed)
    n_bands = given.documents * step.banding[0]
    print(f"{given.documents:,} documents, {n_bands:,} bands, made in {time.perf_counter() - began:.0f} s")
    dropped = f"SELECT count(*) FROM read_parquet('{home}/verdicts/*/*.parquet') WHERE reason IS NOT NULL"
    command = [sys.executable, __file__, home, json.dumps(settings), given.workers, given.memory]
    done = watch(command, home / ".session")
    found = duckdb.connect().execute(dropped).fetchall()[0][0]
    print(
        f"keys to verdicts: {done.seconds:.1f} s ({done.cpu_seconds:.1f} of CPU), peak memory "
        f"{done.gigabytes:.2f} GB (queries: {given.memory}), on disk {done.peak_disk / 1e9:.2f} GB; "
        f"{found:,} dropped, {int((plan.original >= 0).sum()):,} are copies"
    )
    spent: dict[str, list[float]] = {}
    for seconds, rows, query in json.loads(done.lines[-1][1]):
        total = spent.setdefault(query, [0.0, 0, 0])
        spent[query] = [total[0] + seconds, total[1] + 1, total[2] + rows]
    rest = done.seconds - sum(seconds for seconds, *_ in spent.values())
    print(
        f"{rest:8.1f} s of these for imports, checking the keys' pages, counting rows, writing the verdicts"
    )
    for query, (seconds, times, rows) in sorted(spent.items(), key=lambda q: -q[1][0])[:12]:
        print(f"{seconds:8.1f} s {times:>4.0f} times {rows:>12,.0f} rows  {query[:140]}")


if __name__ == "__main__":
    relate(Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
