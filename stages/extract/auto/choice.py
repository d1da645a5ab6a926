"""Which blocks of a page are kept: those of the greatest expected F1, and what else is torn apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stages.extract.auto.blocks import N_BLOCKS, N_LINK_WORDS, N_WORDS, Blocks
from stages.extract.auto.names import TAG
from stages.extract.auto.page import is_layout
from stages.extract.auto.tree import Tree

Keep = npt.NDArray[np.bool_]

ARTICLE = 0.5
"""How many of the expected words of an article count as missed if left out; found by cross-validation."""
SHARE = 0.3
"""A table of which this share of words is kept is kept with all of its blocks."""
NEAR = 2
"""A table is kept, too, with kept text among so many blocks before it and as many behind."""
_TABLE = TAG["table"]


def chosen(tree: Tree, blocks: Blocks, probabilities: npt.NDArray[np.float32]) -> Keep:
    """bool [n_blocks]: the blocks that are content, given the probability of each, float32 [n_blocks]."""
    is_article = (tree.kinds[0] | tree.kinds[1]) & 1
    keep = likeliest(blocks.counts[:, N_WORDS], probabilities, ARTICLE if is_article else 1.0)
    if (tree.elements["tag"] == _TABLE).any():
        complete_tables(tree, blocks, keep)
    return keep


def likeliest(n_words: npt.NDArray[np.int32], probabilities: npt.NDArray[np.float32], missed: float) -> Keep:
    """The blocks whose words together have the greatest expected F1.

    The best set holds the most probable blocks down to half of the F1 it reaches (Lipton et al. 2014,
    "Optimal Thresholding of Classifiers to Maximize F1 Measure"), so a page hard to classify keeps more.
    With `missed` below 1 what is left out counts less, and fewer blocks are kept.
    """
    expected = probabilities * n_words.astype(np.float64)
    total = expected.sum() * missed
    if not total:
        return np.zeros(len(n_words), np.bool_)
    order = np.argsort(-probabilities, kind="stable")
    f1 = 2 * np.cumsum(expected[order]) / (np.cumsum(n_words[order]) + total)
    best = int(np.argmax(f1))
    keep: Keep = probabilities >= min(f1[best] / 2, probabilities[order[best]])
    return keep


def complete_tables(tree: Tree, blocks: Blocks, keep: Keep) -> None:
    """Keep all of a table of data that is kept in part, or stands within what is kept.

    Its rows are alike, and cells of digits look like nothing. A table that is mostly links is left as it is.
    """
    tags, starts = (np.ascontiguousarray(tree.elements[name]) for name in ("tag", "start"))
    for table in np.flatnonzero(tags == _TABLE):
        first, stop = blocks.spans[table]
        n_words = blocks.counts[first:stop, N_WORDS]
        if stop - first < 4 or 2 * blocks.counts[first:stop, N_LINK_WORDS].sum() > n_words.sum():
            continue
        inside = slice(table + 1, int(np.searchsorted(starts, tree.elements["stop"][table], "right")))
        within = keep[max(first - NEAR, 0) : first].any() and keep[stop : stop + NEAR].any()
        if within or (n_words * keep[first:stop]).sum() >= SHARE * max(n_words.sum(), 1):
            keep[first:stop] |= not is_layout(tags[inside], blocks.sums[inside, N_BLOCKS])
