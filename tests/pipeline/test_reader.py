"""What is said of a setting that does not fit: its name, its line, what it must be and what it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
from annotated_types import Gt, Interval, MinLen

from pipeline.bounds import Count, Fraction, Natural
from pipeline.reader import Reader


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of every kind of bound."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    count: Count = 1
    share: Fraction = 0.5
    some: Annotated[float, Interval(gt=0, le=1)] = 1.0
    over: Annotated[float, Gt(0)] = 1.0
    limit: Natural | Literal["profile"] | None = "profile"
    counts: tuple[Count, ...] = ()
    either: Count | dict[str, int] = 1
    names: Annotated[tuple[str, ...], MinLen(1)] = ("a",)
    unit: Literal["Word", "Char"] = "Word"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("count: 0", "count: must be at least 1, not 0"),
        ("count: 1.5", "count: must be a valid integer, not 1.5"),
        ("share: 1.5", "share: must be at most 1, not 1.5"),
        ("some: 0", "some: must be over 0, not 0"),
        ("over: -2", "over: must be over 0, not -2"),
        ("limit: -1", "limit: must be at least 0 or 'profile', not -1"),
        ("limit: profil", "limit: must be a valid integer or 'profile', not \"profil\""),
        ("counts: [1, 0]", "counts.1: must be at least 1, not 0"),
        ("either: 0", "either: must be at least 1, not 0"),
        ("names: []", "names: must be at least 1 long, not []"),
        ("unit: word", "unit: must be 'Word' or 'Char', not \"word\""),
        ("cuont: 1", "cuont: unknown setting; did you mean 'count'?"),
    ],
)
def test_a_setting_that_does_not_fit(tmp_path: Path, setting: str, message: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(f"# settings\n{setting}\n")
    reader = Reader(str(path))
    assert reader.settings(Settings, reader.load(), ()) is None
    assert [str(problem) for problem in reader.problems] == [f"{path}:2: {message}"]


def test_what_may_be_is_read(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("{count: 1, share: 0, some: 1, limit: null, counts: [2]}")
    reader = Reader(str(path))
    settings = reader.settings(Settings, reader.load(), ())
    assert settings == Settings(share=0, some=1, limit=None, counts=(2,))
    assert not reader.problems
