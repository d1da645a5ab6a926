"""Markdown to plain text; text that is not Markdown stays as it is, byte for byte."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
from markdown_it.token import Token

from pipeline.schema import TEXT, put
from pipeline.stage import Map
from stages.extract.commonmark import MAX_NESTING, parser
from stages.extract.markdown_features import is_markdown, may_be_markdown
from stages.extract.plain import render

MAX_CHARS = 1_000_000
MAX_MARKS = 100_000
MAX_BRACKETS = 32
MAX_QUOTE_WORK = 300_000
MAX_ROUNDS = 8
"""Work a text may cost, not seconds: its length, its special characters (50 us for each at worst), brackets
open at once in a paragraph, lines of a paragraph times its changes between levels of quotes (both of which
multiply in the parser), markup within markup."""

_BRACKET = re.compile(r"[\[\]]|\n[ \t]*\n")


@dataclass(frozen=True, kw_only=True)
class StripMarkdown(Map):
    """`text` without Markdown: text of links, code, tables, headings, lists and quotes stays, markers go.

    Code and formulas stay as written. Table cells are separated by tabs; numbers of lists stay, bullets go;
    addresses of links and images go, bare ones stay; HTML tags and comments and front matter go. Lines are as
    in the source. What comes out is not Markdown any more, so stripping twice changes nothing: where code
    holds Markdown of its own, that is stripped, too.

    Source: CommonMark 0.31.2; GitHub Flavored Markdown 0.29.
    Differs: asterisks between letters, digits and brackets are no emphasis (`2*3*4`, `*.py`); `<package>` is
        text, as it is no element of HTML; `>>>` is a prompt; formulas are kept with their `$`, `\\(`, `\\[`.
    Not implemented: definition lists, abbreviations, admonitions, wiki links.
    Null: null text stays null. Text that is not Markdown is not changed, nor one of over a million characters
        or 100,000 special ones, or nested deeper than 32 brackets or 100 blocks.
    Cost: 1.4 us a character of Markdown (15 ms for a README of 11 kB), 0.06 us of a book.
    """

    reads: ClassVar[pa.Schema] = pa.schema([TEXT])
    adds: ClassVar[pa.Schema] = pa.schema([TEXT])

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        texts = batch.column("text").to_pylist()
        plain = pa.array([None if text is None else strip_markdown(text) for text in texts], TEXT.type)
        return put(batch, TEXT, plain)


def strip_markdown(text: str) -> str:
    """Plain text of a Markdown document; any other text as it is."""
    tokens = _parse(text)
    if tokens is None:
        return text
    end = "\n" if text.endswith("\n") else ""
    plain = render(tokens) + end
    if _parse(plain) is None:
        return plain
    # Some of the code is Markdown: only that is read, lest comments in the rest become headings.
    for token in tokens:
        if token.type == "fence" and _parse(token.content) is not None:
            token.content = _strip_again(token.content)
    plain = render(tokens) + end
    for _ in range(MAX_ROUNDS):
        if _parse(plain) is None:
            return plain
        plain = _strip_again(plain) + end
    return text


def _strip_again(plain: str) -> str:
    # What are tags and entities here were written as text before.
    return render(parser(literal=True).parse(plain))


def _parse(text: str) -> list[Token] | None:
    """The tokens of a text, or None if it is not Markdown."""
    if len(text) > MAX_CHARS or not may_be_markdown(text) or _is_costly(text):
        return None
    tokens = parser().parse(text)
    if any(token.level > MAX_NESTING - 4 for token in tokens) or not is_markdown(text, tokens):
        return None
    return tokens


def _is_costly(text: str) -> bool:
    if sum(map(text.count, "*_[`~<$\\!&:|")) > MAX_MARKS or _quote_work(text) > MAX_QUOTE_WORK:
        return True
    depth = 0
    for match in _BRACKET.finditer(text):
        depth = depth + 1 if match.group() == "[" else max(0, depth - 1) if match.group() == "]" else 0
        if depth > MAX_BRACKETS:
            return True
    return False


def _quote_work(text: str) -> int:
    work = n_lines = n_changes = level = 0
    for line in text.splitlines():
        if line.isspace() or not line:
            work += n_lines * n_changes
            n_lines = n_changes = level = 0
        else:
            before, level = level, line[: len(line) - len(line.lstrip(" \t>"))].count(">")
            n_changes += before != level
            n_lines += 1
    return work + n_lines * n_changes
