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
    cutting,
    n_units,
    pieces,
)
from stages.text.buffers import view
from stages.text.sentences import next_sentence

TEXTS = st.text(st.sampled_from("aB1.!? \n\n\r\u3000é漢。\"'\x00"), max_size=30)


def cuts(text: str, how: int) -> list[str]:
    array = pa.array([text + "~", "", text], pa.string()).slice(1)
    texts, room = view(array), pieces(array, how)
    start, stop = int(texts.offsets[1]), int(texts.offsets[2])
    n = cut(texts.data, start, stop, how, room, 1)
    spans = zip(room.starts[:n].tolist(), room.ends[:n].tolist(), strict=True)
    units = [bytes(texts.data[a:b]).decode() for a, b in spans]
    assert n_units(array, how).tolist() == [0, sum(not unit.isspace() and unit != "" for unit in units)]
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
    found, data, at = [], view(pa.array([text], pa.string())).data, 0
    while at < len(data):
        after = next_sentence(data, at, len(data))
        found.append(bytes(data[at:after]).decode().strip())
        at = after
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
    assert cutting("line", "unicode", True) == EVERY_LINE
    assert cutting("line", "english", False) == LINE
    assert cutting("paragraph", "english", True) == PARAGRAPH
    assert cutting("span", "english", False) == cutting("sentence", "english", True) == ENGLISH
    assert cutting("span", "unicode", False) == cutting("sentence", "unicode", True) == SENTENCE


@pytest.mark.parametrize("how", [EVERY_LINE, LINE, PARAGRAPH, SENTENCE, ENGLISH])
def test_nothing(how: int) -> None:
    assert n_units(pa.array([], pa.string()), how).tolist() == []
    assert n_units(pa.array([None, "", " \n\n "], pa.string()), how).tolist() == [0, 0, 0]
