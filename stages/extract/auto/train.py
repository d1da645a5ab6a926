"""Training the model of `auto`, and measuring it on the pages of sites it was not trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from classifiers.forest import N_LEAVES, PLACE, Forest
from pipeline.keyed import key
from stages.extract.auto.blocks import Words, measure
from stages.extract.auto.choice import chosen
from stages.extract.auto.classes import score_classes
from stages.extract.auto.context import context
from stages.extract.auto.features import Features, features
from stages.extract.auto.labels import WORD, MarkedPage
from stages.extract.auto.model import BlockModel
from stages.extract.auto.render import render
from stages.extract.auto.vocabulary import Shares, learn, shares

Rows = npt.NDArray[np.float32]

SETTINGS = {
    "objective": "cross_entropy", "learning_rate": 0.04, "num_leaves": 31, "min_data_in_leaf": 40,
    "lambda_l2": 5.0, "feature_fraction": 0.3, "bagging_fraction": 0.7, "bagging_freq": 1,
    "max_bin": 63, "verbose": -1, "deterministic": True,
    "force_row_wise": True, "num_threads": 1,
}  # fmt: skip
N_TREES = 300
MIN_DOMAINS = (5, 4)
"""Sites a word must occur on to be learned, in the text and in class names."""
PARTS = 5
"""Parts into which the sites are split, for what must be learned on other pages than it is applied to."""
POWER = 0.75
"""A block weighs this power of its number of words on its page."""


class Score(NamedTuple):
    """How the words of an extracted text agree with those of the gold text, as multisets."""

    precision: float
    recall: float
    f1: float


def train(pages: Sequence[MarkedPage], *, seed: int = 0) -> BlockModel:
    """A model of these pages.

    What a page's words and class names say is learned from other sites' pages than it is applied to, and so
    is what the first look makes of it: else the second would trust the first too much.
    """
    shares_of = [shares(page) for page in pages]
    parts = [_part(page, "words", seed) for page in pages]
    known: dict[int, Features] = {}
    for part in range(PARTS):
        words, classes = _vocabulary(pages, shares_of, [i for i, p in enumerate(parts) if p != part])
        known |= {i: _features(pages[i], words, classes) for i, p in enumerate(parts) if p == part}
    parts = [_part(page, "first", seed) for page in pages]
    rows: dict[int, Rows] = {}
    for part in range(PARTS):
        others = [i for i, p in enumerate(parts) if p != part]
        forest = fit([known[i].rows for i in others], [pages[i] for i in others], seed)
        for i in (i for i, p in enumerate(parts) if p == part):
            rows[i] = _looked_around(known[i], forest)
    first = fit([known[i].rows for i in range(len(pages))], pages, seed)
    second = fit([rows[i] for i in range(len(pages))], pages, seed)
    return BlockModel(*_vocabulary(pages, shares_of, range(len(pages))), first, second)


def part_of(domain: str, n_parts: int, seed: int) -> int:
    """Which part of the sites is held out for this one."""
    return int(key(seed, "held out", domain) % n_parts)


def held_out(
    pages: Sequence[MarkedPage], part: int, *, n_parts: int, seed: int = 0
) -> tuple[BlockModel, dict[str, Score]]:
    """A model of all sites but those of one part, and its scores of that part's pages by their ids.

    Only pages all of whose gold text is known have a score.
    """
    out = [part_of(page.domain, n_parts, seed) == part for page in pages]
    model = train([p for p, held in zip(pages, out, strict=True) if not held], seed=seed)
    return model, {p.id: score(model, p) for p, held in zip(pages, out, strict=True) if held and p.gold}


def score(model: BlockModel, page: MarkedPage) -> Score:
    """What the model finds on a page."""
    blocks, probabilities = model.classify(page.tree)
    text = render(page.tree, blocks, chosen(page.tree, blocks, probabilities))
    have, want = (Counter(WORD.findall(t.lower())) for t in (text, page.gold or ""))
    both = (have & want).total()
    if not both:
        return Score(0.0, 0.0, 0.0)
    return Score(both / have.total(), both / want.total(), 2 * both / (have.total() + want.total()))


def _part(page: MarkedPage, what: str, seed: int) -> int:
    return int(key(seed, what, page.domain) % PARTS)


def _vocabulary(
    pages: Sequence[MarkedPage], shares_of: list[tuple[Shares, Shares]], of: Any
) -> tuple[Words, Words]:
    words, classes = (learn(((pages[i].domain, shares_of[i][k]) for i in of), MIN_DOMAINS[k]) for k in (0, 1))
    return words, classes


def _features(page: MarkedPage, words: Words, classes: Words) -> Features:
    return features(page.tree, measure(page.tree, words), score_classes(page.tree, classes))


def _looked_around(known: Features, first: Forest) -> Rows:
    around = context(known, first.predict(known.rows))
    return np.concatenate([known.rows, around], axis=1)


def fit(rows: Sequence[Rows], pages: Sequence[MarkedPage], seed: int) -> Forest:
    """Trees for the labels of these pages' blocks. A block counts by a power of its words."""
    import lightgbm  # a training dependency

    labels = np.concatenate([page.labels for page in pages])
    weights = np.concatenate([_weights(page) for page in pages])
    used = weights > 0
    data = lightgbm.Dataset(
        np.concatenate(rows)[used], labels[used], weight=weights[used] * used.sum() / weights.sum()
    )
    booster = lightgbm.train(SETTINGS | {"seed": seed}, data, N_TREES)
    return questions([tree["tree_structure"] for tree in booster.dump_model()["tree_info"]])


def _weights(page: MarkedPage) -> npt.NDArray[np.float64]:
    known = ~np.isnan(page.labels)
    weights = known * np.array([len(words) + 1.0 for words in page.words]) ** POWER
    scaled: npt.NDArray[np.float64] = weights * (page.weight / max(weights.sum(), 1e-9))
    return scaled


def questions(trees: Sequence[dict[str, Any]]) -> Forest:
    """LightGBM's trees as a forest."""
    starts, asked = [0], []
    leaves = np.zeros((len(trees), N_LEAVES), np.float32)
    for t, tree in enumerate(trees):
        of_tree: list[tuple[int, float, int]] = []
        _take_apart(tree, of_tree, leaves[t], 0)
        asked += of_tree
        starts.append(len(asked))
    features, thresholds, masks = zip(*asked, strict=True) if asked else ((), (), ())
    return Forest(
        np.array(starts, np.int32),
        np.array(features, np.int32),
        np.array(thresholds, np.float32),
        np.array(masks, np.uint32),
        leaves,
    )


def _take_apart(node: dict[str, Any], asked: list[tuple[int, float, int]], leaves: Rows, first: int) -> int:
    """Note the questions and leaves below a node whose leftmost leaf is number `first`; the number behind."""
    if "leaf_value" in node:
        leaves[PLACE[first]] = node["leaf_value"]
        return first + 1
    index = len(asked)
    asked.append((0, 0.0, 0))
    middle = _take_apart(node["left_child"], asked, leaves, first)
    on_the_left = (1 << middle) - (1 << first)
    asked[index] = (node["split_feature"], _below(node["threshold"]), 0xFFFF_FFFF & ~on_the_left)
    return _take_apart(node["right_child"], asked, leaves, middle)


def _below(threshold: float) -> float:
    """The greatest float32 that is not above: the features are float32, the thresholds were not."""
    near = np.float32(threshold)
    return float(near if near <= threshold else np.nextafter(near, np.float32(-np.inf)))
