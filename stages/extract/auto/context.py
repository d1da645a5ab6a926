"""A second look: what the model thought of a block's surroundings, as features of the block."""

from __future__ import annotations

from typing import Any

import numpy as np

from stages.extract.auto.around import N_LEVELS
from stages.extract.auto.blocks import N_WORDS
from stages.extract.auto.features import Features
from stages.extract.auto.view import GROUP, HEADINGS, Row, Table, View
from stages.text.kernel import Int, device, kernel

STEPS = (-4, -3, -2, -1, 1, 2, 3, 4)
WINDOWS = (3, 8, 20)
N_CONTEXT = 1 + len(STEPS) + 2 * len(WINDOWS) + 2 * N_LEVELS + 16


def context(known: Features, first: Row) -> Row:
    """float32 [n_blocks, N_CONTEXT] from the probabilities of the first look, float32 [n_blocks]."""
    n = len(first)
    out = np.zeros((n, N_CONTEXT), np.float32)
    _context(
        known.page,
        known.levels,
        first,
        np.zeros((2, n + 1)),
        np.zeros((n, 2)),
        np.zeros((len(known.page.totals), 2)),
        out,
    )
    return out


@kernel
def _context(
    page: View, levels: Table, first: Row, sums: Table, alike: Table, kinds: Table, out: Row
) -> None:
    n = len(first)
    most = np.float32(0)
    for b in range(n):
        weight = page.counts[b, N_WORDS] + 0.5
        sums[0, b + 1] = sums[0, b] + first[b] * weight
        sums[1, b + 1] = sums[1, b] + weight
        alike[page.group[b], 0] += first[b] * weight
        alike[page.group[b], 1] += weight
        most = max(most, first[b])
    content = sums[0, n] + 1e-6
    start_of, stop_of = _best_stretch(page, first)
    _sum_siblings(page, sums, kinds)
    heading: Int = -1
    for b in range(n):
        row, group = out[b], page.group[b]
        column = _add_beside(row, first, sums, b)
        for k in range(N_LEVELS):
            start, stop = page.spans[levels[b, k], 0], page.spans[levels[b, k], 1]
            row[column] = _mean(sums, start, stop)
            row[column + 1] = (sums[0, stop] - sums[0, start]) / content
            column += 2
        row[column], row[column + 1], row[column + 2] = content / sums[1, n], content, most
        row[column + 3] = sums[0, b] / content
        row[column + 4] = alike[group, 0] / alike[group, 1]
        row[column + 5] = first[heading] if heading >= 0 else np.float32(-0.1)
        _add_items(row, column + 6, page, b, kinds)
        _add_stretch(row, column + 12, sums, start_of, stop_of, b)
        if GROUP[page.elements[page.rows[b].element].tag] < HEADINGS:
            heading = np.int64(b)


@device
def _add_beside(row: Row, first: Row, sums: Table, b: Int) -> Int:
    n = len(first)
    row[0] = first[b]
    column = 1
    for step in STEPS:
        row[column] = first[b + step] if 0 <= b + step < n else np.float32(-0.1)
        column += 1
    for window in WINDOWS:
        row[column] = _mean(sums, max(b - window, 0), b)
        row[column + 1] = _mean(sums, b + 1, min(b + window + 1, n))
        column += 2
    return column


@device
def _sum_siblings(page: View, sums: Table, kinds: Table) -> None:
    """The probabilities of all words in each group of siblings."""
    for e in range(1, len(page.elements)):
        if page.siblings[e] >= 0:
            start, stop = page.spans[e, 0], page.spans[e, 1]
            kinds[page.siblings[e], 0] += sums[0, stop] - sums[0, start]
            kinds[page.siblings[e], 1] += sums[1, stop] - sums[1, start]


@device
def _add_items(row: Row, column: Int, page: View, b: Int, kinds: Table) -> None:
    """What was made of the siblings of the elements around it, innermost first."""
    e: Int = np.int64(page.rows[b].element)
    for k in range(6):
        row[column + k] = -0.1
    n = 0
    while e > 0 and n < 6:
        place = page.siblings[e]
        if place >= 0 and page.totals[place, 0] >= 2:
            row[column + n] = kinds[place, 0] / (kinds[place, 1] + 1e-6)
            n += 1
        e = np.int64(page.elements[e].parent)


@device
def _best_stretch(page: View, first: Row) -> tuple[Int, Int]:
    """Blocks [start, stop) with the greatest sum of words; those that are rather no content count against."""
    best = total = 0.0
    start: Int = 0
    best_start: Int = 0
    best_stop: Int = 0
    for b in range(len(first)):
        total += (first[b] - 0.4) * (page.counts[b, N_WORDS] + 1)
        if total <= 0:
            total, start = 0.0, b + 1
        elif total > best:
            best, best_start, best_stop = total, start, b + 1
    return best_start, best_stop


@device
def _add_stretch(row: Row, column: Int, sums: Table, start: Int, stop: Int, b: Int) -> None:
    """Whether it is within the best stretch, or how far before or behind, in blocks and words."""
    row[column] = start <= b < stop
    row[column + 1] = min(max(start - b, 0) + max(b - stop + 1, 0), 60)
    row[column + 2] = max(sums[1, start] - sums[1, b], sums[1, b] - sums[1, stop], 0)
    row[column + 3] = (sums[0, stop] - sums[0, start]) / (sums[0, len(sums[0]) - 1] + 1e-6)


@device
def _mean(sums: Table, start: Int, stop: Int) -> Any:
    """Mean probability of the words in blocks [start, stop)."""
    return (sums[0, stop] - sums[0, start]) / (sums[1, stop] - sums[1, start] + 1e-6)
