"""What words say, learned from pages made up for it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.extract.auto.blocks import measure, score_of
from stages.extract.auto.labels import MarkedPage, block_texts
from stages.extract.auto.tree import parse
from stages.extract.auto.vocabulary import NOTHING, SHORT, hash_word, learn, shares, table


def page(html: str, labels: list[float], domain: str = "a.org") -> MarkedPage:
    tree = parse(html.encode())
    words = [text.lower().split() for text in block_texts(tree)]
    return MarkedPage("1", domain, "set", "", tree, words, np.array(labels), None)


@given(st.lists(st.sampled_from("aZé漢字Ж9ßÀ"), min_size=1, max_size=6).map("".join))
def test_words_hash_as_in_the_kernels(word: str) -> None:
    one_by_one = list(word) if any(char in "漢字" for char in word) else [word]
    scores = {
        hash_word(part.lower()): 1.0
        for part in "".join(one_by_one).replace("漢", " ").replace("字", " ").split()
    }
    scores |= {hash_word(char): 1.0 for char in word if char in "漢字"}
    assert measure(parse(f"<p>{word}".encode()), table(scores)).rows["score"].tolist() == [1.0]


@given(st.dictionaries(st.integers(1, 2**47 - 1), st.floats(-5, 5), max_size=60), st.integers(1, 2**47 - 1))
def test_a_table_knows_its_words_and_no_others(scores: dict[int, float], other: int) -> None:
    words = table(scores)
    assert len(words.keys) & (len(words.keys) - 1) == 0
    assert (words.keys != 0).sum() == len(scores) < len(words.keys)
    for key, value in scores.items():
        found, score = score_of(words, key)
        assert found
        assert score == np.float32(round(value, 3))
    assert score_of(words, other)[0] == (other in scores)
    assert not score_of(NOTHING, other)[0]


def test_a_table_does_not_depend_on_the_order_of_its_words() -> None:
    scores = {key * 1024 + 5: 0.5 for key in range(1, 20)}
    one, other = table(scores), table(dict(reversed(scores.items())))
    assert (one.keys == other.keys).all()
    assert (one.scores == other.scores).all()


def test_shares_of_words_and_classes() -> None:
    found, classes = shares(
        page(
            "<div class=main><p class=text>tea tea pot<p class=text>menu pot</div>"
            "<nav class=menu><p>menu</nav><p>new",
            [1.0, 0.5, 0.0, math.nan],
        )
    )
    assert found == {hash_word("tea"): 1.0, hash_word("pot"): 0.75, hash_word("menu"): 0.25}
    main, text, menu = (classes[hash_word(word)] for word in ("main", "text", "menu"))
    assert main == text == pytest.approx((4 * 1.0 + 3 * 0.5) / 7)
    assert menu == 0
    assert len(classes) == 3


def test_words_of_long_blocks_tell_nothing() -> None:
    long = " ".join(f"w{i}" for i in range(SHORT + 1))
    assert shares(page(f"<p>{long}", [1.0]))[0] == {}
    assert shares(page("<p>a", [math.nan]))[0] == {}


def test_each_domain_counts_once() -> None:
    good, bad = {1: 1.0, 2: 1.0}, {1: 0.0, 2: 1.0}
    few = [("a", good), ("b", bad), ("c", bad)]
    many = [*few, *[("a", good)] * 50]
    assert dict(zip(*map(np.ndarray.tolist, learn(few, 2)), strict=True)) == dict(
        zip(*map(np.ndarray.tolist, learn(many, 2)), strict=True)
    )


def test_rare_words_are_not_learned() -> None:
    pages = [("a", {1: 1.0, 2: 0.0}), ("b", {1: 1.0, 3: 0.0}), ("c", {1: 0.0, 2: 0.0})]
    assert set(learn(pages, 3).keys.tolist()) == {0, 1}
    assert set(learn(pages, 2).keys.tolist()) == {0, 1, 2}
    assert len(learn(pages, 4).keys) == 1
    assert learn([], 1) is NOTHING


def test_log_odds_have_the_sign_of_the_word() -> None:
    pages = [(str(i), {1: 0.9, 2: 0.1, 3: 0.5}) for i in range(20)]
    words = learn(pages, 1)
    scores = [score_of(words, key)[1] for key in (1, 2, 3)]
    assert scores[0] == pytest.approx(-scores[1])
    assert scores[0] > 1
    assert scores[2] == pytest.approx(0, abs=1e-3)
