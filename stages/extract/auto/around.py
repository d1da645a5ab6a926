"""Features of what is around a block: the elements it is in, the blocks beside it, items that are alike."""

from __future__ import annotations

import numpy as np

from stages.extract.auto.blocks import N_BLOCKS, N_COMMAS, N_LINK_WORDS, N_LONG, N_STOPS, N_WORDS
from stages.extract.auto.names import BLOCK, KIND, TAG, TAGS
from stages.extract.auto.view import GROUP, Row, Table, View
from stages.text.kernel import Int, device

FAR = 60.0
"""A distance that is as good as none."""
_AROUND = (
    ("nav",), ("header",), ("footer",), ("aside",), ("article",), ("main",), ("section",),
    ("form", "fieldset"),("table",), ("ul", "ol", "dl", "menu"), ("figure",), ("blockquote",),
    ("button", "label"),
    ("details", "dialog"),    ("noscript",), ("p",),
)  # fmt: skip
AROUND = np.full(len(TAGS), -1, np.int32)
for _number, _names in enumerate(_AROUND):
    AROUND[[TAG[n] for n in _names]] = _number
N_AROUND = len(_AROUND)

N_LEVELS = 5
WHERE, LEVELS, NEAR, ITEMS = N_AROUND + 17, 9 * N_LEVELS, 44, 14
"""How many features each of the functions gives."""


@device
def add_where(row: Row, column: Int, page: View, element: Int) -> Int:
    """Tags and class words on the way from the block to the root."""
    for k in range(N_AROUND):
        row[column + k] = FAR
    own = column + N_AROUND
    row[own], row[own + 1] = GROUP[page.elements[element].tag], page.elements[element].depth
    e: Int = np.int64(element)
    steps = 0
    hidden = 0
    nearest = np.float32(0)
    low = high = total = np.float32(0)
    top = second = np.float32(0)
    in_best = np.float32(FAR)
    while e > 0:
        around = AROUND[page.elements[e].tag]
        if around >= 0 and row[column + around] == FAR:
            row[column + around] = min(steps, FAR - 1)
        hidden += page.elements[e].hidden & 1
        prop = page.elements[e].itemprop
        if prop and row[own + 13 + prop] == 0:
            row[own + 13 + prop] = steps + 1
        score = page.classes[e, 0]
        if nearest == 0:
            nearest = score
        low, high, total = min(low, page.classes[e, 1]), max(high, page.classes[e, 2]), total + score
        if score != 0:
            top, second = score, top
        if e == page.best:
            in_best = np.float32(steps)
        steps += 1
        e = np.int64(page.elements[e].parent)
    row[own + 2], row[own + 3], row[own + 4], row[own + 5] = nearest, low, high, total
    row[own + 6], row[own + 7], row[own + 8], row[own + 9] = top, second, hidden, steps
    row[own + 10] = in_best
    row[own + 11] = distance(page, element, page.best)
    row[own + 12] = page.classes[element, 0]
    row[own + 13] = page.spans[element, 0] >= page.spans[page.best, 0]
    return column + WHERE


@device
def distance(page: View, element: Int, other: Int) -> Int:
    """How far above `other` the first element is that holds both."""
    steps = 0
    a: Int = np.int64(element)
    b: Int = np.int64(other)
    while a != b:
        if a > b:
            a = np.int64(page.elements[a].parent)
        else:
            b = np.int64(page.elements[b].parent)
            steps += 1
    return steps


@device
def add_levels(row: Row, column: Int, page: View, b: Int, levels: Table) -> Int:
    """The elements around the block that hold more than the one before did, innermost first."""
    e: Int = np.int64(page.rows[b].element)
    inside, words = page.counts[b, N_BLOCKS], page.counts[b, N_WORDS]
    for k in range(N_LEVELS):
        while page.elements[e].parent >= 0 and (
            page.sums[e, N_BLOCKS] == inside or not KIND[page.elements[e].tag] & BLOCK
        ):
            e = np.int64(page.elements[e].parent)
        levels[k] = e
        total = page.sums[e]
        n = max(total[N_WORDS], 1)
        row[column], row[column + 1] = total[N_WORDS], total[N_LINK_WORDS] / n
        row[column + 2], row[column + 3] = total[N_BLOCKS], (total[N_STOPS] + total[N_COMMAS]) / n
        row[column + 4], row[column + 5] = total[N_LONG] / max(total[N_BLOCKS], 1), words / n
        row[column + 6] = total[N_WORDS] / max(page.sums[0, N_WORDS], 1)
        row[column + 7] = (b - page.spans[e, 0]) / max(total[N_BLOCKS], 1)
        row[column + 8] = GROUP[page.elements[e].tag] if e else -1
        inside, words = total[N_BLOCKS], total[N_WORDS]
        column += 9
    return column


@device
def add_near(row: Row, column: Int, page: View, b: Int) -> Int:
    """The blocks before and behind, one by one and summed."""
    own = page.rows[b].element
    for step in (-3, -2, -1, 1, 2, 3):
        other = b + step
        if 0 <= other < len(page.rows):
            count, element = page.counts[other], page.rows[other].element
            n = max(count[N_WORDS], 1)
            row[column], row[column + 1] = count[N_WORDS], count[N_LINK_WORDS] / n
            row[column + 2], row[column + 3] = GROUP[page.elements[element].tag], page.rows[other].score
            row[column + 4] = (count[N_STOPS] + count[N_COMMAS]) / n
            row[column + 5] = element == own or page.elements[element].parent == page.elements[own].parent
        else:
            (
                row[column],
                row[column + 1],
                row[column + 2],
                row[column + 3],
                row[column + 4],
                row[column + 5],
            ) = -1, -1, -1, 0, -1, 0
        column += 6
    for start, stop in ((-5, 0), (1, 6)):
        words = links = long = stops = 0
        for other in range(max(b + start, 0), min(b + stop, len(page.rows))):
            count = page.counts[other]
            words += count[N_WORDS]
            links += count[N_LINK_WORDS]
            long += count[N_LONG]
            stops += count[N_STOPS] + count[N_COMMAS]
        row[column], row[column + 1] = words, links / max(words, 1)
        row[column + 2], row[column + 3] = long, stops / max(words, 1)
        column += 4
    return column


@device
def add_items(row: Row, column: Int, page: View, b: Int) -> Int:
    """Innermost and outermost element around the block that has siblings of its kind: an item of a list."""
    e: Int = np.int64(page.rows[b].element)
    steps: Int = 0
    inner: Int = -1
    outer: Int = -1
    while e > 0:
        place = page.siblings[e]
        if place >= 0 and page.totals[place, 0] >= 3:
            inner = e if inner < 0 else inner
            outer = e
        steps += inner < 0
        e = np.int64(page.elements[e].parent)
    row[column] = steps if inner >= 0 else FAR
    column += 1
    for item in (inner, outer):
        if item >= 0:
            total, n = page.totals[page.siblings[item]], max(page.sums[item, N_WORDS], 1)
            row[column], row[column + 1] = total[0], total[1] / total[0]
            row[column + 2] = total[2] / max(total[1], 1)
            row[column + 3] = total[1] / max(page.sums[0, N_WORDS], 1)
            row[column + 4], row[column + 5] = page.sums[item, N_LINK_WORDS] / n, page.sums[item, N_BLOCKS]
        else:
            (
                row[column],
                row[column + 1],
                row[column + 2],
                row[column + 3],
                row[column + 4],
                row[column + 5],
            ) = -1, -1, -1, -1, -1, -1
        column += 6
    row[column] = b - page.spans[inner, 0] if inner >= 0 else -1
    return column + 1
