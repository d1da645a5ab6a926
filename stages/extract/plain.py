"""Markdown tokens to plain text, laid out as the source was: its lines, and blank ones where it had some."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from markdown_it.token import Token

_INLINE = """
a abbr acronym b bdi bdo big button cite code data del dfn em font i img input ins kbd label mark meter nobr
path picture progress q rp rt ruby s samp small source span strike strong sub sup svg time tt u var wbr
"""
_BLOCK = """
address article aside audio base blockquote body br canvas caption center col colgroup dd details dialog dir
div dl dt fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html
iframe legend li link main map menu meta nav noframes noscript object ol optgroup option p param pre script
search section select style summary table tbody td textarea tfoot th thead title tr track ul video
"""
_INLINE_TAGS, _BLOCK_TAGS = frozenset(_INLINE.split()), frozenset(_BLOCK.split())

# As CommonMark has them; a number of thousands of digits is an error to `html.unescape`.
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_BLANK_LINES = re.compile(r"\n[ \t]*(?=\n)")
_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)|<[?!][^>]*(?:>|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)"
    r"|</?([A-Za-z][A-Za-z0-9-]*)(?=[\s/>])[^<>]*>",
    re.DOTALL | re.IGNORECASE,
)


def _text(children: Iterable[Token]) -> str:
    """The text of a line's tokens: link text, alternative text, code and formulas as written."""
    parts = []
    for token in children:
        if token.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif token.type == "image":
            parts.append(_text(token.children or []))
        elif token.type == "html_inline":
            parts.append(_MARKUP.sub(_tag, token.content))
        else:
            parts.append(token.content)
    return "".join(parts)


def _tag(match: re.Match[str]) -> str:
    """What stands in a tag's place. What is no element of HTML, such as `<package>`, is text."""
    name = (match.group(2) or "").lower()
    if name in _BLOCK_TAGS:
        return ("" if match.group()[1] == "/" else "\t") if name in ("td", "th") else "\n"
    return "" if not name or name in _INLINE_TAGS else match.group()


def _html_text(markup: str) -> str:
    text = _ENTITY.sub(lambda match: html.unescape(match.group()), _MARKUP.sub(_tag, markup))
    lines = text.split("\n")
    if not re.search("<pre[ >]", markup):
        lines = [line.strip() for line in lines]
    return "\n".join(line for line in lines if line.strip())


class _Blocks:
    """Blocks one after the other, and where in the source the last one ended."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.end = 0
        self.number = ""  # of a list item that has no text yet

    def add(self, text: str, lines: list[int]) -> None:
        """Append a block that took the source lines [first, last)."""
        if not text or text.isspace():
            return
        if self.parts:
            self.parts.append("\n\n" if lines[0] > self.end else "\n")
        self.parts.append(self.number + text)
        self.number, self.end = "", lines[1]


def render(tokens: Iterable[Token]) -> str:
    """The text of a parsed document, without a line break at its end.

    Cells of a table stand between tabs. Numbers of lists stay, bullets and check boxes go.
    """
    page = _Blocks()
    lines = [0, 0]
    row: list[str] | None = None
    for token in tokens:
        lines = token.map or lines
        match token.type:
            case "inline" if row is None:
                page.add(_BLANK_LINES.sub("", _text(token.children or [])).strip(), lines)
            case "inline" if row is not None:
                row.append(" ".join(_text(token.children or []).split()))
            case "fence":
                page.add(token.content.removesuffix("\n"), lines)
            case "code_block":
                page.add(
                    re.sub("^(?=.)", "    ", token.content.removesuffix("\n"), flags=re.MULTILINE), lines
                )
            case "formula_block":
                page.add(token.content, lines)
            case "html_block":
                page.add(_html_text(token.content), lines)
            case "heading_close" if token.markup[0] != "#":
                page.end += 1  # the underline is no blank line
            case "list_item_open" if token.info:
                page.number += f"{token.info}{token.markup} "
            case "list_item_close":
                page.number = ""
            case "tr_open":
                row = []
            case "tr_close" if row is not None:
                page.add("\t".join(row), lines)
                row = None
            case "tbody_open":
                page.end = lines[0]  # nor is the delimiter row
    return "".join(page.parts)
