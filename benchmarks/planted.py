"""A seeded corpus of any size with near copies planted at known Jaccard similarity, and the truth beside it.

A document is passages (sentences of 8 to 40 words) of real text, drawn anew for each, so that two documents
share little more than a passage; their number of words is log-normal. A copy is edited until it is about as
similar as asked, and what is then true, on the sets of word 5-grams in lower case, stands in `truth.parquet`.
Every document is a function of the seed and its number: nothing is held, and any part can be made alone.

Passages with scripts that write no spaces are left out: a word is what stands between spaces, for everybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from edits import Pool, closest, compose_sets, write_documents

from stages.extract.auto.labels import read_records

SETS = (
    "proxy_corpus/web_en_gold",
    "proxy_corpus/web_en_ccnet",
    "proxy_corpus/encyclopedia_en",
    "proxy_corpus/math",
    "proxy_corpus/qa_sci_samples",
    "proxy_corpus/multilingual_debian_docs",
    "proxy_corpus/code",
    "lid/lingua_sentences",
)
LEVELS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
"""Similarities that are aimed at; 1 is an exact copy."""
MEDIAN_WORDS, SIGMA = 400, 0.8
"""Of the log-normal length: a median of 2.4 kB and a mean of 3.3 kB, cut to 100 to 20,000 words."""
SHARD_DOCUMENTS = 32768

_NO_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u200b\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
_SENTENCE_END = re.compile(r"\n|(?<=[.!?:;])\s+")
_TRUTH = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("original", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("aimed", pa.float32()),
        pa.field("jaccard", pa.float32()),
    ]
)
Ints: TypeAlias = npt.NDArray[np.int64]


def sentences(data: Path, sets: Sequence[str] = SETS) -> Iterator[list[str]]:
    """Passages of the developer data, all different, as words."""
    seen = set[str]()
    for name in sets:
        for record in read_records(data / f"{name}.jsonl.zst"):
            for sentence in _SENTENCE_END.split(record["text"]):
                if _NO_SPACES.search(sentence):
                    continue
                words = sentence.split()
                for start in range(0, len(words), 40):
                    passage = words[start : start + 40]
                    key = " ".join(passage).lower()
                    if len(passage) >= 8 and key not in seen and max(map(len, passage)) <= 40:
                        seen.add(key)
                        yield passage


def pool(passages: Iterable[list[str]]) -> Pool:
    """All passages, each word a number."""
    numbers: dict[str, int] = {}
    tokens, starts = [], [0]
    for passage in passages:
        tokens += [numbers.setdefault(word, len(numbers)) for word in passage]
        starts.append(len(tokens))
    lowered: dict[str, int] = {}
    lower = [lowered.setdefault(word.lower(), len(lowered)) for word in numbers]
    encoded = [word.encode() + b" " for word in numbers]
    return Pool(
        np.array(tokens, np.int32),
        np.array(starts, np.int64),
        np.array(lower, np.int32),
        np.frombuffer(b"".join(encoded), np.uint8),
        np.cumsum([0, *map(len, encoded)]),
    )


class Mix(NamedTuple):
    """How many groups of each kind a corpus has; all other documents are alone."""

    pairs: int
    """A document and one copy, evenly over `levels`."""
    clusters: int = 0
    """A document and 2 to 19 copies of it, each at its own level; half as large, four times as often."""
    chains: int = 0
    """3 to 8 documents, each an edit of the one before, at one level of .8 and more."""
    large: tuple[int, ...] = ()
    """Documents of clusters of copies at .95."""
    levels: tuple[float, ...] = LEVELS

    @classmethod
    def of(cls, n_documents: int) -> Mix:
        """About a fifth of the documents are copies."""
        large = (1000,) if n_documents >= 10_000 else ()
        left = n_documents // 5 - sum(large)
        return cls(pairs=left * 45 // 100, clusters=left * 6 // 100, chains=left * 4 // 100, large=large)


class Layout(NamedTuple):
    """What each document of a corpus is; arrays by its number."""

    group: Ints
    """Its text is that of the group's first member, edited."""
    member: Ints
    """0 for the first; of a chain, how many edits; else which copy."""
    kind: Ints
    """Index in KINDS."""
    aim: npt.NDArray[np.float64]
    original: Ints
    """Number of the document it was made from, -1 where it was not."""


KINDS = ("alone", "pair", "cluster", "chain", "large")


def layout(n: int, mix: Mix, seed: int) -> Layout:
    """`n` documents, groups strewn at random."""
    rng = np.random.default_rng(seed)
    levels = np.array(mix.levels)
    sizes = np.arange(3, 21)
    cluster_sizes = rng.choice(sizes, mix.clusters, p=sizes**-2.0 / (sizes**-2.0).sum())
    chain_sizes = rng.integers(3, 9, mix.chains)
    size = np.concatenate([np.full(mix.pairs, 2), cluster_sizes, chain_sizes, np.array(mix.large, np.int64)])
    kind = np.repeat([1, 2, 3, 4], [mix.pairs, mix.clusters, mix.chains, len(mix.large)])
    if (alone := n - int(size.sum())) < 0:
        raise SystemExit(f"{int(size.sum()):,} documents of groups do not fit into {n:,}")
    size = np.concatenate([size, np.ones(alone, np.int64)]).astype(np.int64)
    kind = np.concatenate([kind, np.zeros(alone, np.int64)]).astype(np.int64)
    group = np.repeat(np.arange(len(size)), size)
    first = np.repeat(np.cumsum(size) - size, size)
    member = np.arange(n) - first
    kind = kind[group]
    pair_aim, chain_aim = levels[group % len(levels)], rng.choice(levels[levels >= 0.8], len(size))[group]
    aim = np.select([kind == 1, kind == 2, kind == 3], [pair_aim, rng.choice(levels, n), chain_aim], 0.95)
    source = np.where(kind == 3, np.arange(n) - 1, first)
    place = rng.permutation(n)
    by_place = np.argsort(place)
    original = np.where(member > 0, place[source], -1)
    return Layout(
        group[by_place], member[by_place], kind[by_place], aim[by_place], original.astype(np.int64)[by_place]
    )


def identifiers(numbers: Ints) -> list[str]:
    return [f"doc-{i:08d}" for i in numbers]


def documents(
    pool: Pool, plan: Layout, seed: int, start: int, stop: int
) -> Iterator[tuple[pa.RecordBatch, npt.NDArray[np.float64]]]:
    """Documents start to stop, about 32 MB a batch: (id, text), and their similarity to their original."""
    text = np.empty(32 << 20, np.uint8)
    while start < stop:
        offsets, jaccard = np.zeros(stop - start + 1, np.int32), np.full(stop - start, np.nan)
        rows = slice(start, stop)
        n = write_documents(
            pool, seed, plan.group[rows], plan.member[rows], plan.kind[rows] == 3, plan.aim[rows],
            float(np.log(MEDIAN_WORDS)), SIGMA, text, offsets, jaccard,
        )  # fmt: skip
        data = pa.py_buffer(text[: offsets[n]].tobytes())
        texts = pa.StringArray.from_buffers(n, pa.py_buffer(offsets[: n + 1]), data)
        ids = pa.array(identifiers(np.arange(start, start + n)))
        yield pa.RecordBatch.from_arrays([ids, texts], ["id", "text"]), jaccard[:n]
        start += n


def write(folder: Path, pool: Pool, plan: Layout, seed: int, shards: int = 8) -> dict[str, Any]:
    """`folder/part-*.parquet` and `folder/truth.parquet`; returns {documents, bytes, copies}."""
    folder.mkdir(parents=True)
    n_bytes, similar = 0, []
    shard = min(SHARD_DOCUMENTS, -(-len(plan.group) // shards))
    for part, start in enumerate(range(0, len(plan.group), shard)):
        stop = min(start + shard, len(plan.group))
        schema = pa.schema([("id", pa.string()), ("text", pa.string())])
        options = {"compression": "zstd", "compression_level": 1, "use_dictionary": False}
        with pq.ParquetWriter(folder / f"part-{part:05d}.parquet", schema, **options) as file:
            for batch, jaccard in documents(pool, plan, seed, start, stop):
                file.write_batch(batch)
                n_bytes += batch.column("text").nbytes
                similar.append(jaccard)
    copies = np.flatnonzero(plan.original >= 0)
    truth = [
        identifiers(copies),
        identifiers(plan.original[copies]),
        np.array(KINDS)[plan.kind[copies]],
        plan.aim[copies].astype(np.float32),
        np.concatenate(similar)[copies].astype(np.float32),
    ]
    pq.write_table(pa.Table.from_arrays(list(map(pa.array, truth)), schema=_TRUTH), folder / "truth.parquet")
    return {"documents": len(plan.group), "bytes": n_bytes, "copies": len(copies)}


def nearest(pool: Pool, seed: int, n_asked: int = 300, n_others: int = 10_000) -> npt.NDArray[np.float64]:
    """float64 [n_asked]: similarity of documents to the nearest of others, none of them a copy."""
    lengths = float(np.log(MEDIAN_WORDS)), SIGMA
    hashes, offsets = (
        np.empty((n_asked + n_others) * 1500, np.uint64),
        np.zeros(n_asked + n_others + 1, np.int64),
    )
    n = compose_sets(pool, seed, *lengths, hashes, offsets)
    found = np.zeros(n_asked)
    closest(hashes, offsets[: n + 1], found)
    return found
