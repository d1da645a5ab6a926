"""Embeddings and what is found with them: speed, copies found, a million embeddings, rivals.

    python benchmarks/semantic.py speed|parity|quality|scale|rivals [--data ../shared/data]

`parity` needs transformers, `rivals` takes faiss and scikit-learn if they are there. Threads are set by the
environment (OPENBLAS_NUM_THREADS=1 for one core). What the tables mean stands in docs/dedup_semantic.md.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import re
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from classifiers.embedding import centroids
from classifiers.embedding.codes import Codes, quantized, to_arrow
from classifiers.embedding.models import EncoderFolder, Pooled, find, load
from pipeline.local import LocalEngine
from pipeline.schema import DOC
from pipeline.sql import Relation
from stages.dedup.near import SemanticDedup
from stages.dedup.near.nearest import thin
from stages.extract.html import ExtractHtml

Pairs = tuple[list[str], list[str]]
WANTED = 0.99
"""Precision for which a similarity is picked on one half of the documents."""


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        yield from map(
            json.loads, io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), "utf-8")
        )


def timed(function: Callable[..., Any], *given: Any) -> tuple[Any, float]:
    start = time.perf_counter()
    return function(*given), time.perf_counter() - start


def speed(given: argparse.Namespace) -> None:
    """Documents a second of each model; one core where the environment says so."""
    texts = [row["text"] for row in rows(given.data / "proxy_corpus/web_en_gold.jsonl.zst")]
    size = sum(len(text.encode()) for text in texts) / len(texts)
    print(f"{len(texts)} documents of {size / 1000:.1f} kB")
    for model, tokens, n in (
        ("words", 256, 1400),
        ("static", 256, 1400),
        ("minilm", 128, 60),
        ("minilm", 256, 60),
    ):
        loaded, array = load(model, tokens), pa.array(texts[:n])
        loaded.embed(array.slice(0, 4))
        _, seconds = min((timed(loaded.embed, array) for _ in range(given.repeat)), key=lambda t: t[1])
        print(f"{model:8} {tokens if model == 'minilm' else 'all':>4} tokens {n / seconds:9.1f} documents/s")


def parity(given: argparse.Namespace) -> None:
    """The encoder against transformers' BertModel on the same weights."""
    import torch
    from transformers import BertModel

    model, texts = (
        load("minilm", 256),
        [r["text"] for r in rows(given.data / "proxy_corpus/web_en_gold.jsonl.zst")],
    )
    files = find("minilm")
    assert isinstance(model, Pooled)
    assert isinstance(files, EncoderFolder)
    theirs, worst = BertModel.from_pretrained(str(files.path)).eval(), 0.0
    for text in texts[:30]:
        ids = model.encoder.tokens(text, 256)
        with torch.no_grad():
            expected = theirs(torch.tensor([ids])).last_hidden_state[0].mean(0).numpy()
        found = model.encoder.pooled(ids)
        worst = max(worst, float(np.abs(unit(found) - unit(expected)).max()))
    print(f"30 documents, 256 tokens: largest difference of a component {worst:.1e}")


def unit(x: Any) -> Any:
    return x / np.maximum(np.linalg.norm(x.astype(np.float64), axis=-1, keepdims=True), 1e-12)


def pairs(data: Path, n: int) -> dict[str, Pairs]:
    """Texts and copies: made by edits, and real ones (a page's gold text and what an extractor gives)."""
    chance = random.Random(0)
    web = [
        r["text"] for r in rows(data / "proxy_corpus/web_en_gold.jsonl.zst") if len(r["text"].split()) > 80
    ][:n]
    words = [word for text in web for word in text.split()]

    def edited(text: str, drop: float, replace: float) -> str:
        sentences = [s for s in re.split(r"(?<=[.!?\n])\s+", text) if chance.random() >= drop] or [text]
        chance.shuffle(sentences)
        return " ".join(
            chance.choice(words) if chance.random() < replace else w for w in " ".join(sentences).split()
        )

    made = {
        "15 % of words replaced": (web, [edited(t, 0, 0.15) for t in web]),
        "30 % of sentences gone, 15 % of words replaced": (web, [edited(t, 0.3, 0.15) for t in web]),
        "50 % of sentences gone, 20 % of words replaced": (web, [edited(t, 0.5, 0.2) for t in web]),
    }
    for name in ("wcxb", "article_extraction_benchmark"):
        pages = [
            r
            for r in rows(data / f"extraction/{name}.jsonl.zst")
            if len(r["gold"].get("main_content") or "") > 200
        ][:n]
        batch = pa.RecordBatch.from_pydict({k: [r[k] for r in pages] for k in ("id", "url", "html")})
        found = ExtractHtml(engine="resiliparse").process(batch)["text"].to_pylist()
        both = [
            (r["gold"]["main_content"], t) for r, t in zip(pages, found, strict=True) if t and len(t) > 200
        ]
        made[f"{name}: gold, extracted"] = ([a for a, _ in both], [b for _, b in both])
    halves = [words for text in web if len(words := text.split()) > 300]
    firsts, seconds = ([" ".join(h[part]) for h in halves] for part in (slice(0, 150), slice(150, None)))
    made["a document's first 150 words, the rest"] = (firsts, seconds)
    return made


def quality(given: argparse.Namespace) -> None:
    """Copies found at the similarity that keeps precision on the other half, and clusters shared."""
    for model in given.models.split(","):
        n = given.documents if model != "minilm" else given.encoded
        print(f"\n{model}: similarity picked; recall, precision on the other half; same of 60 clusters")
        for name, (texts, copies) in pairs(given.data, n).items():
            one, two = (load(model, 256).embed(pa.array(side)) for side in (texts, copies))
            cosines, half = unit(one) @ unit(two).T, len(one) // 2
            least = pick(cosines[:half, :half])
            recall, precision = measured(cosines[half:, half:], least)
            found, _ = centroids.fit(np.concatenate([one, two]), min(60, len(one) // 4), 20, 0)
            same = (found.nearest(one)[0] == found.nearest(two)[0]).mean()
            print(f"  {name:48} {least:.2f} {recall:7.3f} {precision:7.3f} {same:9.3f}")
            if given.curve:
                for t in np.arange(0.5, 1, 0.05):
                    print("    {:.2f}: recall {:.3f}, precision {:.3f}".format(t, *measured(cosines, t)))


def measured(cosines: np.ndarray, least: float) -> tuple[float, float]:
    """Recall and precision of the pairs at least so alike; the true ones are on the diagonal."""
    close = cosines >= least
    true = int(close.diagonal().sum())
    return true / len(cosines), true / max(1, int(close.sum()))


def pick(cosines: np.ndarray) -> float:
    """The lowest similarity, in hundredths, from which on precision is as wanted."""
    steps = np.arange(1.0, 0.3, -0.01)
    good = [t for t in steps if measured(cosines, t)[1] >= WANTED or not (cosines >= t).any()]
    return float(min(good, default=1.0))


def planted(n: int, dimension: int, n_topics: int, seed: int) -> tuple[Codes, np.ndarray]:
    """Embeddings about topics; one in five is a near copy (cosine about .95). And whose copy it is."""
    chance = np.random.default_rng(seed)
    topics = chance.normal(size=(n_topics, dimension)).astype(np.float32)
    out, copy_of = np.empty((n, dimension), np.int8), np.full(n, -1)
    copies = np.sort(chance.choice(np.arange(1, n), n // 5, replace=False))
    first = np.setdiff1d(np.arange(n), copies)
    copy_of[copies] = first[(chance.random(len(copies)) * np.searchsorted(first, copies)).astype(int)]
    noise = np.random.default_rng(seed + 1)
    for at in range(0, len(first), 65536):
        some = first[at : at + 65536]
        about = topics[noise.integers(0, n_topics, len(some))]
        out[some] = quantized(about + noise.normal(size=about.shape).astype(np.float32))
    for at in range(0, len(copies), 65536):
        some = copies[at : at + 65536]
        base = out[copy_of[some]].astype(np.float32)
        size = np.sqrt((base * base).mean(axis=1, keepdims=True))
        out[some] = quantized(base + 0.33 * size * noise.normal(size=base.shape).astype(np.float32))
    return out, copy_of


class NoLook:
    """A look at documents that is not asked for."""

    def second_pass(self, docs: Relation) -> Relation:
        raise AssertionError("keys suffice")

    def metric(self, name: str, value: int) -> None:
        pass


def scale(given: argparse.Namespace) -> None:
    """A million embeddings: k-means on a sample, assignment, near pairs through the engine's SQL."""
    (codes, copy_of), seconds = timed(planted, given.n, given.dimension, given.clusters, 0)
    print(f"{given.n:,} x {given.dimension} made in {seconds:.1f} s")
    sample = codes[np.random.default_rng(1).choice(given.n, min(given.n, 50 * given.clusters), replace=False)]
    (found, rounds), seconds = timed(centroids.fit, sample, given.clusters, 10, 0)
    print(f"k-means of {len(sample):,}: {seconds:.1f} s, {len(rounds)} rounds, distance {rounds[-1]:.3f}")
    (labels, _), seconds = timed(found.nearest, codes)
    print(f"assignment: {seconds:.1f} s, {1e6 * seconds / given.n:.1f} us a document")
    there = np.flatnonzero(copy_of >= 0)
    print(f"copies in the cluster of their original: {(labels[there] == labels[copy_of[there]]).mean():.3f}")
    step = SemanticDedup(min_similarity=0.9)
    zero = pa.array(np.zeros(given.n, np.int64))
    ids = pa.array(np.char.add("d", np.arange(given.n).astype(str)))
    null = pa.nulls(given.n, pa.string())
    arrays = [pa.array(np.arange(given.n)), ids, zero, null, null, pa.array(labels), to_arrow(codes)]
    names = pa.schema([DOC, *step.key_columns])
    with tempfile.TemporaryDirectory() as home:
        pq.write_table(pa.Table.from_arrays(arrays, schema=names), Path(home) / "keys.parquet")
        del arrays
        engine = LocalEngine(2, {"memory": "2GB"})
        with engine.session(Path(home) / "work") as sql:
            keys = sql.read([Path(home) / "keys.parquet"])
            verdicts, seconds = timed(step.relate, keys, sql, NoLook())
            dropped = sql("SELECT doc FROM {v} WHERE reason IS NOT NULL", v=verdicts)
            table = pa.Table.from_pylist(dropped.rows())
        engine.close()
    gone = np.zeros(given.n, bool)
    gone[table["doc"].to_numpy()] = True
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"near pairs: {seconds:.1f} s; peak {peak:.2f} GB; {gone.sum():,} dropped")
    print(f"  {gone[there].mean():.3f} of the copies, and {gone[copy_of < 0].sum():,} that are none")


def semdedup(codes: Codes, least: float) -> np.ndarray:
    """SemDeDup's own way: all pairs of a cluster in one matrix, float32; whether a document goes."""
    vectors = unit(codes).astype(np.float32)
    return np.asarray(np.triu(vectors @ vectors.T, 1).max(axis=0) >= least)


def rivals(given: argparse.Namespace) -> None:
    """Near pairs against one matrix of all and faiss; k-means against faiss and scikit-learn."""
    for n in (1000, 4000, 16_000):
        codes, _ = planted(n, given.dimension, 1, 0)
        print(f"\na cluster of {n:,}")
        for rule in ("kept", "semdedup"):
            found, seconds = timed(thin, codes, 0.9, rule)
            print(f"  thin, {rule:9} {seconds:7.2f} s {(found.kept != np.arange(n)).sum():,} go")
        gone, seconds = timed(semdedup, codes, 0.9)
        print(f"  one matrix       {seconds:7.2f} s {gone.sum():,} go")
        if find_spec("faiss"):
            import faiss

            vectors = unit(codes).astype(np.float32)
            index = faiss.IndexFlatIP(given.dimension)
            index.add(vectors)
            (ends, _, _), seconds = timed(index.range_search, vectors, 0.9)
            print(f"  faiss range      {seconds:7.2f} s {(int(ends[-1]) - n) // 2:,} pairs")
    codes, _ = planted(50_000, given.dimension, 300, 0)
    vectors = unit(codes).astype(np.float32)
    print("\nk-means, 50,000 embeddings, 500 clusters, 10 rounds: mean distance")
    (found, rounds), seconds = timed(centroids.fit, codes, 500, 10, 0)
    print(f"  ours          {seconds:7.2f} s {rounds[-1]:.4f}")
    if find_spec("faiss"):
        means = faiss.Kmeans(given.dimension, 500, niter=10, spherical=True, seed=1)
        _, seconds = timed(means.train, vectors)
        print(f"  faiss         {seconds:7.2f} s {distance(vectors, means.centroids):.4f}")
    if find_spec("sklearn"):
        from sklearn.cluster import KMeans, MiniBatchKMeans

        for kind in (
            KMeans(500, n_init=1, max_iter=10, random_state=0),
            MiniBatchKMeans(500, n_init=1, random_state=0),
        ):
            _, seconds = timed(kind.fit, vectors)
            name = type(kind).__name__
            print(f"  {name:13} {seconds:7.2f} s {distance(vectors, kind.cluster_centers_):.4f}")


def distance(vectors: np.ndarray, centres: np.ndarray) -> float:
    """Mean distance to the nearest."""
    return float(1 - (vectors @ unit(centres).T).max(axis=1).mean())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["speed", "parity", "quality", "scale", "rivals"])
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--documents", type=int, default=600, help="of each kind, for quality")
    parser.add_argument("--models", default="words,static,minilm")
    parser.add_argument("--encoded", type=int, default=120, help="as --documents, for minilm")
    parser.add_argument("--curve", action="store_true", help="recall/precision by similarity")
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--clusters", type=int, default=1000)
    given = parser.parse_args()
    {"speed": speed, "parity": parity, "quality": quality, "scale": scale, "rivals": rivals}[given.what](
        given
    )


if __name__ == "__main__":
    main()
