"""Formulas in a page's markup become LaTeX between dollars, so that every engine reads them as text."""

from __future__ import annotations

import html as entities
import re
from collections.abc import Iterator
from functools import cache

from stages.extract.formulas.latex import COMMAND, LIKE_LATEX, of_image, written
from stages.extract.formulas.mathml import to_latex
from stages.extract.formulas.traces import may_have_formulas
from stages.extract.tags import attributes, start_tag

MAX_ELEMENT = 200_000
"""Characters in which an element has to end; a longer one is left as it is."""
MAX_IN_VAIN = 200
"""After so many elements that looked like formulas and gave none the rest of the page is left as it is."""

_MARKS = (
    "katex-display|katex|katex-eq|mwe-math-element|ql-formula|mjx-chtml|MJXc-display"
    "|MathJax(?:_Display|_Preview|_SVG|_SVG_Display|_CHTML)?"
)
# What stands between the start of a tag and its class is bounded: no tag is read over and over.
_START = re.compile(
    rf"""
    <(?i: (?P<comment>!--) | (?P<raw>script|style|textarea|title|xmp|iframe)(?=[\s/>])
       | (?P<math>(?:[a-z]{{1,10}}:)?math)(?=[\s>]) | (?P<image>img)(?=\s)
       | (?P<name>mjx-container|formula)(?=[\s>])
       | (?P<marked>span|div|p|figure|section) (?=[^<>]{{0,300}}?\s (?:
            class\s{{0,9}}=\s{{0,9}}["']?[^"'<>]{{0,100}}?(?<![\w-])(?P<mark>{_MARKS})(?![\w-])
            | (?P<data>data-(?:tex|latex|math))= ))
    )""",
    re.VERBOSE,
)
_MATH = re.compile(r"<(?i:((?:[a-z]{1,10}:)?math)(?=[\s>]))")
_ANNOTATION = re.compile(
    r"<(?:\w{1,10}:)?annotation\s[^<>]{0,200}?encoding\s*=\s*[\"']?"
    r"(?:application/x-(?:la)?tex|text/x-latex|(?:la)?tex)[\"'\s>][^<>]{0,200}>?",
    re.IGNORECASE,
)
_MATH_TYPE = re.compile(r"math/(tex|mml|asciimath)(?:\s*;\s*(mode\s*=\s*display))?", re.IGNORECASE)
_RENDERED_NEXT = re.compile(
    r"(?:\s|</?(?:span|div|p)>)*+<(?:script[^<>]{0,300}[\"'= ]math/|\w+[^<>]{0,300}MathJax|mjx-)"
)
_SOURCE_NEXT = re.compile(r"(?:\s|</(?:span|div|p)>)*+<script[^<>]{0,300}[\"'= ]math/(?:tex|mml)")
_TAGS = re.compile(r"</?[a-zA-Z][^<>]*>")


def with_formulas(html: str) -> str:
    """The page with its formulas as text: `<span>$…$</span>`, or `$$…$$` between line breaks if set off.

    Read are MathML (its TeX annotation if it has one), MathJax's scripts and rendered elements, KaTeX,
    Wikipedia's elements, images that carry their LaTeX in `alt` or address, and attributes such as
    `data-tex`. What is rendered beside its source goes. TeX that stands in the text between its own
    delimiters, and AsciiMath between backticks, is text already and stays as written; so does every
    byte that belongs to no formula. Linear in the length of the page, well-formed or not.
    """
    if not may_have_formulas(html.encode("utf-8", "ignore")):
        return html
    parts, done = [], 0
    for first, last, text in _Formulas(html):
        parts += [html[done:first], text]
        done = last
    return "".join([*parts, html[done:]]) if parts else html


class _Formulas:
    """The formulas of a page in order: where each starts and ends in the markup, and what to write there."""

    def __init__(self, html: str) -> None:
        self.html = html
        self.in_vain = 0

    def __iter__(self) -> Iterator[tuple[int, int, str]]:
        pos = 0
        while self.in_vain < MAX_IN_VAIN and (start := _START.search(self.html, pos)):
            if start["comment"] or start["raw"]:
                pos, text = self._raw(start)
            elif start["image"]:
                pos, text = self._image(start)
            else:
                pos, text = self._element(start)
                self.in_vain += text is None
            if text is not None:
                yield start.start(), pos, text
            elif pos < 0:
                return  # it takes all that follows

    def _raw(self, start: re.Match[str]) -> tuple[int, str | None]:
        """Comments, scripts and style sheets are passed over; a script may be a formula."""
        name = start["raw"]
        end = self.html.find("-->", start.end()) if not name else _closing(name, self.html, start.end())
        if end < 0 or not name:
            return end, None
        tag_end = self.html.find(">", start.end(), end)
        kind = _MATH_TYPE.search(self.html, start.end(), max(tag_end, start.end()))
        after = self.html.find(">", end) + 1 or len(self.html)
        if name.lower() != "script" or not kind:
            return after, None
        source = self.html[tag_end + 1 : end].strip().removeprefix("<![CDATA[").removesuffix("]]>")
        if kind[1].lower() == "mml":
            return after, _mathml(source)
        if kind[1].lower() == "asciimath":
            return after, f"<span>`{entities.escape(source, quote=False)}`</span>"
        return after, written(source.removeprefix("% <![CDATA[").removesuffix("%"), bool(kind[2]))

    def _image(self, start: re.Match[str]) -> tuple[int, str | None]:
        tag = start_tag(self.html, start.start())
        if not tag:
            self.in_vain += 1
            return start.end(), None
        latex = of_image(attributes(tag))
        return start.start() + len(tag), None if latex is None else written(latex)

    def _element(self, start: re.Match[str]) -> tuple[int, str | None]:
        name = start["math"] or start["name"] or start["marked"]
        tag = start_tag(self.html, start.start())
        first = start.start() + len(tag or "")
        end = _element_end(name.lower(), self.html, first) if tag else -1
        if not tag or end < 0:
            return start.end(), None
        text = self._content(start, tag, first, end)
        return (start.end() if text is None else end), text

    def _content(self, start: re.Match[str], tag: str, first: int, end: int) -> str | None:
        """What to write for the element whose start tag is `tag` and whose content starts at `first`."""
        markup = self.html[first:end]
        if start["math"]:
            return _mathml(tag + markup)
        mark = (start["mark"] or start["name"] or "").lower()
        if mark == "mathjax_preview":
            return " " if _RENDERED_NEXT.match(self.html, end) else None
        if mark.startswith(("mathjax", "mjx-chtml", "mjxc")) and _SOURCE_NEXT.match(self.html, end):
            return " "
        values = attributes(tag)
        display = mark == "katex-display" or values.get("display") in ("true", "block")
        if source := values.get("data-tex") or values.get("data-latex") or values.get("data-math"):
            return written(source) if start["data"] != "data-math" or LIKE_LATEX.search(source) else None
        if math := _MATH.search(markup):
            return _mathml(markup[math.start() :], display or "_display" in mark or "mjxc-display" in mark)
        if source := values.get("data-mathml", ""):
            return _mathml(source)
        if mark == "ql-formula":
            return written(values.get("data-value", ""))
        if mark == "mwe-math-element":
            image = start_tag(markup, max(0, markup.find("<img")))
            return written(attributes(image).get("alt", "")) if image else None
        has_glyphs = mark == "mjx-container" and ("<mjx-" in markup or "<svg" in markup)
        if mark in ("katex-eq", "formula", "mjx-container") and not has_glyphs:
            return written(entities.unescape(_TAGS.sub("", markup)), display)
        return None


@cache
def _end_tag(name: str) -> re.Pattern[str]:
    return re.compile(rf"<(?i:(/?){name}(?=[\s/>]))")


def _closing(name: str, html: str, pos: int) -> int:
    """Where the end tag of a raw text element starts, or -1."""
    return next((match.start() for match in _end_tag(name).finditer(html, pos) if match[1]), -1)


def _element_end(name: str, html: str, pos: int) -> int:
    """Where the element ends whose content starts at `pos`, end tag included; -1 if it is too far to see."""
    depth = 1
    for match in _end_tag(name).finditer(html, pos, pos + MAX_ELEMENT):
        depth += -1 if match[1] else 1
        if not depth:
            return html.find(">", match.end()) + 1 or len(html)
    return -1


def _mathml(markup: str, display: bool = False) -> str:
    """What to write for markup that starts with a `<math>` element."""
    values = attributes(start_tag(markup, 0) or "")
    display = display or values.get("display") == "block" or values.get("mode") == "display"
    if annotation := _ANNOTATION.search(markup):
        stop = markup.find("</", annotation.end())
        source = markup[annotation.end() : stop if stop >= 0 else len(markup)]
        source = source.strip().removeprefix("<![CDATA[").removesuffix("]]>")
        if source.strip():
            return written(entities.unescape(source), display)
    if COMMAND.search(values.get("alttext", "")):
        return written(values["alttext"], display)
    end = _MATH.match(markup)
    stop = _element_end(end[1].lower(), markup, end.end()) if end else -1
    return written(to_latex(markup[:stop] if stop > 0 else markup), display)
