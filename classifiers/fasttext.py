"""Linear classifiers of fastText: loading, labels, predictions."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from classifiers.card import CARD
from classifiers.model import Scores
from pipeline.errors import PlanError
from pipeline.store import digest, read_json

LABEL = "__label__"
"""How fastText marks labels in its files."""


class Classifier:
    """A fastText classifier; `label` is the one whose probability is a text's score.

    Source: Joulin et al. 2016, "Bag of Tricks for Efficient Text Classification", arXiv:1607.01759.
    """

    def __init__(self, model: Any, label: str = "") -> None:
        self._model = model
        self.labels: list[str] = [name.removeprefix(LABEL) for name in model.get_labels()]
        self.label = label or self.labels[0]
        if self.label not in self.labels:
            raise PlanError(f"no label {self.label!r}; the model has {', '.join(self.labels)}")

    def predict(self, lines: pa.StringArray) -> tuple[pa.StringArray, pa.FloatArray]:
        """(likeliest label, its probability), row for row; null where `lines` is null.

        Rounding lifts some probabilities above 1: they are 1.
        """
        written = lines.is_valid().to_numpy(zero_copy_only=False)
        texts = lines.drop_null().to_pylist()
        labels, scores = self._model.predict(texts, k=1) if texts else ([], [])
        names = [row[0].removeprefix(LABEL) if len(row) else None for row in labels]
        best = [min(float(row[0]), 1.0) if len(row) else None for row in scores]
        index = pa.array(np.cumsum(written) - 1, mask=~written)
        return pa.array(names, pa.string()).take(index), pa.array(best, pa.float32()).take(index)

    def score(self, texts: pa.StringArray) -> Scores:
        """float32 [rows]: probability of `label`; NaN where there is no text."""
        lines = one_line(texts)
        written = lines.is_valid().to_numpy(zero_copy_only=False)
        out = np.full(len(texts), np.nan, np.float32)
        if written.any():
            # k=-1: all labels, in the order of their probabilities.
            labels, scores = self._model.predict(lines.drop_null().to_pylist(), k=-1)
            wanted = LABEL + self.label
            out[written] = [
                min(float(p[list(row).index(wanted)]), 1.0) if wanted in row else np.nan
                for row, p in zip(labels, scores, strict=True)
            ]
        return out


_SPACES = r"[\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
"""White space beyond ASCII, which fastText takes for letters."""


def one_line(texts: pa.StringArray) -> pa.StringArray:
    """Texts as fastText reads them, a line each; null where nothing is written."""
    # To fastText a line is a document; it ends at \n, and where somebody wrote the mark it puts there.
    for end in ("\n", "</s>"):
        texts = pc.replace_substring(texts, end, " ")
    if pc.any(pc.match_substring_regex(texts, _SPACES)).as_py():
        texts = pc.replace_substring_regex(texts, _SPACES, " ")
    texts = pc.utf8_trim_whitespace(texts)
    return pc.if_else(pc.greater(pc.binary_length(texts), 0), texts, pa.scalar(None, pa.string()))


@cache
def load(path: str, label: str = "") -> Classifier:
    """The classifier in a file (.bin or .ftz), read once.

    Raises:
        PlanError: it is missing, damaged, or no classifier.
    """
    try:
        model = fasttext.load_model(path)
    except ValueError as error:  # for whatever is wrong with the file
        raise PlanError(f"cannot load the fastText model {path}: {error}") from error
    if not any(name.startswith(LABEL) for name in model.get_labels()):
        raise PlanError(f"{path} is no classifier: it has no labels")
    return Classifier(model, label)


def stamp(path: str) -> str:
    """SHA-256 of a model's file."""
    return digest(Path(path))


def from_folder(folder: Path) -> Classifier:
    """The classifier whose card names its file, and the `label` to score by."""
    card = read_json(folder / CARD)
    return load(str(folder / next(iter(card["files"]))), card.get("label", ""))
