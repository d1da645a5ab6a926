"""The exceptions against spaCy's, one by one, and the table that holds them."""

from __future__ import annotations

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.symbols import ORTH
from spacy.tokenizer import Tokenizer

from stages.text.english_exceptions import MAX_BYTES, MAX_PIECES, exception, exception_table, exceptions, find


def looked_up(text: str) -> tuple[list[str], int]:
    """The tokens that the table gives for a string, and the number of pieces."""
    encoded = text.encode()
    data = np.frombuffer(b"a" + encoded + b"b", np.uint8)
    value = int(exception(data, 1, 1 + len(encoded)))
    tokens, at = [], 0
    for place in range(3):
        length = value >> 8 * place & 255
        tokens += [encoded[at : at + length].decode()] if length else []
        at += length
    return tokens, value >> 24


@pytest.fixture(scope="module")
def rules() -> dict[str, list[str]]:
    found = spacy.blank("en").tokenizer.rules
    return {string: [token[ORTH] for token in tokens] for string, tokens in found.items()}


def test_they_are_those_of_spacy(rules: dict[str, list[str]]) -> None:
    """But for white space, and words that are left whole with or without being an exception."""
    expected = {s: t for s, t in rules.items() if s.strip() and (len(t) > 1 or not s.isalpha())}
    found = {s: tokens for s, (tokens, _) in exceptions().items()}
    assert {s: t for s, t in found.items() if len(t) > 1 or not s.isalpha()} == expected
    assert len(expected) > 1_200
    assert all(rules[s] == t for s, t in found.items())


def test_pieces_are_what_the_rules_alone_would_make() -> None:
    t = spacy.blank("en").tokenizer
    bare = Tokenizer(t.vocab, None, t.prefix_search, t.suffix_search, t.infix_finditer, None, t.url_match)
    n_merged = 0
    for string, (tokens, n_pieces) in exceptions().items():
        pieces = [token.text for token in bare(string)]
        if n_pieces:
            n_merged += 1
            assert len(pieces) == n_pieces, string
        else:
            assert len(pieces) == 1 or pieces == tokens or string[0] == "°", string
        assert "".join(tokens) == string
    assert n_merged > 250


def test_every_one_is_found_with_its_lengths() -> None:
    found = exceptions()
    assert {s: looked_up(s) for s in found} == {s: (tokens, n) for s, (tokens, n) in found.items()}
    assert max(len(s.encode()) for s in found) == MAX_BYTES
    assert max(n for _, n in found.values()) == MAX_PIECES


@given(
    st.text(max_size=12)
    | st.sampled_from(["dont", "DON'T", "it''s", "mr.", "Mr", "x.", "((", "10pm.", "gonna "])
)
def test_nothing_else_is_found(text: str) -> None:
    assert looked_up(text) == exceptions().get(text, ([], 0))


def test_a_curly_apostrophe_is_one() -> None:
    found = exceptions()
    assert all(string.replace("'", "’") in found for string in found)
    assert len(found) > 1000


@given(st.dictionaries(st.binary(min_size=1, max_size=6), st.integers(1, 99), min_size=1, max_size=200))
def test_a_table_finds_what_is_in_it(values: dict[bytes, int]) -> None:
    keys, held = exception_table(values)
    joined = b"".join(values)
    data, at = np.frombuffer(joined, np.uint8), 0
    for string, value in values.items():
        assert find(data, at, at + len(string), keys, held) == value
        at += len(string)
    other = np.frombuffer(b"not there", np.uint8)
    assert find(other, 0, len(other), keys, held) == 0


def test_nothing_is_found_in_an_empty_range_or_a_long_one() -> None:
    data = np.frombuffer(b"a" * 100, np.uint8)
    assert [int(exception(data, 5, stop)) for stop in (4, 5, 5 + MAX_BYTES + 1, 100)] == [0, 0, 0, 0]
