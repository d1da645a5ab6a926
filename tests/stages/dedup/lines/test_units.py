"""Where lines, paragraphs and sentences begin and end, against regular expressions and spaCy."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from stages.dedup.lines.units import (
    ENGLISH,
    EVERY_LINE,
    LINE,
    PARAGRAPH,
    SENTENCE,
    cut,
    n_units,
    unit_bounds,
    unit_kind,
)
from stages.text.buffers import view
from stages.text.sentences import next_sentence

TEXTS = st.text(st.sampled_from("aB1.!? \n\n\r\u3000é漢。\"'\x00"), max_size=30)


def cuts(text: str, kind: int) -> list[str]:
    array = pa.array([text + "~", "", text], pa.string()).slice(1)
    texts, bounds = view(array), unit_bounds(array, kind)
    start, stop = int(texts.offsets[1]), int(texts.offsets[2])
    n = cut(texts.data, start, stop, kind, bounds, 1)
    spans = zip(bounds.starts[:n].tolist(), bounds.ends[:n].tolist(), strict=True)
    units = [bytes(texts.data[a:b]).decode() for a, b in spans]
    assert n_units(array, kind).tolist() == [0, sum(not unit.isspace() and unit != "" for unit in units)]
    return units


@given(TEXTS)
def test_lines(text: str) -> None:
    assert cuts(text, EVERY_LINE) == (text.split("\n") if text else [])
    assert cuts(text, LINE) == [line for line in text.split("\n") if line.strip()]


@given(TEXTS)
def test_paragraphs(text: str) -> None:
    parts = re.split(r"\n(?:[^\S\n]*\n)+", text)
    assert cuts(text, PARAGRAPH) == [part for part in parts if part.strip()]


def unicode_sentences(text: str) -> list[str]:
    found, data, position = [], view(pa.array([text], pa.string())).data, 0
    while position < len(data):
        after = next_sentence(data, position, len(data))
        found.append(bytes(data[position:after]).decode().strip())
        position = after
    return [s for s in found if s]


@given(TEXTS)
def test_sentences(text: str) -> None:
    assert cuts(text, SENTENCE) == unicode_sentences(text)


@pytest.fixture(scope="module")
def sentencizer() -> spacy.Language:
    language = spacy.blank("en")
    language.add_pipe("sentencizer")
    return language


@given(text=st.text(st.sampled_from("aB1.!? \n\n\té。\"'"), max_size=30))
def test_english_sentences_are_spacys(sentencizer: spacy.Language, text: str) -> None:
    expected = [s.text.strip() for s in sentencizer(text).sents]
    assert cuts(text, ENGLISH) == [s for s in expected if s]


def test_ways() -> None:
    assert unit_kind("line", "unicode", True) == EVERY_LINE
    assert unit_kind("line", "english", False) == LINE
    assert unit_kind("paragraph", "english", True) == PARAGRAPH
    assert unit_kind("span", "english", False) == unit_kind("sentence", "english", True) == ENGLISH
    assert unit_kind("span", "unicode", False) == unit_kind("sentence", "unicode", True) == SENTENCE


@pytest.mark.parametrize("kind", [EVERY_LINE, LINE, PARAGRAPH, SENTENCE, ENGLISH])
def test_nothing(kind: int) -> None:
    assert n_units(pa.array([], pa.string()), kind).tolist() == []
    assert n_units(pa.array([None, "", " \n\n "], pa.string()), kind).tolist() == [0, 0, 0]
