"""The engines of `extract_html` behind one shape: a page's markup in, its main content or nothing out.

The table of engines is the group of entry points `pipeline.extract_engines`: a package of its own may add one
by naming an `Extractor` there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLParserException, HTMLTree

from pipeline.errors import PlanError
from pipeline.registry import find, names, suggest
from stages.extract.auto.engine import main_content

# Each page it finds nothing on is a warning to it; to us it is a null.
logging.getLogger("trafilatura").addHandler(logging.NullHandler())

MAX_ELEMENTS = 100_000
"""Beyond this many tags trafilatura is not asked: it takes about 50 us for each."""

_BUGS = (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError)
"""What trafilatura was ever reported to raise on a page of its own accord; it promises None instead."""


class Markup(NamedTuple):
    """One page in both forms, so that no engine must convert it."""

    data: bytes
    """The page in UTF-8."""
    text: str
    """The same, decoded."""


@dataclass(frozen=True, kw_only=True)
class Extractor:
    """An engine."""

    content: Callable[[Markup, bool], str | None]
    """Main content of a page, as Markdown where the second argument is true; None or '' where it has none.
    A function of a module: it travels to workers by name."""
    markdown: bool = True
    """Whether it can write Markdown."""
    guarded: bool = False
    """Whether it bounds its own work. Others never see a page whose tree would cost too much."""
    version: str = ""
    """Part of the fingerprint of the step: another one extracts anew."""


def extractor(name: str) -> Extractor:
    """The engine registered under a name.

    Raises:
        PlanError: there is none; the message names those there are.
    """
    known = sorted(names("extract_engines"))
    if name not in known:
        raise PlanError(f"engine: must be one of {', '.join(known)}, not {name!r}{suggest(name, known)}")
    engine: Extractor = find("extract_engines", name)
    return engine


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
    import trafilatura  # which is slow to load, for the one engine that asks it

    kind = "markdown" if markdown else "txt"
    try:
        return trafilatura.extract(html, output_format=kind, deduplicate=False, include_comments=False)
    except _BUGS:
        return None


def _auto(page: Markup, markdown: bool) -> str | None:
    return main_content(page.data, markdown=markdown)


def _resiliparse(page: Markup, markdown: bool) -> str | None:
    return fast_content(page.text)


def _trafilatura(page: Markup, markdown: bool) -> str | None:
    return careful_content(page.text, markdown=markdown)


AUTO = Extractor(content=_auto, guarded=True)
RESILIPARSE = Extractor(content=_resiliparse, markdown=False)
TRAFILATURA = Extractor(content=_trafilatura)
