"""Docstrings as HTML: paragraphs, sections, bullets, definitions, field tables and examples.

Docstrings come as reStructuredText, in Google's or NumPy's style, or as plain text; what is common to them
is told by indentation and blank lines, and no more than that is read here.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

MAX_LEVEL = 6
SECTIONS = {
    "Args", "Arguments", "Attributes", "Example", "Examples", "Keyword", "Keywords", "Methods", "Note",
    "Notes", "Parameters", "Raises", "References", "Return", "Returns", "See", "Todo", "Usage", "Warning",
    "Warnings", "Yields",
}  # fmt: skip
BULLET = re.compile(r"(?:[-*+•]|\d+[.)]) +")
UNDERLINE = re.compile(r"[-=~^\"'*]{3,}\s*$")
FIELD = re.compile(r":(\w+)(?: ([^:]*))?:(?!`) *")
ARGUMENT = re.compile(r"\*{0,2}([a-z_]\w*)(?: (\([^)]*\)))?: (?=\S)")
DIRECTIVE = re.compile(r"\.\. +([\w-]+):: *")
ROLE = re.compile(r":[\w:]+:`~?([^`]+)`")
LINK = re.compile(r"`([^`<]+?)\s*&lt;([^\s`&]+(?:&amp;[^\s`&]+)*)&gt;`_{1,2}")
INLINE = re.compile(
    r"``(.+?)``|`([^`]+)`_{0,2}|\*\*(\S(?:.*?\S)?)\*\*|(?<![\w*])\*(\S(?:[^*]*?\S)?)\*(?![\w*])"
)


def inline(text: str) -> str:
    """One run of text with its code, emphasis and roles marked up."""

    def mark(match: re.Match[str]) -> str:
        for tag, words in zip(("code", "code", "strong", "em"), match.groups(), strict=True):
            if words is not None:
                return f"<{tag}>{words}</{tag}>"
        return match.group()

    escaped = LINK.sub(r'<a href="\2">\1</a>', html.escape(" ".join(text.split())))
    return INLINE.sub(mark, ROLE.sub(r'<a class="reference" href="#\1"><code>\1</code></a>', escaped))


def fragment(doc: str, level: int = 3) -> str:
    """A docstring as HTML; `level` is that of the headings of its sections."""
    return "\n".join(_blocks(doc.expandtabs().splitlines(), level))


def _blocks(lines: list[str], level: int) -> Iterator[str]:
    at, literal = 0, False
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        stop = _paragraph_end(lines, at)
        if _indent(lines[at]):
            stop = _indented_end(lines, at)
            yield _quoted(lines[at:stop], level, literal)
        elif lines[at].startswith(">>>"):
            yield _code(lines[at:stop])
        elif (body := _heading(lines, at)) is not None:
            yield f"<h{level}>{inline(lines[at].rstrip(':'))}</h{level}>"
            stop = body
        else:
            stop = _example_start(lines, at, stop)
            yield _paragraph(lines[at:stop], level)
        literal = lines[stop - 1].rstrip().endswith("::")
        at = stop


def _paragraph_end(lines: list[str], at: int) -> int:
    while at < len(lines) and lines[at].strip():
        at += 1
    return at


def _indented_end(lines: list[str], at: int) -> int:
    stop = at
    for i in range(at, len(lines)):
        if lines[i].strip():
            if not _indent(lines[i]):
                break
            stop = i + 1
    return stop


def _example_start(lines: list[str], at: int, stop: int) -> int:
    return next((i for i in range(at + 1, stop) if lines[i].startswith(">>>")), stop)


def _heading(lines: list[str], at: int) -> int | None:
    # Where the body of a section begins: after an underline, or after a known word and its colon.
    if at + 1 < len(lines) and UNDERLINE.match(lines[at + 1]) and len(lines[at]) < 80:
        return at + 2
    words = lines[at].split()
    return at + 1 if lines[at].rstrip().endswith(":") and words[0].rstrip(":") in SECTIONS else None


def _paragraph(lines: list[str], level: int) -> str:
    if BULLET.match(lines[0]):
        return _bullets(lines)
    for row in FIELD, ARGUMENT:
        if row.match(lines[0]) and all(row.match(line) for line in lines if not _indent(line)):
            return _table(lines, row)
    if match := DIRECTIVE.match(lines[0]):
        kind, rest = match.group(1), [lines[0][match.end() :], *map(str.strip, lines[1:])]
        if kind in {"code-block", "code", "math", "productionlist"}:
            return _code(rest[1:])
        body = inline(" ".join(rest))
        return f'<div class="admonition {kind}"><p class="title">{kind.capitalize()}</p><p>{body}</p></div>'
    if all(_indent(line) for line in lines[1:]) and len(lines) > 1:
        return _definitions(lines, level)
    if any(_indent(line) for line in lines):
        first = next(i for i, line in enumerate(lines) if _indent(line))
        return _definitions(lines, level) if first else _code(lines)
    return f"<p>{inline(' '.join(lines).replace('::', ':'))}</p>"


def _quoted(lines: list[str], level: int, literal: bool) -> str:
    width = min(_indent(line) for line in lines if line.strip())
    inner = [line[width:] for line in lines]
    if literal or level > MAX_LEVEL:
        return _code(inner)
    return f'<div class="section-body">\n{fragment(chr(10).join(inner), level + 1)}\n</div>'


def _code(lines: list[str]) -> str:
    kind = "doctest" if any(line.startswith(">>>") for line in lines) else "literal"
    return f'<pre class="{kind}"><code>{html.escape(chr(10).join(lines))}</code></pre>'


def _bullets(lines: list[str]) -> str:
    items: list[str] = []
    for line in lines:
        if (match := BULLET.match(line)) or not items:
            items.append(line[match.end() if match else 0 :])
        else:
            items[-1] += " " + line.strip()
    tag = "ol" if lines[0][0].isdigit() else "ul"
    return f"<{tag}>" + "".join(f"<li>{inline(item)}</li>" for item in items) + f"</{tag}>"


def _table(lines: list[str], row: re.Pattern[str]) -> str:
    rows: list[tuple[str, str]] = []
    for line in lines:
        if match := row.match(line):
            rows.append((" ".join(filter(None, match.groups())), line[match.end() :]))
        else:
            rows[-1] = rows[-1][0], rows[-1][1] + " " + line.strip()
    body = "".join(f"<tr><th>{inline(k)}</th><td>{inline(v)}</td></tr>\n" for k, v in rows)
    return f'<table class="field-list">\n{body}</table>'


def _definitions(lines: list[str], level: int) -> str:
    parts, at = [], 0
    while at < len(lines):
        stop = next((i for i in range(at + 1, len(lines)) if not _indent(lines[i])), len(lines))
        parts.append(f"<dt>{inline(lines[at])}</dt>")
        if stop > at + 1:
            parts.append(f"<dd>{inline(' '.join(lines[at + 1 : stop]))}</dd>")
        at = stop
    return "<dl>\n" + "\n".join(parts) + "\n</dl>"


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
