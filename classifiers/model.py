"""Models that score texts: what they all can do, and how a folder that `pipeline fit` wrote becomes one."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from classifiers.card import CARD
from pipeline.errors import PlanError
from pipeline.registry import find, names
from pipeline.store import read_json

Scores: TypeAlias = npt.NDArray[np.float32]


class TextModel(Protocol):
    """A model that scores texts. A text's score depends on that text alone, not on its neighbours."""

    def score(self, texts: pa.StringArray) -> Scores:
        """float32 [rows]: 0 to 1; NaN where there is no text."""
        ...


@cache
def load(folder: str) -> TextModel:
    """The model in a folder, read once.

    The entry point group `pipeline.models` maps the `use` on its card to a function of the folder's path.

    Raises:
        PlanError: there is no card, or it names a kind that does not score texts.
    """
    path = Path(folder)
    if not (path / CARD).is_file():
        raise PlanError(f"{folder} holds no model, for it has no {CARD}: `pipeline fit` writes one")
    card: dict[str, Any] = read_json(path / CARD)
    if card.get("use") not in names("models"):
        known = ", ".join(sorted(names("models")))
        raise PlanError(
            f"{folder} holds a model of kind {card.get('use')!r}; those that score texts: {known}"
        )
    model: TextModel = find("models", card["use"])(path)
    return model
