"""Which languages stay, and what is said of those that go."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from pipeline.errors import PlanError
from stages.filters.language import KeepLanguage
from stages.identify.language import LANGUAGE


def reasons(rows: list[dict[str, Any] | None], **settings: Any) -> list[list[str]]:
    column = pa.array(rows, LANGUAGE.type)
    batch = pa.RecordBatch.from_arrays([column], schema=pa.schema([LANGUAGE]))
    found: list[list[str]] = KeepLanguage(**settings).reasons(batch).to_pylist()
    return found


def test_every_rule_that_fails_is_named() -> None:
    rows = [
        {"label": "en", "score": 0.9},
        {"label": "zh", "score": 0.7},
        {"label": "en", "score": 0.5},
        {"label": "fr", "score": 0.9},
        {"label": "fr", "score": 0.2},
    ]
    assert reasons(rows, keep=("en", "zh")) == [
        [],
        [],
        ["min_score"],
        ["language_not_kept"],
        ["language_not_kept", "min_score"],
    ]


def test_the_threshold_itself_is_kept() -> None:
    for score in (0.65, 0.1, 0.3, 0.7, 1.0):
        assert reasons([{"label": "en", "score": score}], keep=("en",), min_score=score) == [[]]


def test_no_language_is_dropped() -> None:
    rows = [None, {"label": None, "score": 0.9}, {"label": "en", "score": None}]
    assert reasons(rows, keep=("en",)) == [["no_language"]] * 3


def test_no_rows() -> None:
    assert reasons([], keep=("en",)) == []


def test_keeping_nothing_is_a_mistake() -> None:
    with pytest.raises(PlanError, match="names no language"):
        KeepLanguage(keep=()).check()
