"""What the engine knows of HTML: elements by number, and what each does to the tree and to the text."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stages.text.kernel import Int, device
from stages.text.markup import hash_name

_NAMES = """
? html head body title base link meta style script noscript template iframe object embed canvas svg math h1
h2 h3 h4 h5 h6 p div section article main header footer nav aside hgroup address blockquote figure
figcaption pre ul ol menu li dl dt dd table caption colgroup col thead tbody tfoot tr td th form fieldset
legend label input button select datalist optgroup option textarea details summary dialog hr br wbr img
picture source audio video track a b strong i em u s strike del ins small big font tt code kbd samp var q
cite dfn abbr sub sup mark span time data bdi bdo ruby rt rp center nobr noembed noframes xmp plaintext area
map frame frameset search marquee applet listing dir
"""
TAGS = _NAMES.split()
"""Element names by number; 0 stands for every other."""
TAG = {name: number for number, name in enumerate(TAGS)}

VOID, BLOCK, RAW, SKIP, FORMATTING, SCOPE, CLOSES_P, ROW_PART, IN_HEAD = (1 << k for k in range(9))

_KINDS = {
    # No end tag, no content.
    VOID: "base link meta embed col input hr br wbr img source track area frame",
    # Its text is not on one line with what stands before and behind it.
    BLOCK: "html body h1 h2 h3 h4 h5 h6 p div section article main header footer nav aside hgroup address "
    "blockquote figure figcaption pre ul ol menu li dl dt dd table caption thead tbody tfoot tr td th form "
    "fieldset legend details summary dialog hr center frameset search marquee listing dir option optgroup "
    "noscript",
    # Text up to its end tag.
    RAW: "title style script iframe textarea noembed noframes xmp",
    # What it holds is not shown, or is no text of the page.
    SKIP: "head template object canvas svg select datalist audio video map applet",
    # An end tag closes it across blocks (the standard's adoption agency).
    FORMATTING: "a b strong i em u s strike small big font tt code nobr",
    # No end tag reaches across it (13.2.4.2).
    SCOPE: "html table td th caption template applet marquee object",
    # Its start tag closes an open p.
    CLOSES_P: "h1 h2 h3 h4 h5 h6 p div section article main header footer nav aside hgroup address "
    "blockquote figure figcaption pre ul ol menu li dl dt dd table form fieldset details summary dialog hr "
    "center search listing dir",
    # May stand in the head; anything else ends it.
    IN_HEAD: "base link meta title style script noscript template noframes",
    ROW_PART: "thead tbody tfoot tr td th caption colgroup",
}  # fmt: skip
KIND = np.zeros(len(TAGS), np.int32)
for _kind, _names in _KINDS.items():
    for _name in _names.split():
        KIND[TAG[_name]] |= _kind

Table = npt.NDArray[np.int64]


def _by_hash(values: dict[str, int]) -> tuple[Table, Table]:
    """A hash table of 1,024 places, linear probing: what names stand for."""
    keys, numbers = np.full(1024, -1, np.int64), np.zeros(1024, np.int64)
    for name, value in values.items():
        key = hash_name(name)
        slot = key & 1023
        while keys[slot] >= 0:
            slot = (slot + 1) & 1023
        keys[slot], numbers[slot] = key, value
    return keys, numbers


_TAG_KEYS, _TAG_VALUES = _by_hash({name: number for number, name in enumerate(TAGS) if number})

CLASS, ID, HREF, STYLE, HIDDEN, ARIA_HIDDEN, ROLE, ITEMPROP, START, REL, LANG, ITEMTYPE = range(1, 13)
_ATTRIBUTES = {
    "class": CLASS, "id": ID, "href": HREF, "style": STYLE, "hidden": HIDDEN, "aria-hidden": ARIA_HIDDEN,
    "role": ROLE, "itemprop": ITEMPROP, "start": START, "rel": REL, "lang": LANG, "itemtype": ITEMTYPE,
}  # fmt: skip
_ATTRIBUTE_KEYS, _ATTRIBUTE_VALUES = _by_hash(_ATTRIBUTES)


_PAGE_KINDS = (
    "article newsarticle blogposting reportagenewsarticle techarticle opinionnewsarticle scholarlyarticle",
    "product offer aggregateoffer productgroup og:product product.item",
    "discussionforumposting qapage question comment answer",
    "collectionpage itemlist productlist searchresultspage blog",
    "website webpage", "organization localbusiness service", "faqpage howto recipe event video.other",
)  # fmt: skip
_KIND_KEYS, _KIND_VALUES = _by_hash({n: 1 << i for i, names in enumerate(_PAGE_KINDS) for n in names.split()})
_ITEMPROPS = {"articlebody": 1, "text": 2, "reviewbody": 2, "description": 2, "mainentityofpage": 2}
_PROP_KEYS, _PROP_VALUES = _by_hash(_ITEMPROPS)


@device
def _found(keys: Table, values: Table, name: Int, otherwise: Int) -> Int:
    slot = name & 1023
    while keys[slot] >= 0:
        if keys[slot] == name:
            return np.int64(values[slot])
        slot = (slot + 1) & 1023
    return np.int64(otherwise)


@device
def tag_number(name: Int) -> Int:
    """Number of the element whose name has this hash; 0 for one that is not in `TAGS`."""
    return _found(_TAG_KEYS, _TAG_VALUES, name, 0)


@device
def attribute_number(name: Int) -> Int:
    """CLASS, ID …; 0 for an attribute that nothing is read from."""
    return _found(_ATTRIBUTE_KEYS, _ATTRIBUTE_VALUES, name, 0)


@device
def page_kind(name: Int) -> Int:
    """A flag for what a page may call itself; 0 for what says nothing."""
    return _found(_KIND_KEYS, _KIND_VALUES, name, 0)


@device
def itemprop(name: Int) -> Int:
    """1 for the body of an article, 2 for another text, 3 for any other property."""
    return _found(_PROP_KEYS, _PROP_VALUES, name, 3)
