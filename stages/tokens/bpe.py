"""Training a byte-level BPE on a sample of documents that does not depend on who took it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from pipeline.engine import Account
from pipeline.errors import PlanError, RunError
from pipeline.keyed import hash64, uniform
from pipeline.schema import TEXT
from pipeline.shards import ShardWriter, atomic, read_shard, write_json
from stages.tokens.encoder import END_OF_TEXT, load

SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""Where merges may not cross: the pattern of Qwen2's tokenizer.json, which is GPT-4's with single digits."""

FRAC_MEASURED = 0.05
"""How much is taken of held-out text to measure bytes per token on, against the text trained on."""

CARD = "card.json"
SAMPLE = pa.schema([TEXT, pa.field("heldout", pa.bool_())])


@dataclass(frozen=True, kw_only=True)
class FitBpe:
    """Train a byte-level BPE instead of naming a file.

    With HF tokenizers' trainer: its result is the same for any number of threads, and it takes any split
    pattern. gigatoken's is faster, but always splits as GPT-2 does.
    """

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    fit: Literal["bpe"] = "bpe"
    vocab_size: int = 8192
    """Ids, the 256 bytes and the end of text among them; fewer where the sample has not enough to merge."""
    sample_bytes: int = 20_000_000
    """About how much text is trained on, an equal share from each shard that has it."""

    def check(self) -> None:
        """Raise PlanError where the settings make no tokenizer."""
        if not 257 <= self.vocab_size <= 1 << 20:
            raise PlanError(f"vocab_size {self.vocab_size}: from 257 (each byte, end of text) to {1 << 20}")
        if self.sample_bytes < 1:
            raise PlanError(f"sample_bytes {self.sample_bytes}: must be positive")


@dataclass(frozen=True, kw_only=True)
class SampleTask:
    """One shard's part of the sample: the documents whose keyed hashes are least, up to a number of bytes."""

    name: str
    shard: Path
    output: Path
    n_bytes: int
    seed: int
    heldout_frac: float

    def run(self) -> Account:
        if not self.output.exists():
            with ShardWriter(self.output, SAMPLE) as writer:
                for batch in sample(self.shard, self.n_bytes, self.seed, self.heldout_frac):
                    writer.write(batch)
        return {}


def sample(shard: Path, n_bytes: int, seed: int, heldout_frac: float) -> Iterator[pa.RecordBatch]:
    """Documents of a shard to train on, and held-out ones to measure on, with the columns of SAMPLE."""
    hashes, heldout, sizes = [np.zeros(0, np.uint64)], [np.zeros(0, np.bool_)], [np.zeros(0, np.int64)]
    for batch in read_shard(shard, ["id", "text"]):
        hashes.append(hash64(batch.column("id"), seed, "bpe"))
        heldout.append(uniform(batch.column("id"), seed, "heldout") < heldout_frac)
        sizes.append(pc.fill_null(pc.binary_length(batch.column("text")), 0).to_numpy().astype(np.int64))
    hashed, held, size = np.concatenate(hashes), np.concatenate(heldout), np.concatenate(sizes)
    chosen = np.zeros(len(size), np.bool_)
    for group, budget in ((~held, n_bytes), (held, max(1, int(n_bytes * FRAC_MEASURED)))):
        members = np.flatnonzero(group & (size > 0))
        members = members[np.argsort(hashed[members], kind="stable")]
        # One document more than fits: a shard of a single long document still gives something.
        fits = int(np.searchsorted(np.cumsum(size[members]), budget)) + 1
        chosen[members[:fits]] = True
    at = 0
    for batch in read_shard(shard, ["text"]):
        mask = slice(at, at + len(batch))
        at += len(batch)
        marked = pa.RecordBatch.from_arrays([batch.column("text"), pa.array(held[mask])], schema=SAMPLE)
        yield marked.filter(pa.array(chosen[mask]))


def shares(shards: Sequence[Path], n_bytes: int) -> int:
    """The most bytes to take of a shard so that all together give `n_bytes`, and small ones all they have."""
    sizes = sorted(map(_text_bytes, shards))
    left = n_bytes
    for i, size in enumerate(sizes):
        if size * (len(sizes) - i) >= left:
            return max(1, left // (len(sizes) - i))
        left -= size
    return max(1, n_bytes)


def _text_bytes(shard: Path) -> int:
    """Size of the text column as the file's own footer has it: near enough, and no text is read."""
    footer = pq.read_metadata(shard)
    paths = [footer.schema.column(i).path for i in range(footer.num_columns)]
    for name in ("id", "text"):
        if name not in paths:
            raise PlanError(f"{shard} has no column {name!r} to sample documents by")
    at = paths.index("text")
    return sum(footer.row_group(i).column(at).total_uncompressed_size for i in range(footer.num_row_groups))


def train(texts: Iterable[str], fit: FitBpe, path: Path, end_of_text: str = END_OF_TEXT) -> None:
    """Write a `tokenizer.json`; the same bytes for any order of `texts` and any number of threads."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    split = pre_tokenizers.Split(tokenizers.Regex(SPLIT), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=fit.vocab_size,
        special_tokens=[end_of_text],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    with atomic(path) as temporary:
        temporary.write_text(tokenizer.to_str(pretty=True) + "\n", encoding="utf-8")


def write(
    samples: Sequence[Path], folder: Path, fit: FitBpe, end_of_text: str, trained_on: dict[str, Any]
) -> Path:
    """Train on samples; writes `tokenizer.json`, then its card. Returns the path of the first.

    Raises:
        RunError: no document has text.
    """
    path = folder / "tokenizer.json"
    n = {"n_documents": 0, "n_bytes": 0}
    train(_texts(samples, n), fit, path, end_of_text)
    if not n["n_bytes"]:
        path.unlink()
        raise RunError("no document to train a tokenizer on has text")
    encoder = load(path, end_of_text)
    held = {"n_documents": 0, "n_bytes": 0, "n_tokens": 0}
    for batch in _batches(samples, heldout=True):
        held["n_documents"] += len(batch)
        held["n_bytes"] += pc.sum(pc.binary_length(batch.column("text"))).as_py()
        held["n_tokens"] += len(encoder.encode(batch.column("text")).values)
    card = {
        "model": "byte-level BPE",
        "sha256": encoder.sha256,
        "vocab_size": encoder.vocab_size,
        "asked": {"vocab_size": fit.vocab_size, "sample_bytes": fit.sample_bytes},
        "end_of_text": {"token": end_of_text, "id": encoder.end_of_text},
        "split": SPLIT,
        "trained_on": trained_on | n,
        "heldout": held | {"bytes_per_token": _ratio(held["n_bytes"], held["n_tokens"])},
        "trainer": f"tokenizers {tokenizers.__version__}",
    }
    write_json(folder / CARD, card)
    return path


def _batches(samples: Sequence[Path], heldout: bool) -> Iterator[pa.RecordBatch]:
    for path in samples:
        for batch in read_shard(path):
            mask = batch.column("heldout")
            if (kept := batch.filter(mask if heldout else pc.invert(mask))).num_rows:
                yield kept


def _texts(samples: Sequence[Path], n: dict[str, int]) -> Iterator[str]:
    for batch in _batches(samples, heldout=False):
        n["n_documents"] += len(batch)
        n["n_bytes"] += pc.sum(pc.binary_length(batch.column("text"))).as_py()
        yield from batch.column("text").to_pylist()


def _ratio(n_bytes: int, n_tokens: int) -> float | None:
    return round(n_bytes / n_tokens, 4) if n_tokens else None
