"""What features are read from: the tables of a page, and which of its blocks and elements are alike."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stages.extract.auto.blocks import N_COMMAS, N_LINK_WORDS, N_STOPS, N_WORDS, Blocks
from stages.extract.auto.names import BLOCK, KIND, TAG, TAGS
from stages.extract.auto.tree import Tree
from stages.text.buffers import Bytes, byte
from stages.text.kernel import Int, kernel

Table = npt.NDArray[Any]
Row = npt.NDArray[np.float32]

_GROUPS = (
    ("h1",), ("h2",), ("h3",), ("h4", "h5", "h6"), ("p",), ("div",), ("li",), ("td", "th"), ("pre",),
    ("dt", "dd"),    ("blockquote",), ("section", "article", "main"), ("figcaption", "caption"),
    ("body",), ("noscript",),
)  # fmt: skip
GROUP = np.full(len(TAGS), len(_GROUPS), np.int32)
for _number, _names in enumerate(_GROUPS):
    GROUP[[TAG[n] for n in _names]] = _number
"""A few kinds of block-level element, headings first."""
HEADINGS = 4


class View(NamedTuple):
    """A page, as the kernels of this package look at it."""

    elements: Table
    """ELEMENT [n_elements]"""
    rows: Table
    """BLOCK_ROW [n_blocks]"""
    counts: Table
    """int32 [n_blocks, N_COUNTS]"""
    sums: Table
    """int32 [n_elements, N_COUNTS]"""
    spans: Table
    """int32 [n_elements, 2]"""
    classes: Row
    """float32 [n_elements, 3]: what the words in their classes say"""
    group: Table
    """int64 [n_blocks]: blocks of one number stand under the same path of tags and classes"""
    alike: Row
    """float32 [n_groups, 4]: how many blocks, and their words, words in links, stops and commas"""
    times: Table
    """int64 [n_blocks]: how often the block's words occur on the page"""
    siblings: Table
    """int64 [n_elements]: row of `totals` for siblings with text, the same tag and class; -1 without text"""
    totals: Table
    """int32 [any, 3]: how many siblings, and their words and words in links"""
    kinds: Table
    """int32 [3]: what the page calls itself"""
    best: int
    """The element whose paragraphs are worth most"""


def view(tree: Tree, blocks: Blocks, classes: Row) -> View:
    """All that features are made of; `classes` is what `score_classes` gives."""
    n, m = len(blocks.rows), len(tree.elements)
    path = np.zeros(m, np.int64)
    _paths(tree.elements, path)
    _, group = np.unique(path[blocks.rows["element"]], return_inverse=True)
    _, same, times = np.unique(blocks.rows["hash"], return_inverse=True, return_counts=True)
    alike = np.zeros((n, 4), np.float32)
    _alike(blocks.counts, group, alike)
    size = 1 << (2 * m).bit_length()
    siblings, totals = np.zeros(m, np.int64), np.zeros((size, 3), np.int32)
    _siblings(tree.html, tree.elements, blocks.sums, np.zeros(size, np.int64), totals, siblings)
    best = _best(tree.elements, blocks.rows, blocks.counts, np.zeros(m, np.float32))
    return View(
        tree.elements, *blocks, classes, group, alike, times[same], siblings, totals, tree.kinds, int(best)
    )


@kernel
def _paths(elements: Table, path: Table) -> None:
    """A hash of the tags from the root down to each element."""
    for e in range(1, len(elements)):
        size = elements[e].class_stop - elements[e].class_start
        path[e] = (path[elements[e].parent] * 31 + elements[e].tag) * 1_000_003 + size


@kernel
def _alike(counts: Table, group: Table, alike: Table) -> None:
    """Sums over the blocks that stand under the same path: how many, words, link words, stops."""
    for b in range(len(group)):
        g = group[b]
        alike[g, 0] += 1
        alike[g, 1] += counts[b, N_WORDS]
        alike[g, 2] += counts[b, N_LINK_WORDS]
        alike[g, 3] += counts[b, N_STOPS] + counts[b, N_COMMAS]


@kernel
def _best(elements: Table, rows: Table, counts: Table, score: Row) -> Int:
    """The element whose paragraphs are worth most, after Readability: each counts for those around it."""
    for b in range(len(rows)):
        if counts[b, N_WORDS] < 8:
            continue
        plain = counts[b, N_WORDS] - counts[b, N_LINK_WORDS]
        worth = np.float32(min(plain, 100) / 25 + min(counts[b, N_COMMAS] + counts[b, N_STOPS], 6) / 2)
        e: Int = np.int64(rows[b].element)
        for _ in range(4):
            score[e] += worth
            worth *= np.float32(0.6)
            if elements[e].parent < 0:
                break
            e = np.int64(elements[e].parent)
    return np.argmax(score)


@kernel
def _siblings(html: Bytes, elements: Table, sums: Table, keys: Table, totals: Table, siblings: Table) -> None:
    """An open hash table of (parent, tag, class); `keys` is all 0."""
    mask = len(keys) - 1
    for e in range(1, len(elements)):
        element = elements[e]
        if sums[e, N_WORDS] == 0 or not KIND[element.tag] & BLOCK:
            siblings[e] = -1
            continue
        key: Int = np.int64(element.parent) * 131 + element.tag
        for i in range(element.class_start, min(element.class_stop, element.class_start + 12)):
            key = (key * 1_000_003 + byte(html, i)) & 0x7FFF_FFFF_FFFF
        place = (key ^ (key >> 17)) & mask
        while keys[place] != 0 and keys[place] != key + 1:
            place = (place + 1) & mask
        # + 1: 0 is a free place.
        keys[place] = key + 1
        siblings[e] = place
        totals[place, 0] += 1
        totals[place, 1] += sums[e, N_WORDS]
        totals[place, 2] += sums[e, N_LINK_WORDS]
