"""The extractors of others behind one shape: a page's markup in, its main content or nothing out."""

from __future__ import annotations

import logging

import trafilatura
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLParserException, HTMLTree

# Each page it finds nothing on is a warning to it; to us it is a null.
logging.getLogger("trafilatura").addHandler(logging.NullHandler())

MAX_ELEMENTS = 100_000
"""Beyond this many tags trafilatura is not asked: it takes about 50 us for each."""

_BUGS = (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError)
"""What trafilatura was ever reported to raise on a page of its own accord; it promises None instead."""


def fast_content(html: str) -> str | None:
    """What resiliparse takes for main content; lines and indentation of `<pre>` kept, cells between tabs."""
    try:
        tree = HTMLTree.parse(html)
    except HTMLParserException:
        return None
    text: str = extract_plain_text(
        tree,
        main_content=True,
        preserve_formatting=True,
        list_bullets=True,
        alt_texts=False,
        links=False,
        form_fields=False,
        noscript=False,
    )
    return text


def careful_content(html: str, *, markdown: bool = False) -> str | None:
    """What trafilatura takes for main content, without comments; tables as rows between `|`.

    Its own deduplication stays off: it makes the text depend on the pages a process saw before.
    """
    if html.count("<") > MAX_ELEMENTS:
        return None
    kind = "markdown" if markdown else "txt"
    try:
        return trafilatura.extract(html, output_format=kind, deduplicate=False, include_comments=False)
    except _BUGS:
        return None
