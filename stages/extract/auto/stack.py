"""The open elements of a page while it is read: which tag closes which, and what that ends."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stages.extract.auto.names import BLOCK, CLOSES_P, FORMATTING, KIND, ROW_PART, SCOPE, SKIP, TAG
from stages.text.kernel import Int, device

Table = npt.NDArray[Any]

MAX_DEPTH = 400

STATE = np.dtype(
    [(name, np.int64) for name in (
        "size", "skipped", "pre", "link", "beyond", "n_elements", "n_runs", "block", "filled", "breaks",
    )]
)  # fmt: skip
"""`size` of the stack; how many open elements are skipped or `<pre>`; the `<a>` that text is in; how many are
too deep; how many elements and runs there are; the current block, whether it has text, line breaks since."""

_A, _P, _LI, _DT, _DD, _DL, _TR, _TD, _TH, _PRE, _TABLE, _OPTION, _BUTTON = (
    TAG[n] for n in ["a", "p", "li", "dt", "dd", "dl", "tr", "td", "th", "pre", "table", "option", "button"]
)
_DIV, _ADDRESS = TAG["div"], TAG["address"]
_HEADINGS = (TAG["h1"], TAG["h2"], TAG["h3"], TAG["h4"], TAG["h5"], TAG["h6"])
_TERMS, _CELLS = (_DT, _DD), (_TD, _TH)
_SECTIONS = (TAG["thead"], TAG["tbody"], TAG["tfoot"])


class Builder(NamedTuple):
    """A tree that is being built."""

    elements: Table
    runs: Table
    open: Table
    """int32 [MAX_DEPTH + 2]: the open elements, the root first"""
    alive: Table
    """int32: 0 where the end tag was seen, but blocks inside are still open"""
    names: Table
    """int64: hashes of their names, which tell elements apart that have no number"""
    title: Table
    kinds: Table
    state: Table
    """STATE [1]"""


@device
def push(builder: Builder, element: Int, tag: Int, name: Int) -> None:
    """Open an element."""
    state = builder.state[0]
    builder.open[state.size], builder.alive[state.size], builder.names[state.size] = element, 1, name
    state.size += 1
    state.skipped += (KIND[tag] & SKIP) > 0
    state.pre += tag == _PRE
    if tag == _A:
        state.link = element if builder.elements[element].is_link else 0


@device
def pop(builder: Builder, left: Int, pos: Int) -> None:
    """Close what stands at `left` on the stack and above, at the byte `pos`."""
    state = builder.state[0]
    # `size` and the counters are all there is of the state: what a pop leaves in the arrays is never read.
    while state.size > left:
        state.size -= 1
        element = builder.open[state.size]
        builder.elements[element].stop = pos
        tag = builder.elements[element].tag
        state.skipped -= (KIND[tag] & SKIP) > 0
        state.pre -= tag == _PRE
        if tag == _A and builder.alive[state.size]:
            state.link = 0


@device
def retire(builder: Builder, place: Int) -> None:
    """The end tag of a formatting element came before those of the blocks in it."""
    if builder.elements[builder.open[place]].tag == _A and builder.alive[place]:
        builder.state[0].link = 0
    builder.alive[place] = 0


@device
def closed_by(builder: Builder, tag: Int, name: Int) -> Int:
    """Place on the stack of what an end tag closes; -1 if that is nothing."""
    reaches = tag == _TABLE or (KIND[tag] & ROW_PART) > 0
    inline = not KIND[tag] & (BLOCK | FORMATTING | SKIP | SCOPE) and tag != _BUTTON
    for i in range(builder.state[0].size - 1, 0, -1):
        open_tag = builder.elements[builder.open[i]].tag
        if open_tag == tag and builder.names[i] == name:
            return i
        if (
            open_tag == _TABLE
            or (KIND[open_tag] & SCOPE and not reaches)
            or (KIND[open_tag] & BLOCK and inline)
        ):
            return -1
    return -1


@device
def holds_block(builder: Builder, place: Int) -> bool:
    """Whether a block is open inside what stands at `place`."""
    for i in range(place + 1, builder.state[0].size):
        if KIND[builder.elements[builder.open[i]].tag] & BLOCK:
            return True
    return False


@device
def implied(builder: Builder, tag: Int) -> Int:
    """How far the stack shrinks before a start tag is put on it."""
    if KIND[tag] & ROW_PART:
        return _before_row_part(builder, tag)
    size: Int = builder.state[0].size
    if tag == _A:
        return _before_link(builder)
    if tag in (_LI, _DT, _DD, _OPTION, _BUTTON):
        place = _sibling(builder, tag)
        if place > 0:
            return place
    if KIND[tag] & CLOSES_P:
        for i in range(size - 1, 0, -1):
            open_tag = builder.elements[builder.open[i]].tag
            if open_tag == _P:
                return i
            if KIND[open_tag] & SCOPE or open_tag == _BUTTON:
                break
    if tag in _HEADINGS and builder.elements[builder.open[size - 1]].tag in _HEADINGS:
        return size - 1
    return size


@device
def _before_link(builder: Builder) -> Int:
    """A link in a link ends the outer one, unless blocks are open between them."""
    size: Int = builder.state[0].size
    for i in range(size - 1, 0, -1):
        open_tag = builder.elements[builder.open[i]].tag
        if open_tag == _A and builder.alive[i]:
            return size if holds_block(builder, i) else i
        if KIND[open_tag] & SCOPE:
            break
    return size


@device
def _sibling(builder: Builder, tag: Int) -> Int:
    """Place of the open element that ends where the next of its kind begins; 0 if there is none."""
    for i in range(builder.state[0].size - 1, 0, -1):
        open_tag = builder.elements[builder.open[i]].tag
        if open_tag == tag or (tag in _TERMS and open_tag in _TERMS):
            return i
        inside = tag in (_OPTION, _BUTTON) or open_tag in (_P, _DIV, _ADDRESS)
        if KIND[open_tag] & SCOPE or (KIND[open_tag] & BLOCK and not inside):
            break
    return np.int64(0)


@device
def _before_row_part(builder: Builder, tag: Int) -> Int:
    size: Int = builder.state[0].size
    for i in range(size - 1, 0, -1):
        open_tag = builder.elements[builder.open[i]].tag
        if open_tag == _TABLE:
            return i + 1
        if tag in _CELLS:
            if open_tag == _TR:
                return i + 1
            if open_tag in _CELLS:
                return i
        elif tag == _TR:
            if open_tag in _SECTIONS:
                return i + 1
            if open_tag == _TR:
                return i
    return size
