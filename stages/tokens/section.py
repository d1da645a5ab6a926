"""The section `tokens:` of a recipe: documents of every source to the tokens folder that training reads."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from classifiers.sampling import HeldoutFraction
from pipeline.engine import Account, Task
from pipeline.errors import PlanError
from pipeline.schema import TEXT
from pipeline.section import Context, Section
from pipeline.store import atomic, read_json, sweep, write_json
from stages.tokens import fit
from stages.tokens.encoder import END_OF_TEXT, Encoder, load
from stages.tokens.fit import BpeSettings, FitBpe
from stages.tokens.format import MANIFEST, TOKEN_BYTES, dtype_for
from stages.tokens.pack import PROVENANCE, Pack, SequenceLength, Strategy
from stages.tokens.part import HELDOUT, PackTask
from stages.tokens.tokenize import Tokenize

COUNTS = ("n_sequences", "n_chunks", "n_tokens", "n_padding", "n_documents", "n_empty", "n_bytes")


@dataclass(frozen=True, kw_only=True)
class Tokens(Section):
    """Tokenize every source's documents, hold some out, pack the rest into sequences of one length."""

    version: ClassVar[int] = 2
    name: ClassVar[str] = "tokens"
    reads: ClassVar[pa.Schema] = pa.schema([*PROVENANCE, TEXT])

    tokenizer: str | BpeSettings
    """A `tokenizer.json` or `.tiktoken` file, `bytes`, or {fit: bpe, vocab_size: ..., sample_bytes: ...}."""
    pretokenizer: str | None = None
    """How a `.tiktoken` file splits text: gpt2, gpt4, o200k, qwen2, ...; known for the files of OpenAI."""
    end_of_text: str = END_OF_TEXT
    """The token that begins each chunk of a sequence; it must exist in the tokenizer."""
    sequence_length: SequenceLength = 512
    """Tokens in a sequence, end-of-text ids and padding included."""
    packing: Strategy = "best_fit"
    """`best_fit` cuts only documents longer than a sequence; `concat` cuts wherever a sequence ends."""
    heldout_frac: HeldoutFraction = 0.01
    """Share of documents, by a keyed hash of their ids, that no training sequence contains."""
    seed: int = 0
    """Decides the held-out documents, the tokenizer's sample, ties in packing and the order of sequences."""

    def check(self, sources: list[str]) -> None:
        self._pack().check()
        if isinstance(self.tokenizer, BpeSettings):
            if self.pretokenizer is not None:
                raise PlanError("pretokenizer is for .tiktoken files; a tokenizer that is fitted has its own")
        else:
            load(self.tokenizer, self.end_of_text, self.pretokenizer)

    def execute(self, context: Context) -> dict[str, Any]:
        # A tokenizer counts by what the file holds: its path may stay while the file changes.
        given = [] if isinstance(self.tokenizer, BpeSettings) else [self._given(self.tokenizer).sha256]
        fingerprint = self.fingerprint(context.record.content_hash, *given)
        folder = context.output / f"tokens-{fingerprint}"
        if not (folder / MANIFEST).exists():
            sweep(folder)
            encoder = self._tokenizer(context, folder)
            tasks = self._tasks(context, folder, encoder)
            accounts = context.map("tokens", list(tasks.values()))
            with atomic(folder / TOKEN_BYTES) as temporary, temporary.open("wb") as file:
                np.save(file, encoder.token_bytes, allow_pickle=False)
            parts: dict[str, list[tuple[str, Account]]] = {name: [] for name in context.documents()}
            for (source, part), account in zip(tasks, accounts, strict=True):
                parts[source].append((part, account))
            write_json(folder / MANIFEST, self._manifest(encoder, parts))
        return summary(folder)

    def _given(self, tokenizer: str) -> Encoder:
        return load(tokenizer, self.end_of_text, self.pretokenizer)

    def _pack(self) -> Pack:
        return Pack(sequence_length=self.sequence_length, strategy=self.packing, seed=self.seed)

    def _tokenizer(self, context: Context, folder: Path) -> Encoder:
        """The tokenizer, as a copy in the folder."""
        if isinstance(self.tokenizer, BpeSettings):
            path = folder / fit.FILE
            self._fit(self.tokenizer).fit_into(context, folder)
        else:
            given = self._given(self.tokenizer)
            path = folder / (given.path.name if given.kind == "tiktoken" else "tokenizer.json")
            with atomic(path) as temporary:
                shutil.copyfile(given.path, temporary)
        return load(path, self.end_of_text, self.pretokenizer)

    def _fit(self, settings: BpeSettings) -> FitBpe:
        return FitBpe(
            vocab_size=settings.vocab_size, sample_bytes=settings.sample_bytes,
            heldout_frac=self.heldout_frac, end_of_text=self.end_of_text, seed=self.seed,
        )  # fmt: skip

    def _tasks(self, context: Context, folder: Path, encoder: Encoder) -> dict[tuple[str, str], Task]:
        tokenize = Tokenize(
            tokenizer=str(encoder.path), pretokenizer=self.pretokenizer, end_of_text=self.end_of_text
        )
        return {
            (source, shard.stem): PackTask(
                name=f"{folder.name}/{source}/{shard.stem}",
                shard=shard,
                output=folder / source / f"{shard.stem}.bin",
                tokenize=tokenize,
                pack=self._pack(),
                heldout_frac=self.heldout_frac,
            )
            for source, shards in context.documents().items()
            for shard in shards
        }

    def _manifest(self, encoder: Encoder, parts: Mapping[str, list[tuple[str, Account]]]) -> dict[str, Any]:
        tokenizer = {"path": encoder.path.name, "sha256": encoder.sha256, "kind": encoder.kind}
        if encoder.pretokenizer:
            tokenizer["pretokenizer"] = encoder.pretokenizer
        sources = {}
        for source, accounts in parts.items():
            held = [(f"{source}/{HELDOUT}/{part}.bin", account[HELDOUT]) for part, account in accounts]
            training = [(f"{source}/{part}.bin", account) for part, account in accounts]
            sources[source] = _totals(training) | {HELDOUT: _totals(held)}
        return {
            "tokenizer": tokenizer,
            "vocab_size": encoder.vocab_size,
            "end_of_text": encoder.end_of_text,
            "dtype": dtype_for(encoder.vocab_size),
            "sequence_length": self.sequence_length,
            "sources": sources,
        }


def _totals(parts: list[tuple[str, Account]]) -> dict[str, Any]:
    per_part = ("n_sequences", "n_tokens", "n_padding", "sha256")
    listed = [{"file": file, **{key: account[key] for key in per_part}} for file, account in parts]
    return {"parts": listed, **{key: sum(account[key] for _, account in parts) for key in COUNTS}}


def summary(folder: Path) -> dict[str, Any]:
    """What run.json says of a finished tokens folder."""
    manifest = read_json(folder / MANIFEST)
    sources = manifest["sources"]
    digests = "".join(part["sha256"] for part in _parts(sources))
    n = {key: sum(source[key] for source in sources.values()) for key in COUNTS}
    n_text = n["n_tokens"] - n["n_chunks"]
    table = {
        name: {key: source[key] for key in COUNTS} | {HELDOUT: {key: source[HELDOUT][key] for key in COUNTS}}
        for name, source in sources.items()
    }
    return {
        "folder": folder.name,
        "content_hash": hashlib.sha256(digests.encode()).hexdigest(),
        "vocab_size": manifest["vocab_size"],
        "bytes_per_token": round(n["n_bytes"] / n_text, 4) if n_text else None,
        "sources": table,
    }


def _parts(sources: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for source in sources.values():
        yield from source["parts"]
        yield from source[HELDOUT]["parts"]
