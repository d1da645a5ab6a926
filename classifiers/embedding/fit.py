"""Fits static vectors to the words of documents: what an encoder makes of each word alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import pyarrow as pa
from annotated_types import Interval, MultipleOf

from classifiers.card import Card
from classifiers.embedding.codes import MAX_DIMENSION
from classifiers.embedding.encoder import Encoder
from classifiers.embedding.learn import COUNTS, Counts, learn
from classifiers.embedding.models import EncoderFolder, find
from classifiers.embedding.vectors import FILE
from classifiers.fit import SAMPLE, Fit
from pipeline.bounds import Count, Positive
from pipeline.engine import Account
from pipeline.errors import PlanError, RunError
from pipeline.schema import TEXT
from pipeline.section import Context
from pipeline.shards import ShardWriter, cut, read_shard
from pipeline.store import read_json, write_json


@dataclass(frozen=True, kw_only=True)
class CountTask:
    """Count the words of one shard."""

    name: str
    shard: Path
    output: Path

    def run(self) -> Account:
        """Write them unless they are there; the account has `n_documents`, those with text."""
        done = self.output.with_suffix(".json")
        if not done.exists():
            counts, n_documents = Counts(), 0
            for batch in read_shard(self.shard, [TEXT.name]):
                texts = batch.column(TEXT.name).drop_null()
                counts.add(texts)
                n_documents += len(texts)
            with ShardWriter(self.output, COUNTS) as writer:
                for part in cut(counts.table()):
                    writer.write(part)
            write_json(done, {"n_documents": n_documents})
        account: Account = read_json(done)
        return account


@dataclass(frozen=True, kw_only=True)
class FitStaticEmbeddings(Fit):
    """Learn static vectors of the documents' most frequent words.

    Source: Tulkens and van Dongen 2024, "Model2Vec"; see `classifiers.embedding.learn`.
    """

    model: ClassVar[str] = "static vectors of words, learned from an encoder"
    same_bytes: ClassVar[bool] = (
        False  # between machines: an encoder's last bits depend on the processor's BLAS
    )
    reads: ClassVar[pa.Schema] = pa.schema([TEXT])

    encoder: str = "minilm"
    """An encoder, as `model` of `embed`: what it gives for a word alone is where its vector comes from."""
    n_words: Count = 12_000
    """How many of the documents' most frequent words get a vector."""
    n_dimensions: Annotated[int, Interval(ge=1, le=MAX_DIMENSION)] = 128
    """Learned dimensions."""
    n_signs: Annotated[int, Interval(ge=0, le=MAX_DIMENSION), MultipleOf(64)] = 128
    """Dimensions of random signs for all words."""
    common: Positive = 0.001
    """A word of this frequency counts half."""

    def check(self, sources: list[str]) -> None:
        if self.n_dimensions + self.n_signs > MAX_DIMENSION:
            raise PlanError(f"n_dimensions and n_signs: together at most {MAX_DIMENSION}")
        if self.n_words <= self.n_dimensions:
            raise PlanError(f"n_words {self.n_words}: must be more than n_dimensions ({self.n_dimensions})")
        self._encoder()

    def _encoder(self) -> EncoderFolder:
        files = find(self.encoder)
        if not isinstance(files, EncoderFolder):
            raise PlanError(f"encoder: {self.encoder!r} is none, but has vectors of words already")
        return files

    def stamp(self) -> str:
        return self._encoder().stamp()

    def fit(self, context: Context, folder: Path) -> Card:
        """Write `static.npz`.

        Raises:
            RunError: the documents have too few words, or the encoder too few dimensions.
        """
        tasks = [
            CountTask(name=f"words/{source}/{shard.stem}", shard=shard,
                      output=folder / SAMPLE / source / shard.name)
            for source, shards in context.documents().items() for shard in shards
        ]  # fmt: skip
        n_documents = sum(account["n_documents"] for account in context.map("words", list(tasks)))
        counts = Counts()
        for task in tasks:
            for batch in read_shard(task.output):
                counts.merge(batch)
        encoder = Encoder(self._encoder().path)
        if self.n_dimensions > encoder.dimension or self.n_words > len(counts):
            raise RunError(
                f"the documents have {len(counts):,} words, the encoder {encoder.dimension} dimensions"
            )
        vectors = learn(
            counts, encoder, n_words=self.n_words, dimension=self.n_dimensions, common=self.common,
            n_signs=self.n_signs,
        )  # fmt: skip
        vectors.save(folder / FILE)
        share = counts.share(self.n_words)
        return Card(
            files=(FILE,),
            summary=f"{self.n_words:,} of {len(counts):,} words; they are {share:.1%} of the text",
            measured={"share_known": round(share, 4)},
            more={
                "encoder_sha256": self.stamp(),
                "n_documents": n_documents,
                "n_words": counts.total,
                "n_distinct_words": len(counts),
            },
        )
