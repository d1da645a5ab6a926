"""How much work a page's tree would be, read off its markup in linear time before anything is parsed.

Parsers and extractors walk from an element up to its ancestors, so a page costs about the sum of its
elements' depths. A hundred thousand nested tags, one tag with a million attributes, or formatting tags never
closed (every later block opens them again) make a small page cost minutes or gigabytes.

A stack is kept as the tree builder of the HTML standard keeps it, but an element leaves it only where the
builder, too, must have closed it: the builder's stack is contained in this one, and what the estimate gets
wrong it gets wrong towards more work. (Not modelled, because no honest page depends on it: elements that
parse differently inside svg, math and select.)
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from stages.text.buffers import Bytes, byte
from stages.text.kernel import device, kernel
from stages.text.markup import (
    after_declaration,
    begins_tag,
    end_of_raw,
    find,
    hash_name,
    next_attribute,
    tag_name,
)

Stack = npt.NDArray[np.int64]
Int: TypeAlias = Any
"""One type to Numba, several to mypy."""

IGNORED, SPECIAL, BOUNDARY, FORMATTING, RAW, FOREIGN = 1, 2, 4, 8, 16, 32
P, LI, DD, A, BUTTON, LIST, NOSCRIPT = 64, 128, 256, 512, 1024, 2048, 4096

# Names by what the standard (HTML Living Standard, 13.2.4 and 13.2.6.4) lets them do to the stack.
_ELEMENTS = {
    # Void, or open at most once inside another counted element.
    IGNORED: "area base basefont bgsound br col embed frame hr image img input keygen link meta param source "
    "track wbr html head body option tbody thead tfoot tr td th caption colgroup",
    # The end tag of an ordinary element does not reach across these.
    SPECIAL: "address applet article aside blockquote button center dd details dir div dl dt fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup li listing main marquee menu nav noscript "
    "object ol p pre search section select summary table template ul",
    # No end tag reaches across these.
    BOUNDARY: "applet marquee object table template select",
    FORMATTING: "a b big code em font i nobr s small strike strong tt u",
    # What stands in these is text up to their end tag.
    RAW: "script style textarea title xmp iframe noembed noframes plaintext",
    FOREIGN: "svg math",
    P: "p", LI: "li", DD: "dd dt", A: "a", BUTTON: "button", LIST: "ul ol", NOSCRIPT: "noscript",
}  # fmt: skip

_WEIGHT = 16
"""An open formatting element may be built again, with its attributes, at every tag: nodes, not only steps."""


def _table() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    kinds: dict[int, int] = {}
    for kind, names in _ELEMENTS.items():
        for name in names.split():
            kinds[hash_name(name)] = kinds.get(hash_name(name), 0) | kind
    hashes = sorted(kinds)
    return np.array(hashes, np.int64), np.array([kinds[h] for h in hashes], np.int64)


_HASHES, _KINDS = _table()


def tree_work(html: bytes, budget: int) -> int:
    """Sum over all tags of the elements open there (formatting elements count 16), or more.

    Attributes count, too: each is compared with the others of its tag. Stops counting once above `budget`.
    """
    # The sum of sizes up to s is s²/2, so the budget bounds the stack.
    names = np.empty(int((2.0 * budget) ** 0.5) + 3, np.int64)
    return int(_tree_work(np.frombuffer(html, np.uint8), budget, names, np.empty_like(names)))


@kernel
def _tree_work(html: Bytes, budget: Int, names: Stack, kinds: Stack) -> Int:
    size = formatting = foreign = work = 0
    pos: Int = 0
    while work <= budget:
        pos = find(html, pos, ord("<"))
        if pos >= len(html) - 1:
            break
        if not begins_tag(html, pos):
            pos = after_declaration(html, pos + 1)
            continue
        closing = byte(html, pos + 1) == ord("/")
        name, pos = tag_name(html, pos + 1 + closing)
        pos, n_attributes = _after_attributes(html, pos)
        kind, left = _kind(name), 0
        if closing:
            size, left = _close(names, kinds, size, name, kind)
        elif kind & RAW:
            pos = end_of_raw(html, pos, name)
        elif not kind & IGNORED and not (foreign and byte(html, pos - 2) == ord("/")):
            size, left = _open(names, kinds, size, name, kind)
            formatting += (kind & FORMATTING) > 0
            foreign += (kind & FOREIGN) > 0
        formatting -= (left & FORMATTING) > 0
        foreign -= (left & FOREIGN) > 0
        work += 1 + size + _WEIGHT * formatting + n_attributes * n_attributes // 64
    return work


@device
def _open(names: Stack, kinds: Stack, size: Int, name: Int, kind: Int) -> tuple[Int, Int]:
    """Push, after taking off what this start tag closes. New size, kind of what was closed or 0."""
    closes = kind & (P | LI | DD | A)
    left = 0
    for i in range(size - 1 if closes else -1, -1, -1):
        if kinds[i] & closes:
            size, left = _remove(names, kinds, size, i)
            break
        if kinds[i] & BOUNDARY or (closes & (LI | DD) and kinds[i] & SPECIAL and not kinds[i] & P):
            break
        if closes & P and kinds[i] & BUTTON:
            break
    names[size], kinds[size] = name, kind
    return size + 1, left


@device
def _close(names: Stack, kinds: Stack, size: Int, name: Int, kind: Int) -> tuple[Int, Int]:
    """Take off what this end tag closes, if it reaches it. New size, kind of what was closed or 0."""
    blocks = BOUNDARY if kind & SPECIAL and not kind & NOSCRIPT else SPECIAL
    if kind & (P | LI):
        blocks |= BUTTON if kind & P else LIST
    for i in range(size - 1, -1, -1):
        if names[i] == name:
            return _remove(names, kinds, size, i)
        if kinds[i] & blocks:
            break
    return size, 0


@device
def _remove(names: Stack, kinds: Stack, size: Int, pos: Int) -> tuple[Int, Int]:
    left = kinds[pos]
    for i in range(pos, size - 1):
        names[i], kinds[i] = names[i + 1], kinds[i + 1]
    return size - 1, left


@device
def _kind(name: Int) -> Int:
    i = np.searchsorted(_HASHES, name)
    return _KINDS[i] if i < len(_HASHES) and _HASHES[i] == name else 0


@device
def _after_attributes(html: Bytes, pos: Int) -> tuple[Int, Int]:
    """Where the tag ends, and how many attributes it has."""
    n = -1
    name: Int = 0
    while name >= 0:
        name, _, _, pos = next_attribute(html, pos)
        n += 1
    return pos, n
