"""Words in `class`, `id` and `role`, split and judged."""

from __future__ import annotations

import pytest
from hypothesis import given

from stages.extract.auto.classes import MAX_TOKENS, score_classes, tokens
from stages.extract.auto.tree import parse
from stages.extract.auto.vocabulary import NOTHING, hash_word, table
from tests.stages.extract.auto import soup


def found(page: str) -> list[tuple[int, int]]:
    keys, owners = tokens(parse(page.encode()))
    return list(zip(keys.tolist(), owners.tolist(), strict=True))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("main", ["main"]),
        ("site-nav menu_item", ["site", "nav", "menu", "item"]),
        ("articleBody", ["article", "body"]),
        ("HTMLBody", ["htmlbody"]),
        ("col-md-8 p2", ["col", "md", "p"]),
        ("  ", []),
        ("", []),
        ("été", ["t"]),
        ("x__y--Z", ["x", "y", "z"]),
    ],
)
def test_words_of_an_attribute(value: str, expected: list[str]) -> None:
    for name in ("class", "id", "role"):
        assert found(f"<div {name}='{value}'>") == [(hash_word(word), 1) for word in expected]


def test_words_are_given_with_their_elements() -> None:
    page = "<div class=a id=b role=c><p><i class=d></i><p id=e>"
    names = [
        (hash_word(word), element) for word, element in [("a", 1), ("b", 1), ("c", 1), ("d", 3), ("e", 4)]
    ]
    assert found(page) == names


def test_long_lists_are_cut() -> None:
    page = f"<div class='{'a ' * 1000}' id='{'b-' * 1000}'>x"
    keys = [key for key, _ in found(page)]
    assert keys == [hash_word("a")] * MAX_TOKENS + [hash_word("b")] * MAX_TOKENS


def test_scores_are_summed_with_their_least_and_greatest() -> None:
    words = table({hash_word("nav"): -2.0, hash_word("main"): 1.5, hash_word("x"): 0.25})
    tree = parse(b"<div class='nav X'><p id=main role=nav>a<p class=other>b<p>c")
    scores = score_classes(tree, words)
    assert scores.tolist() == [[0, 0, 0], [-1.75, -2, 0.25], [-0.5, -2, 1.5], [0, 0, 0], [0, 0, 0]]


@given(soup.anything)
def test_no_words_no_judgement(page: bytes) -> None:
    tree = parse(page)
    assert score_classes(tree, NOTHING).shape == (len(tree.elements), 3)
    assert not score_classes(tree, NOTHING).any()
    keys, owners = tokens(tree)
    assert len(keys) == len(owners)
    assert (keys > 0).all()
    assert not len(owners) or (owners.min() >= 1 and owners.max() < len(tree.elements))
