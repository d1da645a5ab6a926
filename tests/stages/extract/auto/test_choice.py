"""The choice of blocks, against all possible choices; tables that are kept or left whole."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.extract.auto.blocks import measure
from stages.extract.auto.choice import ARTICLE, chosen, likeliest
from stages.extract.auto.tree import parse
from stages.extract.auto.vocabulary import NOTHING
from tests.stages.extract.auto import soup

chances = st.sampled_from([0.0, 0.05, 0.2, 0.5, 0.55, 0.9, 1.0])


@given(
    st.lists(st.tuples(st.integers(0, 30), chances), min_size=1, max_size=9), st.sampled_from([1.0, ARTICLE])
)
def test_no_choice_has_a_greater_expected_f1(blocks: list[tuple[int, float]], missed: float) -> None:
    n_words, probabilities = (
        np.array([n for n, _ in blocks], np.int32),
        np.array([p for _, p in blocks], np.float32),
    )
    expected = probabilities * n_words.astype(float)

    def f1(of: np.ndarray) -> float:
        return float(2 * expected[of].sum() / (n_words[of].sum() + missed * expected.sum()))

    keep = likeliest(n_words, probabilities, missed)
    if not expected.any():
        assert not keep.any()
        return
    choices = [np.array(c, bool) for c in itertools.product([0, 1], repeat=len(blocks))]
    assert f1(keep) == pytest.approx(max(map(f1, choices)), abs=1e-6)
    assert (keep == (probabilities >= probabilities[keep].min())).all()


def keeps(page: str, probabilities: list[float]) -> list[bool]:
    tree = parse(page.encode())
    found: list[bool] = chosen(tree, measure(tree, NOTHING), np.array(probabilities, np.float32)).tolist()
    return found


def test_an_article_is_read_strictly() -> None:
    page = "".join(f"<p>{'w ' * 10}" for _ in range(3))
    assert keeps(page, [0.9, 0.4, 0.1]) == [True, True, False]
    assert keeps("<meta property=og:type content=article>" + page, [0.9, 0.4, 0.1]) == [True, False, False]


def test_a_table_is_kept_whole_or_as_it_is() -> None:
    text = f"<p>{'w ' * 20}"
    table = "<table><tr><td>a<td>1<tr><td>b<td>2<tr><td>c<td>3</table>"
    few, half = [0.9, *[0.0] * 6, 0.0], [0.9, 0.9, 0.9, 0.9, *[0.0] * 3, 0.0]
    assert keeps(text + table + text, few) == [True, *[False] * 7]
    assert keeps(text + table + text, half) == [*[True] * 7, False]
    assert keeps(text + table + text, [0.9, *[0.0] * 6, 0.9]) == [True] * 8
    for other in (
        table.replace("a<td>", "a<tr><td>").replace("b<td>", "b<tr><td>").replace("c<td>", "c<tr><td>"),
        "<table><tr><td>" + table + "</table>",
        table.replace("<td>1", "<td>1<p>1<p>1<p>1<p>1"),
        table.replace("<td>", "<td><a href=/>"),
    ):
        n = measure(parse(other.encode()), NOTHING).counts.shape[0]
        found = keeps(text + other + text, [0.9, *[0.0] * n, 0.9])
        assert found == [True, *[False] * n, True] or "<table><tr><td><table>" in other


@given(soup.pages, st.integers(0, 2**32))
def test_any_page_and_any_probabilities(page: str, seed: int) -> None:
    tree = parse(page.encode())
    blocks = measure(tree, NOTHING)
    probabilities = np.random.default_rng(seed).integers(0, 5, tree.n_blocks).astype(np.float32) / 4
    keep = chosen(tree, blocks, probabilities)
    assert keep.dtype == np.bool_
    assert len(keep) == tree.n_blocks
    missed = ARTICLE if (tree.kinds[0] | tree.kinds[1]) & 1 else 1.0
    assert (keep >= likeliest(blocks.counts[:, 0], probabilities, missed)).all()
