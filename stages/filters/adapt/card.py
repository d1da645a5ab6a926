"""What the card says of a language: its texts, and how many of them, and of junk, the limits drop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from stages.filters.adapt.junk import KINDS
from stages.filters.adapt.limits import Values
from stages.filters.adapt.outcomes import Pair, dropped
from stages.filters.adapt.reference import Reference

QUANTILES = (0.01, 0.1, 0.5, 0.9, 0.99)
N_JUNK = 200
"""Texts of a language that junk is made from."""


def summary(values: Values) -> dict[str, Any]:
    """Mean, standard deviation and quantiles of a signal."""
    quantiles = np.quantile(values, QUANTILES, method="inverted_cdf")
    return {
        "mean": float(f"{values.mean():.4g}"),
        "std": float(f"{values.std():.4g}"),
        "quantiles": {f"{q:g}": float(f"{x:.4g}") for q, x in zip(QUANTILES, quantiles, strict=True)},
    }


def effect(
    reference: Reference, language: str, before: Sequence[Pair], after: Sequence[Pair]
) -> dict[str, Any]:
    """Shares of the held-out texts kept and dropped by each rule, under `before` and `after`; and of junk."""
    english, fitted = (dropped(chosen, reference.texts(language, True)) for chosen in (before, after))
    measured: dict[str, Any] = {
        "n_documents": reference.n_documents[language],
        "n_fitted": reference.n_fitted(language),
        "n_heldout": english.n,
        "kept": {"english": english.kept(), "fitted": fitted.kept()},
        "dropped": {"english": english.shares(), "fitted": fitted.shares()},
    }
    junk: dict[str, Any] = {}
    for kind in KINDS:
        kept = [dropped(chosen, _junk(reference, language, kind)).kept() for chosen in (before, after)]
        junk[kind] = {"english": kept[0], "fitted": kept[1]}
    return measured | {"junk_kept": junk}


def _junk(reference: Reference, language: str, kind: str) -> Iterator[pa.RecordBatch]:
    """Junk from the held-out texts with the smallest keys."""
    keys = np.concatenate([b.column("key").to_numpy() for b in reference.texts(language, True)] or [[]])
    last = np.sort(keys)[:N_JUNK][-1:]
    for batch in reference.texts(language, True):
        chosen = batch.filter(pa.array(batch.column("key").to_numpy() <= last))
        text = KINDS[kind](chosen.column("text"), chosen.column("key"))
        yield chosen.set_column(0, "text", text)
