"""Is a text Markdown at all? Code, LaTeX, reStructuredText and prose with a few asterisks are not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from markdown_it.token import Token

MAX_CODE = 0.3
"""Share of lines outside fences that may look like code."""
LINES_PER_MARK = 50
"""Emphasis, code spans and quotes count where there is one in so many lines; an odd one in a book is none."""

# Whatever counts as Markdown below matches here, so that most other text is never parsed.
_HINT = re.compile(
    r"""
      ^[ \t>]*+ (?: \#{1,6}[ \t] | ```|~~~ | =+[ \t]*$ | \|?[ ]*+:?-+:?[ ]*+\| )
    | ^[ \t>]*+ (?: [-*+]|\d+[.)])[ \t]++\[[ xX]\]
    | ^[ ]{0,3}> | \](?:\(|\[) | ^[ ]{0,3}\[[^\]\n]+\]: | `[^`]+` | ~~\S | \*\S[^*]*\* | _\S[^_]*_
    """,
    re.MULTILINE | re.VERBOSE,
)
_FENCED = re.compile(
    r"^ {0,3}(`{3,}+|~{3,}+)[^`\n]*+\n.*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_CODE = re.compile(
    r"""
      (?=.*[(){}=\[\]]|\S+[ \t]*$).*;[ \t]*$ | .*(?:[{}(\[]|[ ]\\)[ \t]*$ | [)\]}]+[,;:]?[ \t]*$
    | [\w.]+\(.*\)[ \t]*$
    | (?:def|class|if|elif|else|for|while|try|except|finally|with|async|switch|case)\b.*:[ \t]*$
    | (?:import|from|return|raise|yield|package|use|using|export|require|module|function|set|fi|done|then|echo
      )\b (?!.*[.,!?][ \t]*$)
    | [\w.\[\]'",()\ -]{1,60}?[ \t]*[-+*/%|&^:]?=(?![=>]) | [a-z_][\w.-]*:(?:[ \t]|$)
    | // | /\* | \*/ | \#! | \#(?:include|define|if|endif) | @[\w@] | \$[ ] | >>> | \.\.\.[ ] | \\[A-Za-z]
    | [%&] | \((?:def|let|set|ns|use|lambda)
    """,
    re.VERBOSE,
)
_STATEMENT = re.compile(
    r"""
      (?:from[ ][\w.]+[ ])?import[ ][\w., {}*]+;?$ | (?:async[ ])?def[ ]\w+\(.*:$ | class[ ]\w+.*[:{]$
    | \#(?:include|define|ifn?def|endif|pragma)\b | (?:package|use|using)[ ][\w.:]+;$ | func[ ]\w+\(.*\{$
    """,
    re.VERBOSE,
)
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_FORMULA = re.compile(
    r"""
      \$\$ [^$]+ \$\$ | \\\[ (?: (?!\\\[). ){1,5000}? \\\]
    | \\begin\{ ((?:align|equation|gather|multline|eqnarray)\*?) \} (?: (?!\\begin). ){1,5000}? \\end\{\1\}
    """,
    re.VERBOSE | re.DOTALL,
)
_RST = re.compile(r"^\.\. |`_\b|`__?(?=[\s.,;:)]|$)|^:\w+:|:\w+:`|[^:\s]::[ \t]*$", re.MULTILINE)


def may_be_markdown(text: str) -> bool:
    """Whether it is worth parsing: something could be markup, and it is no source code."""
    if not _HINT.search(text):
        return False
    body = _FORMULA.sub("", _FENCED.sub("", _FRONT_MATTER.sub("", text)))
    lines = [line for line in body.splitlines() if line.strip() and not _is_aside(line)]
    # A line that is a statement in any language counts as six, for the docstrings and comments around it.
    n_code = sum(_is_code(line) + 5 * bool(_STATEMENT.match(line)) for line in lines)
    return n_code <= MAX_CODE * len(lines)


def is_markdown(text: str, tokens: Iterable[Token]) -> bool:
    """Whether the parsed `text` has a link, image, table, fence, task or heading, or enough lesser marks.

    Lists, rules, indented code, HTML and escapes alone do not make a text Markdown.
    """
    lines = re.split(r"\r\n?|\n", text)
    is_rst = bool(_RST.search(text))
    n_marks, span = 0, [0, 0]
    for token in tokens:
        span = token.map or span
        if token.type == "inline":
            children = token.children or []
            if any(c.type == "image" or (c.type == "link_open" and c.markup != "autolink") for c in children):
                return True
            if not is_rst and not any(map(_is_code, lines[span[0] : span[1]])):
                n_marks += sum(_is_mark(*two) for two in pairwise([None, *children]))
        elif token.type == "front_matter":
            lines[: span[1]] = [""] * span[1]
        elif token.type == "blockquote_open":
            n_marks += not any(map(_is_code, lines[span[0] : span[1]]))
        elif not is_rst and _is_certain(token, lines, span):
            return True
    return 0 < sum(1 for line in lines if line.strip()) <= LINES_PER_MARK * n_marks


def _is_certain(token: Token, lines: Sequence[str], span: Sequence[int]) -> bool:
    first, after = span
    free_above = first == 0 or not lines[first - 1].strip()
    if token.type == "fence":
        return token.markup[0] == "`" or free_above  # a row of tildes may underline a title
    if token.type == "heading_open" and token.markup[0] == "#":
        # Comments of code: one sign, not on top, something that is no sentence below.
        on_top = not any(line.strip() for line in lines[:first]) if len(token.markup) == 1 else True
        return free_above and on_top and _is_prose(lines[after] if after < len(lines) else "")
    if token.type == "heading_open":
        return token.markup == "=" and free_above and len(lines[after - 1].strip()) > 2
    return token.type == "table_open" or (token.type == "list_item_open" and "checked" in token.meta)


def _is_mark(before: Token | None, token: Token | None) -> bool:
    """Whether an inline token is emphasis, a code span or struck text that nothing else explains."""
    if token is None:
        return False
    if token.type == "code_inline":
        return token.markup == "`" and "' " not in token.content  # `GNU' quotes, ``LaTeX'' quotes
    if token.type == "s_open":
        return before is None or not before.content or before.content[-1].isspace()
    return token.type == "em_open" or (token.type == "strong_open" and token.markup == "**")


def _is_code(line: str) -> bool:
    return bool(_CODE.match(line.lstrip(" \t>")[:500]))


def _is_aside(line: str) -> bool:
    """Indented code, prompts, and what may be a heading or a comment."""
    return line.startswith(("    ", "\t", "# ", ">>>", "... "))


def _is_prose(line: str) -> bool:
    """Blank, or the beginning of a sentence."""
    line = line.strip()
    return not line or (
        not line[0].islower() and line[0] not in "$-" and line[:2] != "# " and not _is_code(line)
    )
