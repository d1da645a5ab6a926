"""What the model knows of each block: its words, what stands around it, and the page it is on.

Counts and shares only, no logarithms: trees ask nothing but what is greater, and so a machine's mathematics
library has no say in it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from stages.extract.auto.around import (
    FAR,
    ITEMS,
    LEVELS,
    N_LEVELS,
    NEAR,
    WHERE,
    add_items,
    add_levels,
    add_near,
    add_where,
    distance,
)
from stages.extract.auto.blocks import (
    N_BREAKS,
    N_CHARS,
    N_COMMAS,
    N_DIGITS,
    N_LINK_WORDS,
    N_LINKS,
    N_LONG,
    N_MARKS,
    N_STOPS,
    N_STRONG_WORDS,
    N_TITLE_WORDS,
    N_UPPER_WORDS,
    N_WORDS,
    Blocks,
)
from stages.extract.auto.tree import Tree
from stages.extract.auto.view import GROUP, HEADINGS, Row, Table, View, view
from stages.text.kernel import Int, device, kernel
from stages.text.unicode import ALNUM, UPPER, char_class

OWN, ALIKE, PLACE, HEADED, KINDS = 25, 6, 10, 7, 8
N_FEATURES = OWN + WHERE + LEVELS + NEAR + ITEMS + ALIKE + PLACE + HEADED + KINDS


class Features(NamedTuple):
    """What is known of each block."""

    rows: Row
    """float32 [n_blocks, N_FEATURES]"""
    levels: Table
    """int32 [n_blocks, N_LEVELS]: elements around it, innermost first"""
    page: View


def features(tree: Tree, blocks: Blocks, classes: Table) -> Features:
    """The features of a page's blocks; `classes` is what `score_classes` gives."""
    n = len(blocks.rows)
    page = view(tree, blocks, classes)
    out = Features(np.zeros((n, N_FEATURES), np.float32), np.zeros((n, N_LEVELS), np.int32), page)
    _features(page, out.levels, out.rows)
    return out


@kernel
def _features(page: View, levels: Table, out: Row) -> None:
    heading: Int = -1  # the one above
    before: Int = 0  # words so far
    headed: Int = 0  # and up to the heading
    n_h1: Int = 0
    for b in range(len(page.rows)):
        row = out[b]
        column = _add_own(row, page, b)
        column = add_where(row, column, page, page.rows[b].element)
        column = add_levels(row, column, page, b, levels[b])
        column = add_near(row, column, page, b)
        column = add_items(row, column, page, b)
        column = _add_alike(row, column, page, b)
        column = _add_place(row, column, page, b, before)
        column = _add_heading(row, column, page, b, heading, before - headed)
        row[column] = n_h1
        _add_kinds(row, column + 1, page.kinds)
        before += page.counts[b, N_WORDS]
        kind = GROUP[page.elements[page.rows[b].element].tag]
        if kind < HEADINGS:
            heading, headed = np.int64(b), before
            n_h1 += kind == 0


@device
def _add_own(row: Row, page: View, b: Int) -> Int:
    """What the block says."""
    block, count = page.rows[b], page.counts[b]
    n = max(count[N_WORDS], 1)
    row[0], row[1] = count[N_WORDS], count[N_CHARS] / n
    row[2], row[3] = count[N_LINK_WORDS] / n, count[N_STRONG_WORDS] / n
    row[4], row[5] = count[N_UPPER_WORDS] / n, count[N_DIGITS] / max(count[N_CHARS], 1)
    row[6], row[7], row[8] = count[N_STOPS] / n, count[N_COMMAS] / n, count[N_MARKS] / n
    row[9], row[10] = min(count[N_LINKS], FAR), min(count[N_BREAKS], FAR)
    row[11], row[12] = count[N_TITLE_WORDS] / n, min(count[N_TITLE_WORDS], 12)
    row[13], row[14], row[15] = block.score, block.first_score, block.low_score
    row[16], row[17] = page.times[b], block.score * n
    first, last = char_class(block.first_char), block.last_char
    row[18] = 2 if first & UPPER else 1 if first & ALNUM else 0
    row[19] = ord("0") <= block.first_char <= ord("9")
    row[20] = last in (46, 0x3002)  # . 。
    row[21] = last in (33, 63, 0xFF01, 0xFF1F)  # ! ? ！ ？
    row[22] = last == 58  # :
    row[23] = block.first_char in (0x2022, 0xA9, 0xBB, 0x203A, 0x2192, 0x7C)  # • © » › → |
    row[24] = count[N_WORDS] - count[N_LINK_WORDS]
    return OWN


@device
def _add_alike(row: Row, column: Int, page: View, b: Int) -> Int:
    """All blocks under the same path of tags and classes."""
    total = page.alike[page.group[b]]
    row[column], row[column + 1], row[column + 2] = total[0], total[1], total[1] / total[0]
    row[column + 3], row[column + 4] = total[2] / max(total[1], 1), total[3] / max(total[1], 1)
    row[column + 5] = total[1] / max(page.sums[0, N_WORDS], 1)
    return column + ALIKE


@device
def _add_place(row: Row, column: Int, page: View, b: Int, before: Int) -> Int:
    """Where on the page it stands, and what kind of page that is."""
    n, total = len(page.rows), page.sums[0]
    row[column], row[column + 1] = b / n, before / max(total[N_WORDS], 1)
    row[column + 2], row[column + 3] = min(b, 200), min(n - b, 200)
    row[column + 4], row[column + 5] = total[N_WORDS], total[N_LINK_WORDS] / max(total[N_WORDS], 1)
    row[column + 6], row[column + 7] = total[N_LONG] / n, n
    row[column + 8], row[column + 9] = total[N_STOPS] / max(total[N_WORDS], 1), total[N_LONG]
    return column + PLACE


@device
def _add_heading(row: Row, column: Int, page: View, b: Int, heading: Int, words: Int) -> Int:
    """The heading above, and how far above."""
    row[column] = row[column + 1] = row[column + 2] = -1
    if heading >= 0:
        count, element = page.counts[heading], page.rows[heading].element
        n = max(count[N_WORDS], 1)
        row[column], row[column + 1], row[column + 2] = (
            GROUP[page.elements[element].tag],
            min(b - heading, FAR),
            words,
        )
        row[column + 3], row[column + 4] = count[N_LINK_WORDS] / n, count[N_TITLE_WORDS] / n
        row[column + 5] = page.rows[heading].score
        row[column + 6] = distance(page, page.rows[b].element, element)
    return column + HEADED


@device
def _add_kinds(row: Row, column: Int, kinds: Any) -> None:
    """What the page calls itself."""
    for k in range(5):
        row[column + k] = ((kinds[0] | kinds[1] | kinds[2]) >> k) & 1
    row[column + 5], row[column + 6] = kinds[0] & 1, kinds[1] & 1
