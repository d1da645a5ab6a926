"""What a page says of itself in JSON-LD with the words of schema.org."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

MAX_CHARS = 500_000
"""Longest script that is read."""
MAX_NODES = 2_000

_DATES = re.compile(r'"(datePublished|dateModified)"\s*:\s*"([^"\\]{4,40})"')
_ABOUT_THE_PAGE = re.compile(
    r"(?:Article|Posting|BlogPost|Report|WebPage|Page|Recipe|Review|CreativeWork|Book|Course|Event|Dataset"
    r"|Question|HowTo|Movie|Episode|VideoObject|SoftwareApplication|Product|JobPosting)\Z"
)
_NOT_THE_PAGE = """
comment review reviews isPartOf hasPart mentions citation itemListElement video image suggestedAnswer
acceptedAnswer associatedMedia publisher author subjectOf relatedLink workExample hasVariant
"""
_PARTS_OF_IT = frozenset(_NOT_THE_PAGE.split())


def statements(scripts: Sequence[str]) -> dict[str, str]:
    """The first headline, author, datePublished, dateModified, inLanguage, license, description, publisher.

    Articles speak before pages, and both before anything else; parts of a page (comments, related items) do
    not speak. A script that is no JSON still gives its dates. Source: schema.org, CreativeWork.
    """
    facts: dict[str, str] = {}
    nodes: list[dict[str, Any]] = []
    for script in scripts:
        try:
            nodes += _nodes(json.loads(_unwrapped(script[: MAX_CHARS + 1]), strict=False))
        except (ValueError, RecursionError):
            for match in _DATES.finditer(script, 0, MAX_CHARS):
                facts.setdefault(match[1], match[2])
    for node in sorted(nodes, key=_rank):
        for key in ("headline", "datePublished", "dateModified", "inLanguage", "license", "description"):
            if value := _text(node.get(key)):
                facts.setdefault(key, value)
        for key in ("author", "creator"):
            if value := _names(node.get(key)):
                facts.setdefault("author", value)
        if value := _names(node.get("publisher")):
            facts.setdefault("publisher", value)
    return facts


def _unwrapped(script: str) -> str:
    """Without the comment or section that hides it from what knows no scripts."""
    for opening, closing in (("//", "//"), ("<!--", "-->"), ("<![CDATA[", "]]>"), ("//", "//")):
        script = script.strip("; \t\r\n").removeprefix(opening).removesuffix(closing)
    return script


def _nodes(root: Any) -> Iterator[dict[str, Any]]:
    """Objects that describe the page, outermost first."""
    level = [root]
    n_seen = 0
    while level and n_seen < MAX_NODES:
        deeper: list[Any] = []
        for value in level[: MAX_NODES - n_seen]:
            n_seen += 1
            if isinstance(value, list):
                deeper += value
            elif isinstance(value, dict):
                if _ABOUT_THE_PAGE.search(_text(value.get("@type"))):
                    yield value
                deeper += (
                    v for k, v in value.items() if isinstance(v, dict | list) and k not in _PARTS_OF_IT
                )
        level = deeper


def _rank(node: dict[str, Any]) -> int:
    kind = _text(node.get("@type"))
    if kind.endswith(("Article", "Posting", "BlogPost", "Report")) and kind != "JobPosting":
        return 0
    return 1 if kind.endswith("Page") else 2


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, dict):
        value = value.get("@value") or value.get("@id") or value.get("url") or value.get("name")
    return _clean(value) if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def _names(value: Any) -> str:
    """Names of persons or organisations, between semicolons."""
    values = value if isinstance(value, list) else [value]
    names = [v.get("name") if isinstance(v, dict) else v for v in values[:50]]
    cleaned = [_clean(name) for name in names if isinstance(name, str)]
    return "; ".join(dict.fromkeys(filter(None, cleaned)))


def _clean(text: str) -> str:
    """White space collapsed, and no half of a surrogate pair, which JSON can write but no text can hold."""
    return " ".join(text.encode("utf-8", "replace").decode().split())
