"""A page's bytes to a table of elements and a table of runs of text, in one bounded pass.

The tree is near to that of the HTML standard (13.2.6), made for reading and not for rendering: end tags that
may be left out are, wrong ones are ignored, a table's stray text stays where it stands. Elements deeper than
`MAX_DEPTH` are taken for parts of the one above, as browsers do, so no page costs more than its length
times that. What comes after `MAX_BLOCKS` blocks of text or `MAX_RUNS` runs
is not read.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stages.extract.auto.attributes import behind, read_attributes, read_json_types, read_meta
from stages.extract.auto.names import BLOCK, CLOSES_P, FORMATTING, IN_HEAD, KIND, RAW, TAG, VOID, tag_number
from stages.extract.auto.stack import (
    MAX_DEPTH,
    STATE,
    Builder,
    closed_by,
    holds_block,
    implied,
    pop,
    push,
    retire,
)
from stages.text.buffers import Bytes, byte
from stages.text.kernel import Int, device, kernel
from stages.text.markup import after_declaration, begins_tag, end_of_raw, find, is_space, tag_name

ELEMENT = np.dtype(
    [(name, np.int32) for name in (
        "tag", "parent", "depth", "start", "stop", "class_start", "class_stop", "id_start", "id_stop",
        "role_start", "role_stop", "is_link", "hidden", "itemprop",
    )]
)  # fmt: skip
"""`start` is behind the start tag, `stop` before the end tag; `depth` of the root is 0."""
RUN = np.dtype([(name, np.int32) for name in ("element", "start", "stop", "block", "link")])
"""Text between two tags; empty where a `<br>` stands. `block`: which block of text it belongs to. `link`: the
number of the `<a href>` it stands in, or 0."""

Table = npt.NDArray[Any]

MAX_BLOCKS, MAX_RUNS = 20_000, 200_000
"""The fullest of 1,300 real pages has 10,750 and 21,492. To classify one takes as long as to read 10 kB."""

_A, _BR, _P, _TITLE, _BODY, _HTML, _HEAD, _META, _SCRIPT, _OPTION, _BUTTON = (
    TAG[n] for n in ["a", "br", "p", "title", "body", "html", "head", "meta", "script", "option", "button"]
)


class Tree(NamedTuple):
    """A page. Element 0 is the root, which no tag made."""

    html: Bytes
    elements: Table
    """ELEMENT [n_elements], in the order of their start tags"""
    runs: Table
    """RUN [n_runs], in the order of the page"""
    n_blocks: int
    title: tuple[int, int]
    """Where the text of the first `<title>` stands; (0, 0) if there is none"""
    kinds: Table
    """int32 [3]: flags of what the page calls itself, in `og:type`, as `@type` in JSON-LD, as `itemtype`"""


def parse(html: bytes) -> Tree:
    """The page as a tree. Bytes that are not UTF-8 do no harm."""
    data = np.frombuffer(html, np.uint8)
    n_tags = html.count(b"<") + 1
    builder = Builder(
        elements=np.zeros(n_tags + 1, ELEMENT),
        runs=np.zeros(2 * n_tags, RUN),  # a tag ends at most one run of text, and a <br> is one more
        open=np.zeros(MAX_DEPTH + 2, np.int32),
        alive=np.zeros(MAX_DEPTH + 2, np.int32),
        names=np.zeros(MAX_DEPTH + 2, np.int64),
        title=np.zeros(2, np.int32),
        kinds=np.zeros(3, np.int32),
        state=np.zeros(1, STATE),
    )
    _parse(data, builder)
    state = builder.state[0]
    n_blocks = int(state["block"] + state["filled"])
    title = int(builder.title[0]), int(builder.title[1])
    elements, runs = builder.elements[: state["n_elements"]], builder.runs[: state["n_runs"]]
    return Tree(data, elements, runs, n_blocks, title, builder.kinds)


@kernel
def _parse(html: Bytes, builder: Builder) -> None:
    state = builder.state[0]
    state.size = state.n_elements = 1
    builder.elements[0].stop = len(html)
    builder.elements[0].parent = -1
    pos: Int = 0
    while pos < len(html) and state.block < MAX_BLOCKS and state.n_runs < MAX_RUNS:
        start = pos
        pos = _next_tag(html, pos)
        if pos > start:
            _add_text(html, builder, start, pos)
        if pos >= len(html):
            break
        if not begins_tag(html, pos):
            pos = after_declaration(html, pos + 1)
        elif byte(html, pos + 1) == ord("/"):
            pos = _end_tag(html, builder, pos)
        else:
            pos = _start_tag(html, builder, pos)
    pop(builder, 1, pos)


@device
def _next_tag(html: Bytes, pos: Int) -> Int:
    """The `<` at or after `pos` that begins a tag, comment or declaration; the end of the page without."""
    while True:
        pos = find(html, pos, ord("<"))
        if pos + 1 >= len(html):
            return len(html)
        if begins_tag(html, pos) or byte(html, pos + 1) in (ord("!"), ord("?"), ord("/")):
            return pos
        pos += 1


@device
def _add_text(html: Bytes, builder: Builder, start: Int, stop: Int) -> None:
    """Note a run of text. Two line breaks or more before it begin a new block."""
    state = builder.state[0]
    blank = True
    for i in range(start, stop):
        if not is_space(byte(html, i)):
            blank = False
            break
    if not blank and builder.elements[builder.open[state.size - 1]].tag == _HEAD:
        pop(builder, state.size - 1, start)
    if state.skipped:
        return
    if blank and not state.pre and (state.breaks or not state.filled):
        return
    if state.breaks >= 2 and state.filled and not state.pre:
        state.block += 1
    _add_run(builder, start, stop)
    if not blank:
        state.filled, state.breaks = 1, 0


@device
def _add_run(builder: Builder, start: Int, stop: Int) -> None:
    state = builder.state[0]
    run = builder.runs[state.n_runs]
    run.element, run.start, run.stop = builder.open[state.size - 1], start, stop
    run.block, run.link = state.block, state.link
    state.n_runs += 1


@device
def _end_block(builder: Builder, kind: Int) -> None:
    state = builder.state[0]
    if kind & BLOCK and not state.pre:
        state.block += state.filled
        state.filled = state.breaks = 0


@device
def _end_tag(html: Bytes, builder: Builder, pos: Int) -> Int:
    """Close what the end tag at `pos` closes; returns where it ends."""
    name, stop = tag_name(html, pos + 2)
    tag = tag_number(name)
    kind = KIND[tag]
    stop = behind(html, stop)
    state = builder.state[0]
    if state.beyond and not kind & FORMATTING:
        state.beyond -= 1  # most likely the end of one that was too deep
        return stop
    place = closed_by(builder, tag, name) if tag != _BODY and tag != _HTML else -1
    if place >= 0:
        if kind & FORMATTING and holds_block(builder, place):
            retire(builder, place)
        else:
            pop(builder, place, pos)
            _end_block(builder, kind)
    elif tag == _P:
        _end_block(builder, kind)  # an empty paragraph, by the standard
    return stop


@device
def _start_tag(html: Bytes, builder: Builder, start: Int) -> Int:
    """Add the element that the start tag at `start` opens; returns where to go on."""
    name, pos = tag_name(html, start + 1)
    tag = tag_number(name)
    kind = KIND[tag]
    state = builder.state[0]
    if tag == _BR:
        state.breaks += 1
        if state.filled and not state.skipped:
            _add_run(builder, start, start)
        return behind(html, pos)
    if builder.elements[builder.open[state.size - 1]].tag == _HEAD and not kind & IN_HEAD:
        pop(builder, state.size - 1, start)
    if tag == _BODY:
        pop(builder, 1, start)  # whatever the head left open ends here
    elif kind & (CLOSES_P | BLOCK) or tag in (_A, _OPTION, _BUTTON):
        pop(builder, implied(builder, tag), start)
    _end_block(builder, kind)
    new = state.n_elements
    state.n_elements += 1
    element = builder.elements[new]
    element.tag, element.parent, element.depth = tag, builder.open[state.size - 1], state.size
    pos = (
        read_meta(html, pos, builder.kinds)
        if tag == _META
        else read_attributes(html, pos, element, builder.kinds)
    )
    element.start = element.stop = pos
    if kind & RAW:
        pos = end_of_raw(html, pos, name)
        element.stop = pos
        _look_into(html, builder, tag, element.start, pos)
    # `/>` means nothing in HTML, but elements it does not know (SVG's, MathML's) are closed so.
    elif kind & VOID or (byte(html, pos - 2) == ord("/") and (tag == 0 or state.skipped)):
        return pos
    elif state.size > MAX_DEPTH:
        state.beyond += not kind & FORMATTING
    else:
        push(builder, new, tag, name)
    return pos


@device
def _look_into(html: Bytes, builder: Builder, tag: Int, start: Int, stop: Int) -> None:
    """What the text of a raw element says of the page."""
    if tag == _SCRIPT:
        read_json_types(html, start, stop, builder.kinds)
    if tag == _TITLE and builder.title[1] == 0:
        builder.title[0], builder.title[1] = start, stop
