"""Deduplication below the document: our kernels beside datatrove's blocks and cc_net's loop, and the queries.

    python benchmarks/lines.py [DATA] [--documents N] [--slow N]
    python benchmarks/lines.py --queries N [--memory 4GB] [--workers 2] [--folder DIR]

Speed: CPU time of one core on the same real documents, best of three for ours; what compares lines in Python
(cc_net's loop: strip, lower, digits, punctuation, SHA-1) gets all of them, datatrove's sentences the first
`--slow`. `keys` and `rewrite` are the two passes over text; rewriting is timed with every third unit gone.

Queries: `relate` over the keys of N documents of 30 units on average, a third of them shared (most in two or
three documents, a few in thousands), in DuckDB; seconds, peak memory of the process and of its folder.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from datatrove.data import Document
from datatrove.pipeline.dedup.sentence_dedup import (
    SentDedupConfig,
    SentenceDedupFilter,
    SentenceDedupSignature,
)
from datatrove.utils.hashing import HashConfig

from pipeline.local import LocalEngine
from pipeline.schema import DOC, FILE, ID, ROW_BITS, SOURCE, TEXT, URL, conform
from pipeline.sql import Relation
from stages.dedup.lines import LineDedup
from stages.dedup.lines.profiles import PROFILES, Profile

FILES = ("proxy_corpus/web_en_gold", "proxy_corpus/multilingual_debian_docs", "proxy_corpus/books")
SHARD = 50_000
UNITS = 30
_DIGIT, _OTHER = (
    re.compile(r"\d"),
    re.compile("[，。、„”“«»」「《》´∶：？！（）；–—．～’…━〈〉【】％►\x00-\x1f\x7f-\x9f]"),
)


def texts(data: Path, n: int) -> Iterator[str]:
    """Documents of a web page's, a manual's and a chapter's size, in turn."""
    for name in FILES:
        with (data / f"{name}.jsonl.zst").open("rb") as file:
            lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8")
            for _, line in zip(range(n // len(FILES)), lines, strict=False):
                yield json.loads(line)["text"]


def cpu(work: Callable[[], Any], times: int = 3) -> float:
    """Seconds of one core, the best of `times`."""
    best = float("inf")
    for _ in range(times):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def show(name: str, seconds: float, documents: list[str]) -> None:
    n_bytes = sum(len(t.encode()) for t in documents)
    each = f"{seconds / len(documents) * 1e6:9.0f} us/document"
    print(f"{name:<36}{each}{n_bytes / seconds / 1e6:9.1f} MB/s")


def ours(documents: list[str], profile: Profile) -> None:
    n, step = len(documents), LineDedup(profile=profile)
    columns = [[f"id{i}" for i in range(n)], documents, [f"http://site{i % 99}.com/" for i in range(n)]]
    columns += [["s"] * n, ["f"] * n]
    arrays = [pa.array(c, pa.string()) for c in columns]
    batch = pa.RecordBatch.from_arrays(arrays, schema=pa.schema([ID, TEXT, URL, SOURCE, FILE]))
    hashes = step.keys(batch).column("hashes")
    gone = [sorted(h[::3]) for h in hashes.to_pylist()]
    (wanted,) = step.verdicts()
    lost = batch.append_column(wanted, pa.array(gone, wanted.type))
    step.rewrite(lost)

    def fresh(rows: pa.RecordBatch) -> pa.RecordBatch:  # the table of words must not be remembered
        return rows.set_column(1, TEXT, pa.array(documents, pa.string()))

    seconds = [
        min(_timed(lambda b, f=f: f(b), fresh(rows)) for _ in range(3))
        for f, rows in ((step.keys, batch), (step.rewrite, lost))
    ]
    for name, value in zip(("keys", "rewrite"), seconds, strict=True):
        show(f"line_dedup {profile}: {name}", value, documents)


def _timed(work: Callable[[pa.RecordBatch], Any], batch: pa.RecordBatch) -> float:
    return cpu(lambda: work(batch), 1)


def cc_net(documents: list[str]) -> int:
    """Hash all lines as cc_net does, then keep those of which a set holds one."""
    seen: dict[bytes, int] = {}
    hashed = []
    for text in documents:
        hashes = []
        for line in text.split("\n"):
            normal = _OTHER.sub("", _DIGIT.sub("0", line.strip().lower()))
            hashes.append(hashlib.sha1(normal.encode()).digest()[:8])
        for h in {*hashes}:
            seen[h] = seen.get(h, 0) + 1
        hashed.append(hashes)
    kept = 0
    for text, hashes in zip(documents, hashed, strict=True):
        lines = zip(text.split("\n"), hashes, strict=True)
        kept += len("\n".join(line for line, h in lines if seen[h] < 2))
    return kept


def datatrove(documents: list[str]) -> None:
    config = SentDedupConfig(hash_config=HashConfig(hash_fc="sha1"))
    with tempfile.TemporaryDirectory() as folder:
        given = [Document(text=t, id=str(i)) for i, t in enumerate(documents)]
        signature = SentenceDedupSignature(f"{folder}/sigs", config=config)
        signature.get_hashes(given[0], 0)
        show("datatrove SentenceDedupSignature", cpu(lambda: signature.run(iter(given)), 1), documents)
        judge = SentenceDedupFilter(f"{folder}/none", config=config)
        gone = np.arange(0, 9, 3)
        seconds = cpu(lambda: [judge.remove_dup_sentences(d, gone) for d in given], 1)
        show("datatrove remove_dup_sentences", seconds, documents)


def keys(n: int, folder: Path) -> list[Path]:
    """Key files of `n` documents, written a shard at a time."""
    rng, made = np.random.default_rng(0), []
    for shard in range(-(-n // SHARD)):
        rows = min(SHARD, n - shard * SHARD)
        lengths = np.clip(rng.gamma(1.5, UNITS / 1.5, rows), 1, 2000).astype(np.int64)
        total = int(lengths.sum())
        # A third is shared: line number r of a pool as large as the corpus, drawn with p ~ 1 / (r + 50).
        pool = 50 * np.exp(rng.random(total) * np.log1p(n * UNITS / 3 / 50)) - 50
        shared = (pool.astype(np.int64) + 1) * np.int64(0x1E3779B97F4A7C15)
        own = rng.integers(-(2**63), 2**63 - 1, total)
        values = np.where(rng.random(total) < 1 / 3, shared, own)
        ends = np.concatenate([[0], np.cumsum(lengths)])
        document = np.repeat(np.arange(rows), lengths)
        order = np.lexsort((values, document))  # a document has a hash once
        again = (np.diff(values[order]) == 0) & (np.diff(document[order]) == 0)
        values[order[1:][again]] = rng.integers(-(2**63), 2**63 - 1, int(again.sum()))
        hashes = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(values))
        doc = pa.array(np.arange(rows) + (shard << ROW_BITS))
        zero = pa.array(np.zeros(rows, np.int64))
        schema = LineDedup.key_columns
        given = dict(zip(schema.names, [hashes, zero, pa.array(lengths), zero, zero], strict=True))
        batch = conform(pa.RecordBatch.from_pydict({"doc": doc, **given}), pa.schema([DOC, *schema]))
        made.append(folder / f"keys-{shard:05d}.parquet")
        pq.write_table(pa.table(batch), made[-1], compression="zstd")
    return made


class NoLook:
    """A look at documents that is not asked for."""

    def second_pass(self, docs: Relation) -> Relation:
        raise AssertionError("keys suffice")

    def metric(self, name: str, value: int) -> None:
        pass


def queries(n: int, memory: str, workers: int, folder: Path) -> None:
    files = keys(n, folder)
    print(f"{n:,} documents, keys of {sum(f.stat().st_size for f in files) / 1e6:,.0f} MB")
    for name, step in {
        "ccnet": LineDedup(),
        "baichuan2": LineDedup(profile="baichuan2"),
        "boilerplate": LineDedup(profile="boilerplate"),
    }.items():
        engine = LocalEngine(workers, {"memory": memory})
        began = time.perf_counter()
        with engine.session(folder / "session") as sql:
            count = step.relate(sql.read(files), sql, NoLook()).count()
        engine.close()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        seconds = time.perf_counter() - began
        print(f"{name:<12}{seconds:7.1f} s, peak so far {peak:.2f} GB, {count:,} documents lose something")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=Path(__file__).parents[2] / "shared/data")
    parser.add_argument("--documents", type=int, default=1500)
    parser.add_argument("--slow", type=int, default=100)
    parser.add_argument("--queries", type=int, default=0)
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    if args.queries:
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            queries(args.queries, args.memory, args.workers, Path(folder))
        return
    documents = [*texts(args.data, args.documents)]
    for profile in PROFILES:
        ours(documents, cast(Profile, profile))
    show("cc_net's loop in Python, both passes", cpu(lambda: cc_net(documents), 1), documents)
    datatrove(documents[:: max(1, len(documents) // args.slow)])


if __name__ == "__main__":
    main()
