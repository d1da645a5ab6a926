"""The model that tells content from the rest: what it knows of words, and two looks at a page's blocks."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from classifiers.forest import Forest
from stages.extract.auto.blocks import Blocks, Words, measure
from stages.extract.auto.classes import score_classes
from stages.extract.auto.context import context
from stages.extract.auto.features import features
from stages.extract.auto.tree import Tree

FILE = "main_content.npz"
_PARTS = (("words", Words), ("classes", Words), ("first", Forest), ("second", Forest))


class BlockModel(NamedTuple):
    """All that was learned."""

    words: Words
    """What words in the text say"""
    classes: Words
    """What words in `class`, `id` and `role` say"""
    first: Forest
    """Classifies each block by its features."""
    second: Forest
    """Classifies it a second time, knowing what the first made of its surroundings."""

    def classify(self, tree: Tree) -> tuple[Blocks, npt.NDArray[np.float32]]:
        """The blocks of a page, and for each the probability that it is content: float32 [n_blocks]."""
        blocks = measure(tree, self.words)
        known = features(tree, blocks, score_classes(tree, self.classes))
        first = self.first.predict(known.rows)
        around = context(known, first)
        return blocks, self.second.predict(np.concatenate([known.rows, around], axis=1))

    def save(self, path: Path) -> None:
        """Write it; loading needs no pickle."""
        arrays = {
            f"{part}.{name}": array
            for part, _ in _PARTS
            for name, array in getattr(self, part)._asdict().items()
        }
        with path.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)


def load(file: Path | IO[bytes]) -> BlockModel:
    """A model that `save` wrote."""
    with np.load(file, allow_pickle=False) as arrays:
        parts: list[Any] = [
            kind(*(arrays[f"{part}.{name}"] for name in kind._fields)) for part, kind in _PARTS
        ]
    return BlockModel(*parts)


@cache
def shipped() -> BlockModel:
    """The model that comes with the project."""
    with (files(__package__) / FILE).open("rb") as file:
        return load(file)
