"""Types and bounds of settings in the words of a recipe."""

from __future__ import annotations

import io
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Interval, MinLen
from rich.console import Console

from jobs.inspect.catalogue import show_one, type_words
from pipeline.bounds import Count, Fraction, Natural, Positive


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (Count, "int >= 1"),
        (Natural | None, "int >= 0 | null"),
        (Fraction, "float 0 to 1"),
        (Positive | Literal["profile"] | None, "float > 0 | profile | null"),
        (Annotated[float, Interval(gt=0, le=1)], "float > 0, <= 1"),
        (Annotated[int, Ge(2)], "int >= 2"),
        (tuple[Count, ...], "list of int >= 1"),
        (Annotated[tuple[str, ...], MinLen(1)], "list of string length >= 1"),
        (str | list[str], "string | list of string"),
        (dict[str, float], "mapping"),
        (bool, "bool"),
    ],
)
def test_types_in_words(hint: Any, words: str) -> None:
    assert type_words(hint) == words


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("keep_sample", "float > 0, <= 1"),
        ("c4_lines", "int >= 0 | profile | null"),
        ("c4_rules", "float 0 to 1"),
        ("extract_html", "int >= 1"),
    ],
)
def test_a_stage_shows_the_bounds_of_its_settings(stage: str, words: str) -> None:
    out = io.StringIO()
    show_one(stage, Console(file=out, width=200))
    assert f" {words} " in out.getvalue()
