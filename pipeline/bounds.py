"""Bounds of settings, at the field: checked when a recipe is read, shown by `pipeline stages`.

The words are those of `annotated-types`, which pydantic reads; a bound that has no name here is written out,
as in `Annotated[int, Ge(2)]`. What depends on other settings is for a step's `check`.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from annotated_types import Ge, Gt, Interval

Count: TypeAlias = Annotated[int, Ge(1)]
"""At least 1."""
Natural: TypeAlias = Annotated[int, Ge(0)]
"""At least 0."""
Fraction: TypeAlias = Annotated[float, Interval(ge=0, le=1)]
"""A share of something: 0 to 1."""
Positive: TypeAlias = Annotated[float, Gt(0)]
"""Over 0."""
