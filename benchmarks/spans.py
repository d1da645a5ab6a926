"""Code, formulas and table rows of a reference, and which of them a text keeps.

The spans are read from a page's reference in Markdown; headings, lists and prose are not looked at.

code line     a line of a fenced block that is not blank. Kept: a line of the output has the same text, in
              the order of the block, and its indentation differs from the reference's by as much as that of
              most lines of the block (a tab is 4).
inline code   kept: it stands in the output, not glued to a Latin letter or digit; white space aside.
formula       what stands between dollars. Kept: its LaTeX stands in the output, not glued to a letter or
              digit; white space, braces, `\\displaystyle`, `\\mathrm`, `\\left`, `\\right`, `\\,` and the
              like do not count. Of three characters or fewer (the letter `a` is easily found): it must
              stand between delimiters.
table row     kept: all its cells stand in one line of the output, in their order; white space and marks
              aside.

A span that occurs k times must occur k times. One is impossible only if the page does not have it: its text
(of a row: some cell; of a formula: not even in an attribute or script) is nowhere in the page's markup, tags
and entities aside, or, of inline code, in no `<code>`, `<kbd>`, `<samp>`, `<tt>` or `<pre>`. Formulas of
pages with MathML are all taken as possible. What a reference's own tools mangled thus falls out, and no more.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

from markdown_it.token import Token

from stages.extract.commonmark import parser

KINDS = ("code line", "inline code", "formula", "table row")
SHORT = 3
TAB = 4

_TAG = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1|</?[a-zA-Z][^>]*>", re.DOTALL | re.IGNORECASE)
_SILENT = re.compile(
    r"\\[{}\\]|(?P<drop>\s+|[{}~]|<br ?/?>"
    r"|\\(?:(?:display|text|script)style|mathrm|left|right|limits|nolimits|quad|qquad|tag\*?\{[^}]*\}|label\{[^}]*\}"
    r"|nonumber|notag)(?![a-zA-Z])|\\[,;:!>\s])"
)
_CODE = re.compile(r"<(code|kbd|samp|tt|pre)\b.*?</\1", re.DOTALL | re.IGNORECASE)
_SPACE = re.compile(r"(?P<drop>\s+)")
_ROW = re.compile(r"<tr\b.*?(?=<tr\b|</table|\Z)", re.DOTALL)
_CELL = re.compile(r"<t[dh]\b[^>]*>(.*?)(?=<t[dh]\b|</tr|\Z)", re.DOTALL)


class Span(NamedTuple):
    kind: str
    text: str
    cells: tuple[str, ...] = ()


class Squeezed(NamedTuple):
    """A text without what does not count, and where in the text each of its characters stood."""

    text: str
    at: list[int]


def latex(formula: str) -> str:
    """What stands between the delimiters of a formula."""
    return formula.strip().strip("$").strip()


def squeeze(text: str, silent: re.Pattern[str] = _SILENT) -> Squeezed:
    """LaTeX without what does not change its meaning; or any text without white space."""
    parts, at, done = [], [], 0
    for match in silent.finditer(text):
        if match["drop"]:
            parts.append(text[done : match.start()])
            at += range(done, match.start())
            done = match.end()
    parts.append(text[done:])
    at += range(done, len(text))
    return Squeezed("".join(parts), at)


def squeeze_cell(text: str) -> str:
    return re.sub(r"[\s|`*$\\{}\u00a0\u200b]+", "", text)


def glued(a: str, b: str) -> bool:
    return (a + b).isascii() and a.isalnum() and b.isalnum()


def count(needle: str, hay: Squeezed, text: str) -> int:
    """How often `needle` stands in the squeezed text, not glued to a Latin letter or digit in `text`."""
    if not needle:
        return 0
    n, at = 0, hay.text.find(needle)
    while at >= 0:
        first, last = hay.at[at], hay.at[at + len(needle) - 1]
        before, after = text[first - 1 : first] if first else "", text[last + 1 : last + 2]
        free = not (glued(before, needle[0]) or glued(needle[-1], after))
        n += free
        at = hay.text.find(needle, at + (len(needle) if free else 1))
    return n


def plain(tokens: list[Token]) -> str:
    """The text of a line or cell: of a link its text, of an image nothing."""
    parts = []
    for token in tokens:
        if token.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif token.type == "formula":
            parts.append(latex(token.content))
        elif token.type not in ("image", "html_inline"):
            parts.append(token.content)
    return "".join(parts)


def spans(markdown: str) -> tuple[list[Span], list[list[str]]]:
    """Inline code, formulas and rows of a reference, and its code blocks as lists of lines."""
    found: list[Span] = []
    blocks: list[list[str]] = []
    row: list[str] | None = None
    for token in parser().parse(markdown):
        match token.type:
            case "fence":
                blocks.append([line.expandtabs(TAB) for line in token.content.split("\n") if line.strip()])
            case "formula_block" if token.content.lstrip().startswith("$"):
                found.append(Span("formula", latex(token.content)))
            case "html_block":
                found += html_rows(token.content)
            case "tr_open":
                row = []
            case "tr_close" if row is not None:
                if any(row):
                    found.append(Span("table row", " | ".join(row), tuple(filter(None, row))))
                row = None
            case "inline":
                children = token.children or []
                if row is not None:
                    row.append(squeeze_cell(plain(children)))
                found += [Span("inline code", t.content) for t in children if t.type == "code_inline"]
                formulas = [t.content for t in children if t.type == "formula"]
                found += [Span("formula", latex(formula)) for formula in formulas if formula[0] == "$"]
    return found, [block for block in blocks if block]


def html_rows(markup: str) -> Iterator[Span]:
    for row in _ROW.findall(markup):
        cells = [squeeze_cell(html.unescape(_TAG.sub("", cell))) for cell in _CELL.findall(row)]
        if any(cells):
            yield Span("table row", " | ".join(cells), tuple(filter(None, cells)))


def indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def kept_lines(block: list[str], output: list[str]) -> list[bool]:
    """Which lines of a code block are kept; `output` is the whole text's lines, tabs expanded."""
    want, have = [line.strip() for line in block], [line.strip() for line in output]
    anchor = SequenceMatcher(None, want, have, autojunk=False).find_longest_match()
    if not anchor.size:
        return [False] * len(block)
    first = max(0, anchor.b - 2 * len(block))
    near = SequenceMatcher(None, want, have[first : anchor.b + 3 * len(block)], autojunk=False)
    pairs = [(m.a + i, first + m.b + i) for m in near.get_matching_blocks() for i in range(m.size)]
    shifts = Counter(indent(output[b]) - indent(block[a]) for a, b in pairs)
    shift = shifts.most_common(1)[0][0]
    kept = {a for a, b in pairs if indent(output[b]) - indent(block[a]) == shift}
    return [i in kept for i in range(len(block))]


def has_row(cells: tuple[str, ...], line: str) -> bool:
    at = 0
    for cell in cells:
        at = line.find(cell, at)
        if at < 0:
            return False
        at += len(cell)
    return True


def judge(found: list[Span], blocks: list[list[str]], text: str) -> Iterator[tuple[str, str, bool]]:
    """Kind, text and whether it is kept, of every span; blocks come line by line."""
    text = text.replace("\u00a0", " ").replace("\u200b", "")
    lines = [line.expandtabs(TAB).rstrip() for line in text.split("\n")]
    for block in blocks:
        for line, is_kept in zip(block, kept_lines(block, [line for line in lines if line]), strict=True):
            yield "code line", line, is_kept
    math, code, rows = squeeze(text), squeeze(text, _SPACE), [squeeze_cell(line) for line in lines]
    seen = Counter[tuple[str, str]]()
    for span in found:
        seen[span[:2]] += 1
        if span.kind == "table row":
            n = sum(has_row(span.cells, row) for row in rows)
        elif span.kind == "inline code":
            n = count(squeeze(span.text, _SPACE).text, code, text)
        elif len(needle := squeeze(span.text).text) <= SHORT:
            n = sum(
                math.text.count(left + needle + right)
                for left, right in (("$", "$"), ("\\(", "\\)"), ("`", "`"))
            )
        else:
            n = count(needle, math, text)
        yield span.kind, span.text, seen[span[:2]] <= n


def possible(kind: str, text: str, markup: str, hays: dict[str, str]) -> bool:
    """Whether the page has the span: see the module's docstring."""
    if kind == "formula":
        return "<math" in markup or squeeze(text).text in hays[kind]
    if kind == "inline code":
        return squeeze(text, _SPACE).text in hays[kind]
    cells = text.split(" | ") if kind == "table row" else [text]
    return all(squeeze_cell(cell) in hays["shown"] for cell in cells)


def haystacks(markup: str) -> dict[str, str]:
    shown = html.unescape(_TAG.sub("", markup))
    code = "\n".join(match.group() for match in _CODE.finditer(markup))
    return {
        "shown": squeeze_cell(shown),
        "formula": squeeze(shown + html.unescape(html.unescape(markup))).text,
        "inline code": squeeze(html.unescape(_TAG.sub("", code)), _SPACE).text,
    }
