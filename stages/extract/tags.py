"""A start tag in a page's markup and its attributes, read without a parser."""

from __future__ import annotations

import html
import re

MAX_TAG = 20_000
"""Characters; a longer tag is none. It bounds what a quote that is never closed costs."""

_TAG = re.compile(r"<[a-zA-Z][\w:-]*+(?:[^>\"']|\"[^\"]*+\"|'[^']*+')*+>")
_ATTRIBUTE = re.compile(r"(?<![\w-])([a-zA-Z][\w:-]{0,30})\s*+=\s*+(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]++))")


def start_tag(markup: str, pos: int) -> str | None:
    """The start tag at `pos`, where a `<` stands; `>` between quotes does not end it."""
    match = _TAG.match(markup, pos, pos + MAX_TAG)
    return match[0] if match else None


def attributes(tag: str) -> dict[str, str]:
    """Attributes that have a value: names in lower case, entities resolved; the first of a name counts."""
    by_name: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(tag):
        value = double or single or bare
        by_name.setdefault(name.lower(), html.unescape(value) if "&" in value else value)
    return by_name
