"""Encoding speed of the step `tokenize` against HF tokenizers and tiktoken: one thread, text none has seen.

    python benchmarks/tokens.py ../shared/data/proxy_corpus [--megabytes 16]

Trains a BPE on half of the documents and encodes the other half, each library once: all three keep caches of
what they split text into, so a second pass says nothing. (Not named tokenize.py: from this folder it would
stand before Python's own module of that name.)
"""

from __future__ import annotations

import os

# Before the libraries start their pools of threads.
os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}

import argparse
import io
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import tiktoken
import tokenizers
import zstandard

from pipeline.keyed import uniform
from pipeline.shards import cut
from stages.tokens.bpe import SPLIT, train
from stages.tokens.encoder import END_OF_TEXT
from stages.tokens.tokenize import Tokenize

Lists = list[list[int]]


def documents(folder: Path) -> Iterator[str]:
    """The field `text` of every `*.jsonl.zst`."""
    for path in sorted(folder.glob("*.jsonl.zst")):
        with path.open("rb") as file:
            lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8")
            yield from (json.loads(line)["text"] for line in lines)


def halves(folder: Path, n_bytes: int) -> tuple[list[str], list[str]]:
    """About `n_bytes` to train on and as many to encode, of all files alike."""
    texts = list(documents(folder))
    u = uniform(pa.array(map(str, range(len(texts)))), "benchmark")
    share = n_bytes / sum(len(t.encode()) for t in texts)
    train_on = [t for t, at in zip(texts, u, strict=True) if at < share]
    encode = [t for t, at in zip(texts, u, strict=True) if at >= 1 - share]
    return train_on, encode


def ours(texts: list[str], path: Path) -> Callable[[], Lists]:
    step = Tokenize(tokenizer=str(path))
    batches = list(cut(pa.table({"text": texts})))
    step.check()

    def encode() -> pa.Table:
        return pa.Table.from_batches([step.process(batch) for batch in batches])

    return encode


def of_tokenizers(texts: list[str], path: Path) -> Callable[[], object]:
    spec = json.loads(path.read_text())
    spec["added_tokens"] = []
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(spec))
    return lambda: tokenizer.encode_batch_fast(texts, add_special_tokens=False)


def of_tiktoken(texts: list[str], path: Path) -> Callable[[], Lists]:
    tokens = Tokenize(tokenizer=str(path)).encoder().vocabulary.tokens
    ranks = {token: i for i, token in enumerate(tokens) if token}
    encoding = tiktoken.Encoding("bpe", pat_str=SPLIT, mergeable_ranks=ranks, special_tokens={END_OF_TEXT: 0})
    return lambda: encoding.encode_ordinary_batch(texts, num_threads=1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--megabytes", type=float, default=16)
    parser.add_argument("--vocab-size", type=int, default=32_768)
    given = parser.parse_args()
    trained_on, texts = halves(given.folder, int(given.megabytes * 1e6))
    n_bytes = sum(len(t.encode()) for t in texts)
    with tempfile.TemporaryDirectory() as work:
        path = Path(work) / "tokenizer.json"
        train(trained_on, path, vocab_size=given.vocab_size)
        made = {"ours (Arrow to Arrow)": ours, "tiktoken": of_tiktoken, "tokenizers": of_tokenizers}
        seconds, tokens = {}, {}
        for name, make in made.items():
            encode = make(texts, path)
            began = time.perf_counter(), time.process_time()
            result = encode()
            seconds[name] = time.perf_counter() - began[0], time.process_time() - began[1]
            tokens[name] = lists_of(result)
    (first, *others) = tokens.values()
    n_tokens = sum(map(len, first))
    size = f"{n_bytes / 1e6:.1f} MB, {n_tokens:,} tokens of {n_bytes / n_tokens:.3f} bytes"
    print(f"{len(texts):,} documents, {size}")
    print(f"{'':24}{'MB/s':>8}{'MB/CPU s':>10}{'tokens/s':>13}{'ours is':>10}")
    for name, (wall, cpu) in seconds.items():
        ratio = cpu / seconds["ours (Arrow to Arrow)"][1]
        speeds = n_bytes / 1e6 / wall, n_bytes / 1e6 / cpu, n_tokens / wall
        print("{:24}{:8.1f}{:10.1f}{:13,.0f}{:9.1f}x".format(name, *speeds, ratio))
    same = sum(all(o == a for o in rest) for a, *rest in zip(first, *others, strict=True))
    print(f"token-identical: {same:,} of {len(texts):,} documents")
    raise SystemExit(same != len(texts))


def lists_of(result: object) -> Lists:
    """What an encoder returned, as plain lists; not timed."""
    if isinstance(result, pa.Table):
        lists: Lists = result["tokens"].to_pylist()
        return lists
    assert isinstance(result, list)
    return [each if isinstance(each, list) else each.ids for each in result]


if __name__ == "__main__":
    main()
