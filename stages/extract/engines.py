"""The extraction engines behind one shape: a parsed page or its markup in, plain text or nothing out."""

from __future__ import annotations

import logging
from functools import partial

import trafilatura
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLParserException, HTMLTree

# Each page it finds nothing on is a warning to it; to us it is a null.
logging.getLogger("trafilatura").addHandler(logging.NullHandler())

MAX_ELEMENTS = 100_000
"""Beyond this many tags trafilatura is not asked: it takes about 50 us for each."""

_plain_text = partial(
    extract_plain_text,
    preserve_formatting=True,
    list_bullets=True,
    alt_texts=False,
    links=False,
    form_fields=False,
    noscript=False,
)

_BUGS = (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError)
"""What trafilatura was ever reported to raise on a page of its own accord; it promises None instead."""


def parse(html: str) -> HTMLTree | None:
    """The page's tree, or None if it cannot be parsed."""
    try:
        return HTMLTree.parse(html)
    except HTMLParserException:
        return None


def main_content(tree: HTMLTree) -> str:
    """What resiliparse takes for main content; lines and indentation of `<pre>` kept, cells between tabs."""
    return _plain_text(tree, main_content=True)


def visible_text(tree: HTMLTree) -> str:
    """All text a reader would see, navigation included."""
    return _plain_text(tree, main_content=False)


def careful_content(html: str) -> str | None:
    """What trafilatura takes for main content, without comments; tables as rows between `|`.

    Its own deduplication stays off: it makes the text depend on the pages a process saw before.
    """
    if html.count("<") > MAX_ELEMENTS:
        return None
    try:
        return trafilatura.extract(html, deduplicate=False, include_comments=False)
    except _BUGS:
        return None
