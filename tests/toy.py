"""Small stages of every kind, for tests of the kernel and of engines: workers import them by name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.config import Recipe
from pipeline.plan import Chain
from pipeline.schema import REASONS, TEXT, column, document_schema
from pipeline.stage import Filter, Look, Map, Relate, Relation, Source, Split, Sql, Step, Stream
from pipeline.steps import Named

N_CHARS = column("n_chars", pa.int64(), "characters of the text", "characters")
FIRST = column("same_letter_as", pa.string(), "id of the first document with this letter")


@dataclass(frozen=True, kw_only=True)
class Lines(Source):
    """Each line of a text file is a document; `?` lines are damaged."""

    paths: tuple[str, ...]
    source: str = ""
    rows: int = 3
    """Of a batch: no result may depend on it."""

    def makes(self) -> pa.Schema:
        return document_schema(TEXT)

    def splits(self) -> list[Split]:
        sizes = {p: Path(p).stat() for p in self.paths}
        return [
            Split(path=p, start=0, stop=s.st_size, size=s.st_size, stamp=str(s.st_mtime_ns))
            for p, s in sizes.items()
        ]

    def read(self, split: Split) -> Iterator[pa.RecordBatch]:
        offset, held = 0, []
        for line in Path(split.path).read_text().splitlines():
            held.append(
                {
                    "id": f"{Path(split.path).name}:{offset}",
                    "text": line,
                    "source": self.source,
                    "file": Path(split.path).name,
                    "offset": offset,
                    "length": len(line) + 1,
                    "reasons": ["damaged"] if line == "?" else None,
                }
            )
            offset += len(line) + 1
        schema = self.makes().append(REASONS)
        for i in range(0, len(held), self.rows):
            yield pa.RecordBatch.from_pylist(held[i : i + self.rows], schema=schema)


@dataclass(frozen=True, kw_only=True)
class Count(Map):
    """Adds the number of characters."""

    reads: ClassVar[pa.Schema] = pa.schema([TEXT])
    adds: ClassVar[pa.Schema] = pa.schema([N_CHARS])

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch.append_column(N_CHARS, pc.utf8_length(batch["text"]).cast(pa.int64()))


@dataclass(frozen=True, kw_only=True)
class Long(Filter):
    """Wants a number of characters, and no `#`."""

    min_n_chars: int = 4
    reads: ClassVar[pa.Schema] = pa.schema([TEXT, N_CHARS])

    def reasons(self, batch: pa.RecordBatch) -> pa.ListArray:
        rows = zip(batch["n_chars"].to_pylist(), batch["text"].to_pylist(), strict=True)
        failed = [["min_n_chars"] * (n < self.min_n_chars) + ["hash_sign"] * ("#" in t) for n, t in rows]
        return pa.array(failed, pa.list_(pa.string()))


@dataclass(frozen=True, kw_only=True)
class OnePerLetter(Relate):
    """Keeps the first document of each first letter."""

    reads: ClassVar[pa.Schema] = pa.schema([TEXT])
    adds: ClassVar[pa.Schema] = pa.schema([FIRST])
    key_columns: ClassVar[pa.Schema] = pa.schema([("id", pa.string()), ("letter", pa.string())])
    by: str = "letter"
    """What counts as the letter: the first, or the `last`."""
    extra: int = 0
    """Changes nothing but the fingerprint."""
    every: bool = False
    """Whether documents that are kept have a verdict, too, without a reason."""

    def keys(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        texts = pc.utf8_reverse(batch["text"]) if self.by == "last" else batch["text"]
        letters = pc.utf8_slice_codeunits(texts, 0, 1)
        return pa.RecordBatch.from_arrays([batch["id"], letters], schema=self.key_columns)

    def relate(self, keys: Relation, sql: Sql, look: Look) -> Relation:
        first = sql("SELECT letter, min(doc) AS kept FROM {keys} GROUP BY letter", keys=keys)
        return sql(
            "SELECT k.doc, CASE WHEN k.doc <> g.kept THEN 'same_letter' END AS reason, "
            "f.id AS same_letter_as FROM {keys} k "
            "JOIN {first} g ON k.letter = g.letter JOIN {keys} f ON f.doc = g.kept "
            f"WHERE {self.every} OR k.doc <> g.kept",
            keys=keys,
            first=first,
        )


TOLD = column("told", pa.string(), "what the other documents of its letter look like")


@dataclass(frozen=True, kw_only=True)
class Compare(Relate):
    """Uses all a relate step can: looks at documents of one letter again, beside those of a reference."""

    reads: ClassVar[pa.Schema] = pa.schema([TEXT])
    adds: ClassVar[pa.Schema] = pa.schema([TEXT, TOLD])
    key_columns: ClassVar[pa.Schema] = pa.schema([("initial", pa.int64())])
    feature_columns: ClassVar[pa.Schema] = pa.schema([("letter", pa.int64()), ("seen", pa.string())])
    against: tuple[str, ...] = ()
    earlier: bool = False
    """Whether documents are told of those before them: of references, too."""

    def stamp(self) -> str:
        return " ".join(split.stamp for source in self.references() for split in source.splits())

    def references(self) -> list[Source]:
        return [Lines(paths=self.against)] if self.against else []

    def keys(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        letters = [ord(t[0]) for t in batch["text"].to_pylist()]
        return pa.RecordBatch.from_arrays([pa.array(letters, pa.int64())], schema=self.key_columns)

    def features(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        seen = [f"{t}/{n}" for t, n in zip(batch["text"].to_pylist(), batch["n"].to_pylist(), strict=True)]
        return pa.RecordBatch.from_arrays([batch["letter"], pa.array(seen)], schema=self.feature_columns)

    def relate(self, keys: Relation, sql: Sql, look: Look) -> Relation:
        several = sql(
            "SELECT initial, count(*) AS n FROM {keys} GROUP BY initial HAVING count(*) > 1", keys=keys
        )
        look.metric("letters", several.count())
        docs = sql(
            "SELECT doc, initial AS letter, n FROM {keys} JOIN {several} USING (initial)",
            keys=keys,
            several=several,
        )
        told = pa.schema([("doc", pa.int64()), ("told", pa.string())])
        tells = tell_earlier if self.earlier else tell
        seen = sql.apply(tells, look.second_pass(docs), told, by=("letter", "doc"))
        return sql("SELECT doc, CASE WHEN told = '' THEN 'last' END AS reason, told FROM {seen}", seen=seen)

    def verdicts(self) -> pa.Schema:
        return pa.schema([TOLD])

    def rewrite(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        at = batch.schema.get_field_index("text")
        loud = pc.if_else(pc.is_valid(batch["told"]), pc.utf8_upper(batch["text"]), batch["text"])
        return batch.set_column(at, TEXT, loud)


@dataclass(frozen=True, kw_only=True)
class Twice(Compare):
    """Looks at documents that begin with a, then at those that begin with b; drops none."""

    def relate(self, keys: Relation, sql: Sql, look: Look) -> Relation:
        seen = [
            look.second_pass(
                sql(f"SELECT doc, initial AS letter, {n} AS n FROM {{keys}} WHERE initial = {n}", keys=keys)
            )
            for n in map(ord, "ab")
        ]
        told = "SELECT doc, CAST(NULL AS VARCHAR) AS reason, seen AS told"
        return sql(f"{told} FROM {{a}} UNION ALL {told} FROM {{b}}", a=seen[0], b=seen[1])


def tell(groups: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Each document of a letter with what those after it look like."""
    for group in groups:
        assert len(set(group["letter"].to_pylist())) == 1
        seen = group["seen"].to_pylist()
        told = [" ".join(seen[i + 1 :]) for i in range(len(seen))]
        yield pa.RecordBatch.from_pydict({"told": told, "doc": group["doc"]})


def tell_earlier(groups: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Each document of a letter with what those before it look like; the first one's is not dropped."""
    for group in groups:
        seen = group["seen"].to_pylist()
        told = [" ".join(seen[:i]) or "first" for i in range(len(seen))]
        yield pa.RecordBatch.from_pydict({"told": told, "doc": group["doc"]})


@dataclass(frozen=True, kw_only=True)
class Pairs(Stream):
    """Joins two documents to one."""

    reads: ClassVar[pa.Schema] = pa.schema([TEXT])

    def stream(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows: list[dict[str, Any]] = []
        schema = None
        for batch in batches:
            schema = batch.schema
            rows += batch.to_pylist()
        for a, b in zip(rows[::2], rows[1::2], strict=False):
            yield pa.RecordBatch.from_pylist([a | {"text": f"{a['text']} {b['text']}"}], schema=schema)


@dataclass(frozen=True, kw_only=True)
class Fail(Map):
    """Fails on a word: raises, or sleeps, or kills its process until `once` exists."""

    word: str
    once: str = ""
    sleep: float = 0
    reads: ClassVar[pa.Schema] = pa.schema([TEXT])

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if self.word in batch["text"].to_pylist():
            time.sleep(self.sleep)
            if not self.once:
                raise ValueError(f"cannot stand {self.word!r}")
            if not Path(self.once).exists():
                Path(self.once).touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return batch


def chain(
    source: Lines, *steps: Step, name: str = "toy", shared: int = 0, saves: tuple[int, ...] = ()
) -> Chain:
    """A chain whose last `shared` steps are common to all sources."""
    named = tuple(Named(name=type(s).__name__, use=type(s).__name__, step=s) for s in steps)
    return Chain(
        source=Named(name=name, use="Lines", step=source),
        steps=named,
        shared_from=len(named) - shared,
        saves=frozenset(saves),
    )


def recipe(output: Path, *chains: Chain, shard_bytes: int = 1) -> Recipe:
    """A recipe made of toy stages; a file is a shard, and stays one, unless `shard_bytes` is larger."""
    return Recipe(
        file="toy.yaml",
        name="toy",
        output=output,
        chains=chains,
        sections=(),
        engine={},
        shard_bytes=shard_bytes,
    )


STAGES = {
    "lines": "tests.toy:Lines",
    "count": "tests.toy:Count",
    "long": "tests.toy:Long",
    "one_per_letter": "tests.toy:OnePerLetter",
    "pairs": "tests.toy:Pairs",
    "fail": "tests.toy:Fail",
}


def write_lines(folder: Path, files: dict[str, str]) -> tuple[str, ...]:
    """Text files, one a name; returns their paths. What is there already keeps its time."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        if not (folder / name).exists():
            (folder / name).write_text(text)
    return tuple(str(folder / name) for name in files)


def edit(path: Path, before: str, after: str) -> None:
    """Other words of the same length, at another time."""
    path.write_text(path.read_text().replace(before, after))
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 1))


def texts(run_folder: Path, source: str = "toy") -> list[str]:
    """Texts of the documents that a run has kept, in their order."""
    shards = sorted((run_folder / "documents" / source).glob("part-*.parquet"))
    return [t for s in shards for t in pq.read_table(s)["text"].to_pylist()]
