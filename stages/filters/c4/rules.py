"""Drop the pages of which C4's rules leave too little."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.bounds import Fraction
from pipeline.keyed import uniform
from pipeline.schema import ID
from stages.filters.c4.lines import C4
from stages.filters.measured import Limit, Limits, SignalRules


@dataclass(frozen=True, kw_only=True)
class C4Rules(SignalRules):
    """Drop pages of placeholder text or code, with bad words, or with little prose left; null: rule off.

    Source: Raffel et al. 2020 (T5), arXiv:1910.10683, section 2.2; for `min_n_long_lines` Xue et al. 2021
        (mT5), arXiv:2010.11934, section 3.1, whose value is 3.
    Differs: profile `dolma` drops pages that mention javascript, where others drop the line; `dclm` and the
        program that made C4 drop pages of over 190,000 characters.
    Null: a document without signals is dropped, reason `no_signals`.
    Cost: 1 us a document.
    """

    signals: ClassVar[pa.Field] = C4
    measured_by: ClassVar[str] = "c4_lines"
    stage: ClassVar[str] = "c4_rules"
    published: ClassVar[Mapping[str, Limits]] = {
        "paper": {
            "min_n_sentences": 5,
            "max_n_lorem_ipsum": 0,
            "max_n_curly_brackets": 0,
            "max_n_bad_words": 0,
        },
        "datatrove": {},
        "dolma": {"min_n_sentences": None, "max_n_lines_with_javascript": 0},
        "dclm": {"min_n_sentences": 3, "max_n_chars": 190_000},
    }

    max_n_lorem_ipsum: Limit = "profile"
    """How often lorem ipsum may occur."""
    max_n_curly_brackets: Limit = "profile"
    """How many { may occur."""
    min_n_sentences: Limit = "profile"
    """Fewest sentences in the lines kept."""
    max_n_bad_words: Limit = "profile"
    """How many bad words may occur; `c4_lines` finds some where it is given a list."""
    max_n_lines_with_javascript: Limit = "profile"
    """How many lines may mention javascript."""
    max_n_chars: Limit = "profile"
    """Longest text, in characters, before lines went."""
    min_n_lines_kept: Limit = "profile"
    """Fewest lines that stay."""
    min_frac_bytes_kept: Limit = "profile"
    """Smallest share of the text that stays."""
    min_n_long_lines: Limit = "profile"
    """Fewest lines of 200 characters, before lines went."""
    keep_fraction: Fraction = 0.0
    """Share of the documents with bad words that `max_n_bad_words` spares, chosen by their ids; lest a model
    never meets such words (mC4's way)."""
    seed: int = 0
    """Another seed spares others."""

    def needs(self) -> pa.Schema:
        return pa.schema([*super().needs(), *([ID] if self.keep_fraction else [])])

    def failed(self, batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        failed = super().failed(batch)
        if self.keep_fraction:
            spared = uniform(batch.column("id"), self.seed, "c4_rules") < self.keep_fraction
            failed[spared, 1 + self.rules().index("max_n_bad_words")] = False
        return failed
