"""Training on pages made up for it: what it learns, and that it learns the same each time."""

from __future__ import annotations

import numpy as np
import pytest

from stages.extract.auto import train
from stages.extract.auto.labels import WORD, MarkedPage, block_texts
from stages.extract.auto.model import BlockModel
from stages.extract.auto.train import Score, held_out, part_of, score
from stages.extract.auto.tree import parse

_PROSE = "copper iron handle whistle boil kettle morning visitor window garden letter travel paper stone"
PROSE = _PROSE.split()
MENU = ["home", "news", "about", "imprint", "login"]


def page(n: int) -> MarkedPage:
    """A page of a site of its own: only words and links tell its menu from its text."""
    rng = np.random.default_rng(n)
    text = ["".join(f"{word} " for word in rng.choice(PROSE, 12)) + "." for _ in range(4)]
    menu = "".join(f"<div><a href=/>{word} </a></div>" for word in MENU)
    html = f"<div>{menu}</div><div>{''.join(f'<div>{t}</div>' for t in text)}</div><div>{menu}</div>"
    tree = parse(html.encode())
    words = [WORD.findall(t) for t in block_texts(tree)]
    labels = np.array([0.0] * 5 + [1.0] * 4 + [0.0] * 5)
    return MarkedPage(f"p{n}", f"site{n}.org", "made up", "", tree, words, labels, "\n".join(text))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "N_TREES", 6)
    monkeypatch.setattr(train, "SETTINGS", train.SETTINGS | {"min_data_in_leaf": 2, "learning_rate": 0.5})


@pytest.fixture
def model(quick: None) -> BlockModel:
    return train.train([page(n) for n in range(20)])


def test_menus_are_told_from_text(model: BlockModel) -> None:
    new = page(100)
    probabilities = model.classify(new.tree)[1]
    assert probabilities[new.labels == 1].min() > probabilities[new.labels == 0].max() + 0.5
    assert score(model, new) == Score(1, 1, 1)


def test_the_words_of_menus_are_known(model: BlockModel) -> None:
    from stages.extract.auto.blocks import score_of
    from stages.extract.auto.vocabulary import hash_word

    menu = [score_of(model.words, hash_word(word)) for word in MENU]
    prose = [score_of(model.words, hash_word(word)) for word in PROSE[:5]]
    assert all(found for found, _ in menu + prose)
    assert max(s for _, s in menu) < min(s for _, s in prose)


def test_two_trainings_are_equal(model: BlockModel) -> None:
    again = train.train([page(n) for n in range(20)])
    for part, other in zip(model, again, strict=True):
        for one, two in zip(part, other, strict=True):
            assert (one == two).all()
    assert len(model) == 4


def test_held_out_sites_are_not_trained_on(quick: None) -> None:
    pages = [page(n) for n in range(20)]
    seen: list[str] = []
    for part in range(3):
        _, scores = held_out(pages, part, n_parts=3)
        assert all(part_of(f"site{name[1:]}.org", 3, 0) == part for name in scores)
        seen += scores
    assert sorted(seen) == sorted(p.id for p in pages)


def test_scores_count_words_as_often_as_they_occur(model: BlockModel) -> None:
    one = page(0)
    n = sum(len(words) for words in one.words[5:9])
    half = MarkedPage(
        *[getattr(one, name) for name in ("id", "domain", "set", "kind", "tree", "words", "labels")], "kettle"
    )
    found = score(model, half)
    assert (found.precision, found.recall) == (pytest.approx(1 / n), 1)
    none = MarkedPage(
        *[getattr(one, name) for name in ("id", "domain", "set", "kind", "tree", "words", "labels")], "zzz"
    )
    assert score(model, none) == Score(0, 0, 0)
