"""Where text stands in a page: in which item, cell, heading or block of code."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stages.extract.auto.blocks import N_BLOCKS, Blocks
from stages.extract.auto.names import TAG
from stages.extract.auto.tree import Tree

GUTTER = re.compile(rb"line-?no|line-?num|linenos|gutter|hljs-ln-n|blob-num|(?:^|[\s\"'-])ln(?:[\s\"'-]|$)")
"""Classes of the numbers of lines that stand in code."""
UNSELECTABLE = re.compile(rb"user-select:\s*none")
NUMBERS = re.compile(r"[\d\s]*")
LANGUAGE = re.compile(rb"(?:lang|language|highlight-source|brush:)[-: ]\s*([\w+#.-]{1,20})")
MAX_CELL_BLOCKS = 4
"""A table with fuller cells was made for layout: its cells are read one after another."""
MAX_ATTRIBUTE = 1000
"""Bytes of an attribute, or of a start tag, that are looked at."""
MAX_ITEMS = 8
"""Items in items are indented up to this depth."""

CODES = frozenset(TAG[n] for n in ("code", "samp", "tt", "kbd"))
_HEADINGS = {TAG[f"h{n}"]: n for n in range(1, 7)}
_CELLS = {TAG["td"], TAG["th"]}
_LISTS = {TAG[n] for n in ("ul", "ol", "menu", "dir")}
_STRONG, _EMPHASIS = {TAG["b"], TAG["strong"]}, {TAG["i"], TAG["em"]}
_APART = {TAG[n] for n in ("div", "p", "li", "tr", "table", "ol", "ul", "section", "blockquote")}
_PRE, _LI, _TR, _TABLE, _OL = TAG["pre"], TAG["li"], TAG["tr"], TAG["table"], TAG["ol"]
_QUOTE, _DT, _DD, _BUTTON = TAG["blockquote"], TAG["dt"], TAG["dd"], TAG["button"]
_ROWS = frozenset({_TR, _TABLE, TAG["thead"], TAG["tbody"], TAG["tfoot"]})
"""What a cell stands in; without a `<tr>` they are all one row."""
_LINES = frozenset(_APART | {_PRE})
_MARKED = frozenset(CODES | _STRONG | _EMPHASIS | _APART | _HEADINGS.keys())
_TABLES = frozenset({_TABLE})
_BUTTONS = frozenset({_BUTTON, _PRE, *_CELLS})


class BlockPosition(NamedTuple):
    """Where a block stands: what it is part of, each the number of an element or 0."""

    heading: int = 0
    """Level"""
    item: int = 0
    items: tuple[int, ...] = ()
    """The items that the item stands in, outermost first"""
    top: int = 0
    """The outermost list"""
    ordered: bool = False
    cell: int = 0
    row: int = 0
    table: int = 0
    pre: int = 0
    quotes: int = 0
    term: bool = False


def is_layout(tags: npt.NDArray[np.int32], n_blocks: npt.NDArray[np.int32]) -> bool:
    """Whether a table was made for layout, by the elements in it and how many blocks each holds: it has cells
    of many blocks, or tables in it, or one column."""
    cells = np.isin(tags, list(_CELLS))
    return bool(
        (tags == _TABLE).any()
        or n_blocks[cells].max(initial=0) > MAX_CELL_BLOCKS
        or cells.sum() <= max((tags == _TR).sum(), 1)
    )


class RenderTree:
    """A page's tree with what its rendering asks for many times.

    Nothing is looked for twice: no page costs more than a few steps for each of its elements.
    """

    def __init__(self, tree: Tree, blocks: Blocks):
        self.html = tree.html.tobytes()
        self.tags: list[int] = tree.elements["tag"].tolist()
        self.parents: list[int] = tree.elements["parent"].tolist()
        self.elements, self.n_blocks = tree.elements, blocks.sums[:, N_BLOCKS]
        self._tags = np.ascontiguousarray(tree.elements["tag"])
        self._starts = np.ascontiguousarray(tree.elements["start"])
        self._places: dict[int, BlockPosition] = {0: BlockPosition()}
        self._above: dict[frozenset[int], dict[int, int]] = {}
        self._layout: dict[int, bool] = {}
        self._widths: dict[int, int] = {}
        self._gutters: dict[int, bool] = {}
        self.has_code = bool(np.isin(self._tags, list(CODES)).any())

    def place(self, element: int) -> BlockPosition:
        """Where the text in an element stands."""
        way: list[int] = []
        while element not in self._places:
            way.append(element)
            element = self.parents[element]
        place = self._places[element]
        for e in reversed(way):
            place = self._places[e] = self._inside(place, e)
        return place

    def _inside(self, outer: BlockPosition, e: int) -> BlockPosition:
        tag = self.tags[e]
        if outer.pre:
            return outer
        if tag == _PRE:
            return outer._replace(pre=e)
        if tag == _LI:
            return outer._replace(item=e, items=(*outer.items, outer.item)[-MAX_ITEMS:] if outer.item else ())
        if tag in _LISTS:
            return outer._replace(top=outer.top or e, ordered=tag == _OL)
        if tag in _HEADINGS:
            return outer._replace(heading=_HEADINGS[tag])
        if tag == _QUOTE:
            return outer._replace(quotes=outer.quotes + 1)
        if tag in (_DT, _DD):
            return outer._replace(term=True)
        if tag in _CELLS and (row := self._nearest(e, _ROWS)):
            table = self._nearest(e, _TABLES)
            if not self._is_layout(table):
                return outer._replace(cell=e, row=row, table=table, item=0, items=())
        return outer

    def _nearest(self, element: int, tags: frozenset[int]) -> int:
        """The element itself or the next one above that has one of the tags; 0 if there is none."""
        known = self._above.setdefault(tags, {0: 0})
        way: list[int] = []
        while element not in known and self.tags[element] not in tags:
            way.append(element)
            element = self.parents[element]
        nearest = known[element] = known.get(element, element)
        known.update(dict.fromkeys(way, nearest))
        return nearest

    def _within(self, table: int) -> slice:
        """The elements in a table."""
        return slice(table + 1, int(np.searchsorted(self._starts, self.elements["stop"][table], "right")))

    def _is_layout(self, table: int) -> bool:
        """Whether a table has cells of many blocks, or tables in it, or one column."""
        layout = self._layout.get(table)
        if layout is None:
            inside = self._within(table)
            layout = self._layout[table] = is_layout(self._tags[inside], self.n_blocks[inside])
        return layout

    def attribute(self, element: int, name: str) -> bytes:
        """`class` or `id` of an element."""
        e = self.elements[element]
        return self.html[e[f"{name}_start"] : min(e[f"{name}_stop"], e[f"{name}_start"] + MAX_ATTRIBUTE)]

    def within(self, element: int, top: int, tags: frozenset[int]) -> bool:
        """Whether one of `tags` is at `element` or above it, up to `top`."""
        return self._nearest(element, tags) >= max(top, 1)

    def line(self, element: int) -> int:
        """The element inside `<pre>` that sets a line apart; 0 if there is none."""
        nearest = self._nearest(element, _LINES)
        return nearest if self.tags[nearest] in _APART else 0

    def around(self, elements: Iterable[int]) -> set[int]:
        """The elements, and all above them."""
        inside_out: set[int] = set()
        for element in elements:
            while element > 0 and element not in inside_out:
                inside_out.add(element)
                element = self.parents[element]
        return inside_out

    def is_button(self, element: int) -> bool:
        """Whether text in code is that of a button."""
        return self.tags[self._nearest(element, _BUTTONS)] == _BUTTON

    def is_gutter(self, element: int, known: dict[int, bool]) -> bool:
        """Whether numbers in code are those of its lines. `known` tells it of elements: False of those that
        hold more than numbers."""
        way: list[int] = []
        gutter = beyond = False
        while element > 0 and not gutter and element not in known:
            way.append(element)
            tag = self.tags[element]
            gutter = (tag in _CELLS or not beyond) and self._is_gutter(element)
            if tag in _CELLS:
                break
            beyond |= tag == _PRE
            element = self.parents[element]
        gutter |= known.get(element, False)
        known.update(dict.fromkeys(way, gutter))
        return gutter

    def _is_gutter(self, element: int) -> bool:
        gutter = self._gutters.get(element)
        if gutter is None:
            start = int(self.elements[element]["start"])
            tag = self.html[max(start - MAX_ATTRIBUTE, 0) : start]
            gutter = self._gutters[element] = bool(
                GUTTER.search(self.attribute(element, "class")) or UNSELECTABLE.search(tag, tag.rfind(b"<"))
            )
        return gutter

    def column(self, cell: int) -> int:
        """Which cell of its row this is, from 0."""
        return self._ordinals[cell] - 1

    def number(self, item: int) -> int:
        """Which item of its list this is, from 1."""
        return self._ordinals[item]

    @cached_property
    def _ordinals(self) -> dict[int, int]:
        """The number of each item of a list and each cell among those of its parent, from 1."""
        seen: Counter[int] = Counter()
        ordinals: dict[int, int] = {}
        for e in np.flatnonzero(np.isin(self._tags, [_LI, *_CELLS])).tolist():
            parent = self._nearest(e, _ROWS) if self.tags[e] in _CELLS else self.parents[e]
            seen[parent] += 1
            ordinals[e] = seen[parent]
        return ordinals

    def width(self, table: int) -> int:
        """Cells of the fullest row."""
        width = self._widths.get(table)
        if width is None:
            inside = range(*self._within(table).indices(len(self.tags)))
            columns = [self._ordinals[e] for e in inside if self.tags[e] in _CELLS]
            width = self._widths[table] = max(columns, default=0)
        return width

    def marked(self, element: int) -> int:
        """The element that has text in it set in code, strong or emphasised; 0 if there is none."""
        nearest = self._nearest(element, _MARKED)
        return nearest if self.mark(nearest) else 0

    def mark(self, element: int) -> str:
        """What Markdown writes around what stands right in an element."""
        tag = self.tags[element]
        return "`" if tag in CODES else "**" if tag in _STRONG else "*" if tag in _EMPHASIS else ""

    def language(self, element: int) -> str:
        """The programming language that classes around or right inside a block of code name."""
        for e in (element + 1, element, self.parents[element], self.parents[self.parents[element]]):
            if 0 < e < len(self.tags) and (match := LANGUAGE.search(self.attribute(e, "class"))):
                return match[1].decode("ascii", "ignore").lower()
        return ""
