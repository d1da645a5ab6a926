"""Text to tokens, with control tokens disabled: what a document says stays what it says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import PlanError
from pipeline.schema import TEXT, column, put
from pipeline.stage import Map
from stages.tokens.encoder import END_OF_TEXT, Encoder, load

TOKENS = column(
    "tokens", pa.list_(pa.int32()), "token ids: of the text, without end of text; after pack, of one sequence"
)
N_TOKENS = column("n_tokens", pa.int32(), "tokens in the text", "tokens")

_MADE_WITH = b"tokenizer"


@dataclass(frozen=True, kw_only=True)
class Tokenize(Map):
    """Encode text with a byte-level BPE.

    Source: Radford et al. 2019 (GPT-2), section 2.2; the file decides vocabulary, merges and split pattern.
    Differs: strings that spell a control token (`<|endoftext|>`) are encoded as the text they are, where HF
    tokenizers makes them the control id; so for every added token but unflagged runs of white space.
    Not implemented: SentencePiece models, Unigram, WordPiece, BPE dropout.
    Null: a null or empty text has no tokens.
    Cost: 85 us/document of 3.5 kB (41 MB/s of text no back end had seen, 16,384 ids).
    """

    reads: ClassVar[pa.Schema] = pa.schema([TEXT])
    adds: ClassVar[pa.Schema] = pa.schema([TOKENS, N_TOKENS])
    example: ClassVar[Mapping[str, Any]] = {"tokenizer": "bytes"}

    tokenizer: str
    """A `tokenizer.json` or `.tiktoken` file, or `bytes`: one token for each byte, no file needed."""
    pretokenizer: str | None = None
    """How a `.tiktoken` file splits text: gpt2, gpt4, o200k, qwen2, ...; known for the files of OpenAI."""
    end_of_text: str = END_OF_TEXT
    """The token that will mark where documents begin; it must exist in the tokenizer."""

    def check(self) -> None:
        self.encoder()

    def stamp(self) -> str:
        return self.encoder().sha256

    def encoder(self) -> Encoder:
        """The loaded tokenizer."""
        return load(self.tokenizer, self.end_of_text, self.pretokenizer)

    def makes(self) -> pa.Schema:
        # The column says what made it, so that `pack` needs no setting for it.
        made_with = json.dumps([self.tokenizer, self.end_of_text, self.pretokenizer])
        return pa.schema([TOKENS.with_metadata({**TOKENS.metadata, _MADE_WITH: made_with}), N_TOKENS])

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        tokens = self.encoder().encode(batch.column("text"))
        for field, values in zip(self.makes(), (tokens, pc.list_value_length(tokens)), strict=True):
            batch = put(batch, field, values)
        return batch


def encoder_of(field: pa.Field) -> Encoder:
    """The tokenizer that made a column `tokens`.

    Raises:
        PlanError: the column does not say; it was not made by `tokenize`.
    """
    made_with = (field.metadata or {}).get(_MADE_WITH)
    if made_with is None:
        raise PlanError(
            "column 'tokens' does not say which tokenizer made it; set tokenizer, or tokenize before"
        )
    return load(*json.loads(made_with))
