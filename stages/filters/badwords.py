"""Lists of words that pages should not hold, by language, and how often they do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import PlanError
from stages.text.buffers import Bytes, Offsets, view
from stages.text.kernel import kernel
from stages.text.phrases import ANYWHERE, SPACES, WORDS, Phrases, compile_phrases, count_phrases

UNSPACED = ("ja", "th", "zh")
"""Languages in which a word is found wherever its characters stand."""
ALLOWED = {"ja": ("sm", "グロ", "女の子"), "zh": ("性",)}
"""Parts of many harmless words, which mC4 takes off the lists: each is met in a tenth of all pages."""


@dataclass(frozen=True)
class BadWords:
    """The lists that a setting names. Automata are made when their language is first met."""

    lists: Mapping[str, tuple[str, ...]]
    """language code -> words and phrases"""
    profile: str
    stamp: str
    """SHA-256 of what was read."""

    def phrases(self, language: str) -> Phrases | None:
        """The automaton of a language (of `zh` for `zh-Hant`, too); None if it has no list."""
        code = language if language in self.lists else language.partition("-")[0]
        return _compiled(self.lists[code], code, self.profile) if code in self.lists else None


def load_bad_words(path: str, profile: str) -> BadWords:
    """The lists in a folder, one file a language, named by its code; or in a JSON file, code -> list.

    Raises:
        PlanError: they cannot be read, or are no lists of words.
    """
    try:
        where = Path(path)
        files = sorted(f for f in where.iterdir() if f.is_file()) if where.is_dir() else [where]
        contents = {f.name: f.read_bytes() for f in files if not f.name.startswith(".")}
    except OSError as error:
        raise PlanError(f"cannot read {path}: {error.strerror}") from error
    try:
        if where.is_dir():
            lists = {name.removesuffix(".txt"): b.decode().splitlines() for name, b in contents.items()}
        else:
            lists = json.loads(contents[where.name])
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise PlanError(f"{path}: {error}") from error
    if not _are_lists(lists):
        raise PlanError(f"{path}: must be JSON, language code -> list of words, or a folder of such lists")
    digest = hashlib.sha256(b"\0".join(n.encode() + b"\0" + b for n, b in contents.items())).hexdigest()
    return BadWords({k: tuple(w.strip() for w in v) for k, v in lists.items()}, profile, digest)


def _are_lists(lists: object) -> bool:
    return isinstance(lists, dict) and all(
        isinstance(words, list) and all(isinstance(word, str) for word in words) for words in lists.values()
    )


@lru_cache(maxsize=64)
def _compiled(words: tuple[str, ...], code: str, profile: str) -> Phrases:
    spared = {w for c, allowed in ALLOWED.items() if c == code or profile == "datatrove" for w in allowed}
    listed = sorted(set(words) - spared - {""})
    if code in UNSPACED:
        return compile_phrases(listed)
    if profile == "dolma":
        return compile_phrases(listed, [ANYWHERE if " " in w else SPACES for w in listed])
    return compile_phrases(listed, WORDS)


def languages(batch: pa.RecordBatch, language: str) -> pa.StringArray:
    """Code of each row's language: the label of its column `language`, or where it has none, `language`."""
    index = batch.schema.get_field_index("language")
    if index < 0:
        return pa.array([language] * len(batch), pa.string())
    column = batch.column(index)
    labels = pc.struct_field(column, "label") if pa.types.is_struct(column.type) else column
    return pc.fill_null(labels.cast(pa.string()), language)


def count_bad_words(
    texts: pa.StringArray, lists: BadWords, languages: pa.StringArray
) -> npt.NDArray[np.int64]:
    """int64 [rows]: at how many places of each text a word of its language's list ends; 0 without a list."""
    given, counts = view(texts), np.zeros(len(texts), np.int64)
    for language in pc.unique(languages).to_pylist():
        phrases = lists.phrases(language)
        if phrases is not None:
            rows = pc.equal(languages, language).to_numpy(zero_copy_only=False) & given.valid
            _count(given.data, given.offsets, rows, phrases, counts)
    return counts


@kernel
def _count(
    data: Bytes, offsets: Offsets, rows: npt.NDArray[np.bool_], phrases: Phrases, out: npt.NDArray[np.int64]
) -> None:
    for row in range(len(rows)):
        if rows[row]:
            out[row] = count_phrases(phrases, data, np.int64(offsets[row]), np.int64(offsets[row + 1]))
