"""The FineWeb signals of each profile against slow readings in plain Python and datatrove."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import spacy
from datatrove.data import Document
from datatrove.pipeline.filters import FineWebQualityFilter
from datatrove.pipeline.filters.gopher_repetition_filter import find_duplicates
from datatrove.utils.text import TERMINAL_PUNCTUATION
from hypothesis import given
from hypothesis import strategies as st

from stages.filters.fineweb import FINEWEB, SIGNALS, FinewebRules, FinewebSignals
from tests.stages.documents import documents
from tests.stages.text.test_words import split

Measured = dict[str, float]
NAMES = [f.name for f in SIGNALS]
PIECES = [
    "a b.",
    "a b. ",
    "Is it?",
    "「はい。」",
    "。",
    "x" * 29,
    "x" * 30,
    "é" * 30,
    "x" * 31,
    "…",
    '"So."',
    "it's'",
]
PIECES += ["\n", "\n", "\n\n", " \n", "\r\n", "\u2028", "\t", "।", "\U0001bc9f", "word"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(max_size=40)
ENGLISH = spacy.blank("en")


def measured(texts: list[str | None], profile: str = "paper") -> list[Measured | None]:
    batch = pa.record_batch({"text": pa.array(texts, pa.string())})
    stage = FinewebSignals(profile=profile)  # type: ignore[arg-type]
    signals: list[Measured | None] = stage.process(batch).column("fineweb").to_pylist()
    return signals


def reasons(signals: list[Measured | None], **settings: Any) -> list[list[str]]:
    array = pa.array(signals, FINEWEB.type)
    batch = pa.RecordBatch.from_arrays([array], schema=pa.schema([FINEWEB]))
    named: list[list[str]] = FinewebRules(**settings).reasons(batch).to_pylist()
    return named


def reference(text: str, profile: str, words: list[str]) -> Measured:
    if profile == "paper":
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        ends, short, chars = TERMINAL_PUNCTUATION | {'"', "'"}, 29, sum(map(len, lines))
    else:
        lines = [line for line in text.split("\n") if line.strip()]
        ends, short, chars = TERMINAL_PUNCTUATION, 30, len(text.replace("\n", ""))
    shares = [0.0, 0.0, 0.0]
    if lines:
        shares = [sum(line.endswith(tuple(ends)) for line in lines) / len(lines)]
        shares += [sum(len(line) <= short for line in lines) / len(lines), find_duplicates(lines)[1] / chars]
    per_word = text.count("\n") / len(words) if words else 0.0
    return dict(zip(NAMES, [*shares, per_word], strict=True))


@given(TEXTS)
def test_signals_are_what_the_paper_says(text: str) -> None:
    assert measured([text]) == [reference(text, "paper", split(text))]


@given(TEXTS)
def test_signals_are_what_datatrove_counts(text: str) -> None:
    (signals,) = measured([text], "datatrove")
    assert signals is not None
    expected = reference(text, "datatrove", [])
    assert [*signals.values()][:3] == [*expected.values()][:3]


@pytest.mark.data
@pytest.mark.parametrize("name", ["web_en_gold", "code", "zh_reviews", "multilingual_debian_docs", "books"])
def test_signals_of_real_documents(shared_data: Path, name: str) -> None:
    texts = list(documents(shared_data, name))[::31]
    assert measured(list(texts)) == [reference(t, "paper", split(t)) for t in texts]
    assert len(texts) > 3


DATATROVE = {
    "empty": "min_frac_lines_punctuated",
    "line_punct_ratio": "min_frac_lines_punctuated",
    "short_line_ratio": "max_frac_short_lines",
    "char_dup_ratio": "max_frac_chars_duplicate_lines",
    "list_ratio": "max_newlines_per_word",
}


@pytest.mark.data
def test_decisions_against_datatrove(shared_data: Path) -> None:
    texts = list(documents(shared_data, "web_en_gold"))[::12] + list(documents(shared_data, "code"))[::20]
    judge = FineWebQualityFilter()
    verdicts = [judge.filter(Document(text=t, id="")) for t in texts]
    theirs = [None if v is True else DATATROVE[v[1]] for v in verdicts]
    named = reasons(measured(list(texts), "datatrove"), profile="datatrove")
    first = [names[0] if names else None for names in named]
    assert sum(a == b for a, b in zip(theirs, first, strict=True)) >= 0.99 * len(texts)
    assert len(texts) > 150
    assert sum(t is not None for t in theirs) > 20
