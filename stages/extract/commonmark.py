"""The Markdown that is read: CommonMark, GitHub's tables, strikethrough and tasks, footnotes, front matter,
and rules that keep what only looks like markup: formulas, bare addresses, `2*3*4`, `>>>`."""

from __future__ import annotations

import re
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock, blockquote
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.emphasis import tokenize as emphasis
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

MAX_NESTING = 100
"""Block levels (a list takes two); the parser drops what lies deeper, so deeper text is not touched."""

MAX_FORMULA = 5_000
"""Characters. The end of a formula is looked for no further, which keeps a page of `$` linear."""

_DOLLARS = re.compile(
    r"""
      \$\$ (?: [^$\\] | \\. | \$(?!\$) ){1,5000}? \$\$
    | \$(?![\s$]) (?: [^$\\] | \\. ){1,5000}? (?<!\s)\$(?!\d)  # pandoc's rule: prices are no formulas
    """,
    re.VERBOSE | re.DOTALL,
)
_OPENING = re.compile(r"\$\$|\\\[|\\\(|\\begin\{([A-Za-z]+\*?)\}")
_LINE_END = re.compile(r"[ \t]*(?:\n|\Z)")
_BLANK_LINE = re.compile(r"\n[ \t>]*\n")
_ADDRESS = re.compile(r"://[^\s<>\[\]`\\\"]+")
_TERM = re.compile(r"[0-9A-Za-z)\]$./]")
_WORD = re.compile(r"[0-9A-Za-z$]")
_FACTOR = re.compile(r"[0-9)\]]")
_MEMBER = re.compile(r"\.[0-9A-Za-z]|\(")
_DENSE = re.compile(r".?[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]", re.DOTALL)
_SUFFIX = re.compile(r"\.[0-9A-Za-z]")


@cache
def parser(literal: bool = False) -> MarkdownIt:
    """The parser; it holds no state between texts. `literal`: tags, entities and backslashes are text."""
    md = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING, "tasklists": True})
    md.enable(["table", "strikethrough"])
    front_matter_plugin(md)
    footnote_plugin(md, inline=False, move_to_end=False)
    interrupts: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    md.block.ruler.before("fence", "formula", _formula_block, interrupts)
    md.inline.ruler.before("escape", "formula", _formula)
    md.inline.ruler.before("escape", "address", _address)
    md.inline.ruler.at("emphasis", _emphasis)
    md.block.ruler.at("blockquote", _quote, interrupts)
    if literal:
        md.disable(["html_block", "html_inline", "entity", "escape"])
    return md


def _formula(state: StateInline, silent: bool) -> bool:
    """`$…$`, `$$…$$`, `\\(…\\)`, `\\[…\\]` and environments: one token, as written."""
    if state.src[state.pos] == "$":
        match = _DOLLARS.match(state.src, state.pos, state.posMax)
        stop = match.end() if match else -1
    elif state.src[state.pos] == "\\" and (opening := _OPENING.match(state.src, state.pos, state.posMax)):
        stop = _after_end(state.src, opening, state.posMax)
    else:
        return False
    if stop < 0:
        return False
    if not silent:
        state.push("formula", "", 0).content = state.src[state.pos : stop]
    state.pos = stop
    return True


def _formula_block(state: StateBlock, start: int, stop: int, silent: bool) -> bool:
    """A formula that begins and ends with its lines; nothing in it is a list, a rule or a heading."""
    if state.is_code_block(start):
        return False
    pos = state.bMarks[start] + state.tShift[start]
    opening = _OPENING.match(state.src, pos, state.eMarks[start])
    if not opening or opening.group() == "\\(":
        return False
    end = _after_end(state.src, opening, state.eMarks[stop - 1])
    if end < 0 or not _LINE_END.match(state.src, end) or _BLANK_LINE.search(state.src, pos, end):
        return False
    last = next(line for line in range(start, stop) if state.eMarks[line] >= end)
    if any(state.sCount[line] < state.blkIndent for line in range(start, last + 1)):
        return False  # it ends outside the list or quote that it begins in
    if not silent:
        token = state.push("formula_block", "", 0)
        token.content = state.getLines(start, last + 1, state.blkIndent, False)
        token.map = [start, last + 1]
        state.line = last + 1
    return True


def _after_end(source: str, opening: re.Match[str], limit: int) -> int:
    """Where the formula that `opening` begins has ended; -1 if it does not."""
    name = opening.group(1)
    end = f"\\end{{{name}}}" if name else {"$$": "$$", "\\[": "\\]", "\\(": "\\)"}[opening.group()]
    pos = source.find(end, opening.end(), min(limit, opening.end() + MAX_FORMULA))
    return pos + len(end) if pos >= 0 else -1


def _address(state: StateInline, silent: bool) -> bool:
    """`http://…` in running text: the underscores and asterisks in it are its own (GFM 6.9)."""
    if not state.src.endswith(("http", "https", "ftp"), 0, state.pos):
        return False
    match = _ADDRESS.match(state.src, state.pos, state.posMax)
    if not match:
        return False
    address = match.group().rstrip("?!.,:;*_~'")
    if address.endswith(")") and address.count(")") > address.count("("):
        address = address.rstrip(")").rstrip("?!.,:;*_~'")
    if not silent:
        state.append_pending(address)
    state.pos += len(address)
    return len(address) > 0


def _emphasis(state: StateInline, silent: bool) -> bool:
    """As in CommonMark, but products, powers, `*.py`, `__init__.py` and `a.__call__()` stay."""
    start, n_before = state.pos, len(state.delimiters)
    if not emphasis(state, silent):
        return False
    before, after = state.src[start - 1 : start], state.src[state.pos : state.pos + 2]
    if state.src[start] == "_":
        opens, closes = before != ".", not _MEMBER.match(after)
    elif state.pos - start == 1:
        opens = not _TERM.match(before) and not _SUFFIX.match(after)
        closes = not _WORD.match(after) and before not in tuple("([{/")
    else:
        opens, closes = not _FACTOR.match(before), not after[:1].isdecimal()
    # Chinese and Japanese have no spaces for CommonMark to go by: its rule leaves `**注意：**请` as it is.
    dense = state.src[start] == "*" and _DENSE.match(before + after)
    for delimiter in state.delimiters[n_before:]:
        delimiter.open = opens and (delimiter.open or bool(dense and after[:1].strip()))
        delimiter.close = closes and (delimiter.close or bool(dense and before.strip()))
    return True


def _quote(state: StateBlock, start: int, stop: int, silent: bool) -> bool:
    """As in CommonMark, but `>>>` is the prompt of an interpreter."""
    pos = state.bMarks[start] + state.tShift[start]
    return not state.src.startswith(">>>", pos) and blockquote(state, start, stop, silent)
