"""Repeated passages, megabytes a second and peak memory: ours, and a suffix array of all words or bytes.

    python benchmarks/substring.py [DATA] [--rounds N] [--min-tokens N] [--memory LIMIT] [--only ONE]

The corpus is all of DATA's real text, in N rounds (words of later rounds get a mark, so that they are text
of their own), where every fifth document holds a passage of 20 to 400 words of an earlier one. Each
contestant is a process of its own with one thread; seconds are CPU seconds. With words, both must find the
same spans; a `byte` window is of twice as many bytes as there are tokens in ours, as in Lee et al. 2022.
The suffix array is libdivsufsort's (package pydivsufsort) with Kasai's longest common prefixes, in memory.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from pipeline.local import LocalEngine
from pipeline.schema import DOC, TEXT, conform
from pipeline.shards import ShardWriter, read_shard
from pipeline.sql import Relation, Sql
from pipeline.stage import Relate
from pipeline.steps import Named
from pipeline.verdicts import Verdicts, beside, number_rows
from stages.dedup.substrings import SubstringDedup
from stages.dedup.substrings.tokens import tokenized

SHARD_BYTES = 16 << 20
WIDTH = 1
Result = dict[str, Any]


def corpus(data: Path, rounds: int, folder: Path) -> Result:
    """Shards of documents with planted passages."""
    rng, texts = random.Random(1), list(real(data, rounds))
    for i in range(5, len(texts), 5):
        source, own = texts[rng.randrange(i)].split(" "), texts[i].split(" ")
        windows, cut = rng.randrange(len(source)), rng.randrange(len(own))
        texts[i] = " ".join([*own[:cut], *source[windows : windows + rng.randrange(20, 400)], *own[cut:]])
    ends = np.cumsum([len(t.encode()) for t in texts])
    shard_of = ends // SHARD_BYTES
    shards = []
    for shard in range(int(shard_of[-1]) + 1):
        shards.append(folder / f"part-{shard:05d}.parquet")
        with ShardWriter(shards[-1], pa.schema([TEXT])) as writer:
            held = [t for t, s in zip(texts, shard_of, strict=True) if s == shard]
            writer.write(pa.RecordBatch.from_arrays([pa.array(held, pa.string())], schema=pa.schema([TEXT])))
    return {"shards": shards, "n_bytes": int(ends[-1])}


def real(data: Path, rounds: int) -> Iterator[str]:
    for n in range(rounds):
        for file in sorted((data / "proxy_corpus").glob("*.jsonl.zst")):
            with file.open("rb") as raw:
                stream = zstandard.ZstdDecompressor().stream_reader(raw)
                for line in io.TextIOWrapper(stream, encoding="utf-8"):
                    if text := json.loads(line).get("text"):
                        yield " ".join(f"{w}{n}" for w in text.split(" ")) if n else text


class Looks:
    """What a run does around the queries of a step: passes over the shards, here one after the other."""

    def __init__(self, step: SubstringDedup, shards: Sequence[Path], folder: Path) -> None:
        self.step, self.shards, self.folder = step, shards, folder
        self.sql: Sql | None = None
        self.seconds: dict[str, float] = {}
        self.bytes: dict[str, int] = {}

    @contextlib.contextmanager
    def timed(self, what: str) -> Iterator[None]:
        begin = time.process_time() - sum(self.seconds.values())
        yield
        self.seconds[what] = time.process_time() - begin - sum(self.seconds.values())

    def look(self, what: str, columns: pa.Schema, asked: Path | None = None) -> list[Path]:
        files = []
        with self.timed(what):
            for i, shard in enumerate(self.shards):
                files.append(self.folder / f"{what}-{i:05d}.parquet")
                with ShardWriter(files[-1], pa.schema([DOC, *columns])) as writer:
                    for batch in number_rows(read_shard(shard), i):
                        if asked:
                            batch = beside(batch, saved(self.step, asked).load(i))
                        made = self.step.features(batch) if asked else self.step.keys(batch)
                        writer.write(conform(made, columns).add_column(0, DOC, batch.column("doc")))
        self.bytes[what] = sum(f.stat().st_size for f in files)
        return files

    def second_pass(self, docs: Relation) -> Relation:
        assert self.sql
        self.sql.save(docs, self.folder / "asked", WIDTH)
        return self.sql.read(self.look("features", self.step.feature_columns, self.folder / "asked"))

    def metric(self, name: str, value: int) -> None:
        self.bytes[name] = value


def saved(step: Relate, folder: Path) -> Verdicts:
    return Verdicts(named=Named(name="substrings", use="", step=step), folder=folder, width=WIDTH)


def ours(shards: Sequence[Path], length: int, memory: str) -> Result:
    """Passes and queries, as in a run with one worker."""
    step = SubstringDedup(min_tokens=length, action="cut")
    with tempfile.TemporaryDirectory() as name:
        looks = Looks(step, shards, Path(name))
        keys = looks.look("keys", step.key_columns)
        with (
            looks.timed("queries"),
            LocalEngine(1, {"memory": memory}).session(Path(name) / "sql") as sql,
        ):
            looks.sql = sql
            sql.save(step.relate(sql.read(keys), sql, looks), Path(name) / "verdicts", WIDTH)
        n_bytes = n_spans = 0
        with looks.timed("rewrite"):
            for i, shard in enumerate(shards):
                found = saved(step, Path(name) / "verdicts").load(i)
                for batch in number_rows(read_shard(shard), i):
                    rows = step.rewrite(beside(batch, found)).column("substring").to_pylist()
                    n_bytes += sum(row["n_bytes"] for row in rows)
                    n_spans += sum(row["n_spans"] for row in rows)
    return {"n_bytes": n_bytes, "n_spans": n_spans, "seconds": looks.seconds, "files": looks.bytes}


def suffix_array(shards: Sequence[Path], length: int, tokens: str) -> Result:
    """The same windows, from the order of all suffixes; `word` or `byte` tokens."""
    from pydivsufsort import divsufsort, kasai

    begin = time.process_time()
    texts = pa.concat_tables(pq.read_table(s) for s in shards)["text"].combine_chunks()
    table = tokenized(texts, tokens, False)
    if tokens == "word":
        _, ids = np.unique(table.hashes, return_inverse=True)
        border = np.arange(len(texts)) + len(ids)
        joined = np.insert(ids, table.offsets[1:], border).astype(np.uint32)
    else:
        # No byte is a border that stands nowhere else; 0xFF is in no text, and matches across it are few.
        joined = np.insert(np.frombuffer(texts.buffers()[2], np.uint8), table.offsets[1:], np.uint8(0xFF))
    order = divsufsort(joined)
    common = kasai(joined, order)
    firsts = np.flatnonzero(np.concatenate([[True], common[:-1] < length]))
    repeated = np.ones(len(joined), bool)
    repeated[np.minimum.reduceat(order, firsts)] = False
    n_bytes = n_spans = 0
    for row, (a, b) in enumerate(pairwise(table.offsets)):
        windows = np.flatnonzero(repeated[a + row : max(a, b - length + 1) + row]) + a
        if len(windows):
            starts, stops = table.starts[windows], table.ends[windows + length - 1]
            opens = np.flatnonzero(np.concatenate([[True], starts[1:] > stops[:-1]]))
            n_spans += len(opens)
            n_bytes += int((stops[np.append(opens[1:], len(windows)) - 1] - starts[opens]).sum())
    return {"n_bytes": n_bytes, "n_spans": n_spans, "seconds": {"all": time.process_time() - begin}}


def alone(work: Callable[..., Result], *args: Any) -> Result:
    """In a process of its own, so that the peak is that of the work; a child begins with its parent's."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (work, *args))


def _measured(work: Callable[..., Result], *args: Any) -> Result:
    pa.set_cpu_count(1)
    tokenized(pa.array(["warm up"]), "word", False)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = work(*args)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return result | {"peak": after / 1024, "idle": before / 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--min-tokens", type=int, default=50)
    parser.add_argument("--memory", default="1GB", help="limit of the queries")
    parser.add_argument("--only", choices=["ours", "word", "byte"])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        made = alone(corpus, args.data, args.rounds, Path(name))
        shards, size = made["shards"], made["n_bytes"] / 1e6
        print(f"{size:.0f} MB of text in {len(shards)} shards")
        contestants: dict[str, tuple[Any, ...]] = {
            "ours": (ours, shards, args.min_tokens, args.memory),
            "word": (suffix_array, shards, args.min_tokens, "word"),
            "byte": (suffix_array, shards, 2 * args.min_tokens, "byte"),
        }
        for what, (work, *rest) in contestants.items():
            if args.only in (None, what):
                result = alone(work, *rest)
                took = sum(result["seconds"].values())
                print(f"{what}: {size / took:.1f} MB/s, peak {result['peak']:.0f} MiB, {json.dumps(result)}")


if __name__ == "__main__":
    main()
