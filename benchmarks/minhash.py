"""Documents a second, on one core, from text to MinHash bands: ours, rensa, datasketch and datatrove.

    python benchmarks/minhash.py [DATA] [--documents N] [--rounds N]

All make 112 minima over word 5-grams of the same real pages, of four lengths. datatrove runs its own block,
as it comes (spaCy's English words) and with words split at white space, and hashes with SHA-1 as for FineWeb.
datasketch and rensa get n-grams of `text.lower().split()`, joined: `MinHash.update_batch` with XXH32, its
fastest, and `RMinHash.digest_matrix_from_token_sets`, which makes no object for a document.
CPU time, median of rounds in which all take turns.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash
import zstandard
from datasketch import MinHash
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
from datatrove.utils.hashing import HashConfig
from datatrove.utils.word_tokenizers import WordTokenizer
from rensa import RMinHash

from stages.dedup.minhash.banding import bands
from stages.dedup.minhash.datatrove import Datatrove
from stages.dedup.minhash.default import Default
from stages.dedup.minhash.shingles import Shingling
from stages.dedup.minhash.signature import signatures

BANDS, ROWS, NGRAM = 14, 8, 5
LENGTHS = {"1 kB": (700, 1500), "4 kB": (3000, 5000), "14 kB": (12_000, 16_000), "50 kB": (30_000, 90_000)}
ENOUGH = 0.05
"""Seconds a round takes at least: less is noise."""
Work = Callable[[list[str]], Any]


def documents(path: Path) -> list[str]:
    with path.open("rb") as file:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8")
        return [json.loads(line)["text"] for line in lines]


def ours(shingling: Shingling) -> Work:
    def work(texts: list[str]) -> Any:
        minima, _ = signatures(pa.array(texts, pa.string()), BANDS * ROWS, shingling)
        return bands(minima, BANDS)

    return work


def shingles(text: str) -> list[str]:
    words = text.lower().split()
    return [" ".join(words[i : i + NGRAM]) for i in range(len(words) - NGRAM + 1)]


def with_rensa(texts: list[str]) -> Any:
    return RMinHash.digest_matrix_from_token_sets([shingles(t) for t in texts], BANDS * ROWS, 1)


def with_datasketch(texts: list[str]) -> list[list[bytes]]:
    found = []
    first = MinHash(num_perm=BANDS * ROWS, seed=1, hashfunc=xxhash.xxh32_intdigest)
    for text in texts:
        minhash = first.copy()
        minhash.update_batch([s.encode() for s in shingles(text)])
        values = minhash.hashvalues
        found.append([values[b * ROWS : (b + 1) * ROWS].tobytes() for b in range(BANDS)])
    return found


class Split(WordTokenizer):
    """White space, for datatrove."""

    def word_tokenize(self, text: str) -> list[str]:
        return text.split()

    def sent_tokenize(self, text: str) -> list[str]:
        raise NotImplementedError

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        raise NotImplementedError


def with_datatrove(language: Any) -> Work:
    sha1 = HashConfig(hash_fc="sha1", precision=64)
    config = MinhashConfig(num_buckets=BANDS, hashes_per_bucket=ROWS, n_grams=NGRAM, hash_config=sha1)
    step = MinhashDedupSignature(tempfile.mkdtemp(), config=config, language=language)

    def work(texts: list[str]) -> Any:
        return [step.get_signature(found) for t in texts if len(found := step.get_shingles(t))]

    return work


OURS: dict[str, Work] = {
    "default": ours(Default(ngram=NGRAM)),
    "default, 64 bits": ours(Default(ngram=NGRAM, bits=64)),
    "datatrove, xxhash": ours(Datatrove(ngram=NGRAM)),
    "datatrove, sha1": ours(Datatrove(ngram=NGRAM, hashing="sha1")),
    "characters, 5": ours(Default(unit="char", ngram=NGRAM)),
}
RIVALS: dict[str, Work] = {
    "rensa": with_rensa,
    "datasketch": with_datasketch,
    "datatrove, split at spaces": with_datatrove(Split("")),
    "datatrove": with_datatrove("en"),
}


def measured(works: dict[str, Work], texts: list[str], rounds: int) -> dict[str, float]:
    """CPU seconds of each: the median of rounds in which all take turns."""
    took: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start, times, now = time.process_time(), 0, 0.0
            while now < ENOUGH:
                work(texts)
                times, now = times + 1, time.process_time() - start
            took[name].append(now / times)
    return {name: statistics.median(each) for name, each in took.items()}


def show(title: str, texts: Sequence[str], seconds: dict[str, float]) -> None:
    size = sum(len(t.encode()) for t in texts) / len(texts)
    print(f"\n{title}: {len(texts)} documents of {size / 1000:.1f} kB")
    heads = "".join(f"{name:>20}" for name in OURS)
    print(f"{'':28}{'us/document':>12}{'documents/s':>13}   times as long as ours:\n{'':56}{heads}")
    for name, took in seconds.items():
        each = took / len(texts)
        ratios = "".join(f"{took / seconds[own]:>20.1f}" for own in OURS) if name in RIVALS else ""
        label = name if name in RIVALS else f"ours: {name}"
        print(f"{label:28}{each * 1e6:>12,.1f}{1 / each:>13,.0f}   {ratios}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    parser.add_argument("--documents", type=int, default=40, help="of each length")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    pages = documents(arguments.data / "proxy_corpus/web_en_gold.jsonl.zst")
    works = OURS | RIVALS
    for work in works.values():  # compiles, imports
        work(["one two three four five six"])
    for title, (least, most) in LENGTHS.items():
        texts = [t for t in pages if least <= len(t.encode()) <= most][: arguments.documents]
        show(title, texts, measured(works, texts, arguments.rounds))


if __name__ == "__main__":
    main()
