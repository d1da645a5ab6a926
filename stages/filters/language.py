"""Keep the languages asked for, where the model is sure enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.bounds import Fraction
from pipeline.errors import PlanError
from pipeline.stage import Filter
from stages.filters.measured import named
from stages.identify.language import LANGUAGE


@dataclass(frozen=True, kw_only=True)
class KeepLanguage(Filter):
    """Drop documents that are not in one of some languages.

    Source: Penedo et al. 2024 (FineWeb), arXiv:2406.17557, section 3.1: English with a score of 0.65.
    Differs: a document whose score is the threshold itself is kept.
    Null: a document without a language is dropped, reason `no_language`.
    """

    reads: ClassVar[pa.Schema] = pa.schema([LANGUAGE])
    example: ClassVar[Mapping[str, Any]] = {"keep": ("en",)}

    keep: tuple[str, ...]
    """Labels of the model that are wanted; `language_not_kept` otherwise."""
    min_score: Fraction = 0.65
    """Smallest score of the label."""

    def check(self) -> None:
        if not self.keep:
            raise PlanError("keep names no language, so every document would go")

    def reasons(self, batch: pa.RecordBatch) -> pa.ListArray:
        label, score = (pc.struct_field(batch.column("language"), name) for name in ("label", "score"))
        unknown = pc.or_(label.is_null(), score.is_null())
        other = pc.invert(pc.is_in(label, pa.array(self.keep, pa.string())))
        unsure = pc.less(score, np.float32(self.min_score))  # as a double, .65 would be above the score .65
        failed = [pc.and_(pc.fill_null(why, False), pc.invert(unknown)) for why in (other, unsure)]
        rows = np.array([why.to_numpy(zero_copy_only=False) for why in (unknown, *failed)], np.bool_)
        return named(rows.T, ["no_language", "language_not_kept", "min_score"])
