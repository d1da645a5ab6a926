"""Features of blocks and of their surroundings, computed by hand on small pages, and finite on any."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from stages.extract.auto.around import FAR, ITEMS, LEVELS, N_AROUND, NEAR, WHERE, distance
from stages.extract.auto.blocks import N_WORDS, measure
from stages.extract.auto.classes import score_classes
from stages.extract.auto.context import N_CONTEXT, context
from stages.extract.auto.features import ALIKE, HEADED, KINDS, N_FEATURES, OWN, PLACE, Features, features
from stages.extract.auto.names import TAGS
from stages.extract.auto.tree import parse
from stages.extract.auto.view import GROUP
from stages.extract.auto.vocabulary import NOTHING
from tests.stages.extract.auto import soup

SIZES = {
    "own": OWN, "where": WHERE, "levels": LEVELS, "near": NEAR, "items": ITEMS, "alike": ALIKE,
    "place": PLACE, "headed": HEADED, "kinds": KINDS,
}  # fmt: skip


def known(page: str | bytes) -> Features:
    tree = parse(page.encode() if isinstance(page, str) else page)
    return features(tree, measure(tree, NOTHING), score_classes(tree, NOTHING))


def part(found: Features, name: str, block: int) -> list[float]:
    at = 0
    for other, size in SIZES.items():
        if other == name:
            return [round(float(x), 4) for x in found.rows[block, at : at + size]]
        at += size
    raise KeyError(name)


def test_the_parts_fill_the_row() -> None:
    assert sum(SIZES.values()) == N_FEATURES
    row = known("<h1>a</h1><p>b").rows
    assert row.shape == (2, N_FEATURES)
    assert row.dtype == np.float32


def test_what_a_block_says() -> None:
    own = part(known("<p>In 1999, <b>we </b><a href=/>left </a>it."), "own", 0)
    words, chars = 5, 16
    expected = [words, chars / words, 1 / words, 1 / words, 1 / words, 4 / chars, 1 / words, 1 / words, 0]
    assert own[:9] == [round(x, 4) for x in expected]
    assert own[9:13] == [1, 0, 0, 0]  # links, breaks, title words
    assert own[16] == 1  # it occurs once
    assert own[18:25] == [2, 0, 1, 0, 0, 0, 4]


def test_blocks_of_the_same_words_know_of_each_other() -> None:
    found = known("<p>buy now<p>something else<div>Buy, now!</div>")
    assert [part(found, "own", b)[16] for b in range(3)] == [2, 1, 2]


def test_where_a_block_stands() -> None:
    found = known("<main><section><ul><li>a</ul></section></main><nav><p>b</nav>")
    tags = {
        name: k for k, name in enumerate(["nav", "header", "footer", "aside", "article", "main", "section"])
    }
    first, second = part(found, "where", 0), part(found, "where", 1)
    assert (first[tags["main"]], first[tags["section"]], first[tags["nav"]]) == (3, 2, FAR)
    assert (second[tags["nav"]], second[tags["main"]]) == (1, FAR)
    assert first[N_AROUND : N_AROUND + 2] == [GROUP[TAGS.index("li")], 4]


def test_what_is_beside_a_block() -> None:
    near = part(known("<p>one<p>two words<p>one two three"), "near", 1)
    assert near[0] == -1  # nothing three before
    assert near[12] == 1  # a word in the one before
    assert near[18] == 3  # three in the one behind
    assert near[12 + 5] == near[18 + 5] == 1  # of the same parent
    assert near[36:38] == [1, 0]
    assert near[40:42] == [3, 0]


def test_levels_grow() -> None:
    found = known("<div><section><p>a b<p>c</section><p>d</div><p>e f")
    levels = part(found, "levels", 0)
    assert levels[0::9] == [3, 4, 6, 6, 6]
    assert levels[2::9] == [2, 3, 4, 4, 4]
    assert levels[5] == round(2 / 3, 4)
    assert [TAGS[found.page.elements[e]["tag"]] for e in found.levels[0][:3]] == ["section", "div", "?"]


def test_items_have_siblings_of_their_kind() -> None:
    found = known("<ul>" + "<li>a b" * 4 + "</ul><p>c")
    items = part(found, "items", 0)
    assert items[:3] == [0, 4, 2]
    assert part(found, "items", 4)[0] == FAR
    assert part(known("<ul><li class=x>a<li class=y>b<li>c</ul>"), "items", 0)[0] == FAR


def test_the_heading_above() -> None:
    found = known("<h2>a</h2><p>b c<p>d")
    assert part(found, "headed", 0)[:3] == [-1, -1, -1]
    assert part(found, "headed", 1)[:3] == [GROUP[TAGS.index("h2")], 1, 0]
    assert part(found, "headed", 2)[:3] == [GROUP[TAGS.index("h2")], 2, 2]


def test_what_the_page_calls_itself() -> None:
    page = "<meta property=og:type content=article><p>x"
    assert part(known(page), "kinds", 0) == [0, 1, 0, 0, 0, 0, 1, 0]
    assert not any(part(known("<p>x"), "kinds", 0))


@pytest.mark.parametrize(
    "page", ["<p>a<div><p>b</div>", "<ul><li>a<li>b</ul><p>c", "<div><div><p>a</div></div>b"]
)
def test_distance_goes_up_to_what_holds_both(page: str) -> None:
    view = known(page).page
    parents = view.elements["parent"].tolist()
    pairs = 0
    for a in range(len(parents)):
        above = [a]
        while above[-1] > 0:
            above.append(parents[above[-1]])
        for b in range(len(parents)):
            steps, e = 0, b
            while e not in above:
                steps, e = steps + 1, parents[e]
            assert distance(view, a, b) == steps
            pairs += 1
    assert pairs > 4


@given(soup.anything)
def test_features_are_finite_on_any_bytes(page: bytes) -> None:
    found = known(page)
    n = len(found.rows)
    assert np.isfinite(found.rows).all()
    for first in (np.zeros(n, np.float32), np.ones(n, np.float32), np.linspace(0, 1, n, dtype=np.float32)):
        around = context(found, first)
        assert around.shape == (n, N_CONTEXT)
        assert np.isfinite(around).all()
    assert not n or 0 <= found.page.best < len(found.page.elements)


def test_features_are_the_same_each_time() -> None:
    page = "<title>a</title><h1>a b</h1>" + "<div class=x><p>c d, e.<p><a href=/>f</a></div>" * 7
    assert (known(page).rows == known(page).rows).all()


def test_the_second_look_sees_the_first() -> None:
    found = known("<p>a b c<p>d<p>e f")
    first = np.array([0.25, 0.5, 0.75], np.float32)
    around = context(found, first)
    assert around[:, 0].tolist() == first.tolist()
    steps = [round(float(x), 3) for x in around[1, 1:9]]
    assert steps == [-0.1, -0.1, -0.1, 0.25, 0.75, -0.1, -0.1, -0.1]
    weights = found.page.counts[:, N_WORDS] + 0.5
    mean = float((first * weights).sum() / weights.sum())
    own = 1 + 8 + 6 + 10
    assert around[:, own].tolist() == pytest.approx([mean] * 3, rel=1e-5)
    assert around[:, own + 2].tolist() == [0.75] * 3
    share = np.concatenate([[0], np.cumsum(first * weights)[:-1]]) / (first * weights).sum()
    assert around[:, own + 3].tolist() == pytest.approx(share.tolist(), rel=1e-5)


def test_the_best_stretch_is_where_the_words_are() -> None:
    found = known("<p>a" + "<p>" + "w " * 20 + "<p>" + "v " * 20 + "<p>b<p>c")
    around = context(found, np.array([0.1, 0.9, 0.9, 0.1, 0.1], np.float32))
    at = 1 + 8 + 6 + 10 + 12
    assert around[:, at].tolist() == [0, 1, 1, 0, 0]
    assert around[:, at + 1].tolist() == [1, 0, 0, 1, 2]
