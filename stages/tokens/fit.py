"""Fits a tokenizer to a run's documents: for `pipeline fit`, and for `tokens:` where it names none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import tokenizers
from annotated_types import Interval

from classifiers.card import Card
from classifiers.fit import SAMPLE, Fit
from classifiers.sample import KeyedSample, draw
from classifiers.sampling import HeldoutFraction, Sampling
from pipeline.bounds import Count
from pipeline.errors import RunError
from pipeline.schema import ID, TEXT
from pipeline.section import Context
from stages.tokens.bpe import SPLIT, train
from stages.tokens.encoder import END_OF_TEXT, load

FILE = "tokenizer.json"
FRAC_MEASURED = 0.05
"""How much held-out text bytes per token are measured on, against the text trained on."""

VocabularySize: TypeAlias = Annotated[int, Interval(ge=257, le=1 << 20)]
"""At least each byte and the end of text."""


@dataclass(frozen=True, kw_only=True)
class FitBpe(Fit):
    """Train a byte-level BPE.

    Source: Sennrich et al. 2016, arXiv:1508.07909; over bytes as in GPT-2 (Radford et al. 2019).
    """

    model: ClassVar[str] = "byte-level BPE"
    reads: ClassVar[pa.Schema] = pa.schema([ID, TEXT])

    vocab_size: VocabularySize = 8192
    """Ids, the 256 bytes and the end of text among them; fewer where the sample has not enough to merge."""
    sample_bytes: Count = 20_000_000
    """About how much text is trained on."""
    heldout_frac: HeldoutFraction = 0.01
    """Share of documents, by a keyed hash of their ids, that bytes per token are measured on."""
    end_of_text: str = END_OF_TEXT
    """The token that ends a document."""
    seed: int = 0
    """Another seed takes other documents."""

    def fit(self, context: Context, folder: Path) -> Card:
        """Write `tokenizer.json`.

        Raises:
            RunError: no document has text.
        """
        sampling = Sampling(
            name="bpe",
            columns=(TEXT.name,),
            budget=self.sample_bytes,
            unit="bytes",
            heldout_frac=self.heldout_frac,
            heldout_budget=max(1, int(self.sample_bytes * FRAC_MEASURED)),
            seed=self.seed,
        )
        sample = draw(context, sampling, folder / SAMPLE)
        if not sample.n_fitted():
            raise RunError("no document to train a tokenizer on has text")
        path = folder / FILE
        trained_on = {"n_documents": 0, "n_bytes": 0}
        texts = _texts(sample, trained_on)
        train(texts, path, vocab_size=self.vocab_size, end_of_text=self.end_of_text)
        encoder, heldout = load(path, self.end_of_text), {"n_documents": 0, "n_bytes": 0, "n_tokens": 0}
        for batch in sample.batches(heldout=True):
            _count(heldout, batch)
            heldout["n_tokens"] += len(encoder.encode(batch.column(TEXT.name)).values)
        n_tokens = heldout["n_tokens"]
        measured = round(heldout["n_bytes"] / n_tokens, 4) if n_tokens else None
        ids = f"{encoder.vocab_size:,} ids"
        return Card(
            files=(FILE,),
            summary=f"{ids}, {measured or 'unmeasured'} bytes per token of held-out text",
            measured={"bytes_per_token": measured, "heldout": heldout},
            more={
                "vocab_size": encoder.vocab_size,
                "end_of_text": {"token": self.end_of_text, "id": encoder.end_of_text},
                "split": SPLIT,
                "trained_on": trained_on,
                "trainer": f"tokenizers {tokenizers.__version__}",
            },
        )


@dataclass(frozen=True, kw_only=True)
class BpeSettings:
    """A tokenizer that `tokens:` fits to its documents; what else a fit needs are settings of `tokens:`."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    fit: Literal["bpe"] = "bpe"
    vocab_size: VocabularySize = FitBpe.vocab_size
    """Ids, the 256 bytes and the end of text among them; fewer where the sample has not enough to merge."""
    sample_bytes: Count = FitBpe.sample_bytes
    """About how much text is trained on."""


def _texts(sample: KeyedSample, count: dict[str, int]) -> Iterator[str]:
    for batch in sample.batches(heldout=False):
        _count(count, batch)
        yield from batch.column(TEXT.name).to_pylist()


def _count(count: dict[str, int], batch: pa.RecordBatch) -> None:
    count["n_documents"] += len(batch)
    count["n_bytes"] += pc.sum(pc.binary_length(batch.column(TEXT.name))).as_py() or 0
