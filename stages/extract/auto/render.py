"""Chosen blocks as text: paragraphs, lists, tables and code keep their shape. Markdown on request."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from itertools import groupby

from stages.extract.auto.blocks import Blocks
from stages.extract.auto.page import CODES, NUMBERS, BlockPosition, RenderTree
from stages.extract.auto.tree import Table, Tree
from stages.ingest.batches import valid_text

SPACE = re.compile(r"[\s\x00-\x1f\x7f]+")
CODE_BOX = re.compile(rb"code-?block|samplecode|highlight-source|sourceCode")
"""Classes of boxes of code that are no `<pre>`."""
LONG_REFERENCE = re.compile(r"&#(?=\d{9})\d+;?")
"""No character has such a number, and Python reads none of thousands of digits."""
MARKER = re.compile(r"^(\d{1,9}(?=[.)](?:\s|$))|(?=(?:#{1,6}|[-+*])(?:\s|$)|>|`{3}|~{3}|\[[^\]]*\]:))")
"""What would make a line of text into a heading, an item, a quotation, code, or no text at all."""
MARKUP = re.compile(r"(?=<[a-zA-Z/!?]|&#?\w+;|\]\()")
"""What would be read as a tag, a character reference, or the address of a link."""
MAX_MARGIN, MAX_QUOTES = 32, 8
BACKSLASH = r"\\"
Runs = list[tuple[int, ...]]
"""Rows of the tree's table of runs."""


def render(tree: Tree, blocks: Blocks, keep: Table, *, markdown: bool = False) -> str:
    """The blocks where `keep` (bool [n_blocks]) holds, in the order of the page."""
    page = RenderTree(tree, blocks)
    writer = MarkdownWriter(page) if markdown else Writer(page)
    rows = blocks.rows[keep]
    for element, first, stop in zip(
        *(rows[n].tolist() for n in ("element", "first_run", "stop_run")), strict=True
    ):
        place = page.place(element)
        runs = tree.runs[first:stop].tolist()
        if place.pre or _is_code(page, element, runs):
            writer.add_code(place, element, _verbatim(page, runs))
        else:
            writer.add(place, _flowing(page, runs, writer.inline) if markdown else _simple(page, runs))
    return valid_text(writer.finish())


def _is_code(page: RenderTree, element: int, runs: Runs) -> bool:
    """Whether text outside of `<pre>` is lines of code: in `<code>` or a box named so, and several lines."""
    texts = [(e, page.html[start:stop]) for e, start, stop, _, _ in runs]
    if not any(not raw or b"\n" in raw for _, raw in texts):
        return False
    if CODE_BOX.search(page.attribute(element, "class")):
        return any(not raw or b"\n" in raw.strip() for _, raw in texts)
    if not page.has_code:
        return False
    code = [raw for e, raw in texts if page.within(e, element, CODES)]
    prose = [raw for e, raw in texts if not page.within(e, element, CODES)]
    return any(not raw or b"\n" in raw for raw in code) and not any(raw.strip() for raw in prose)


def _text(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return html.unescape(LONG_REFERENCE.sub("\ufffd", text)) if "&" in text else text


def _flowing(page: RenderTree, runs: Runs, inline: Callable[[RenderTree, Runs], Iterator[str]]) -> str:
    """Text in lines that end at `<br>` only, white space collapsed."""
    lines = "".join(inline(page, runs)).split("\n")
    return "\n".join(line for line in (re.sub("  +", " ", line).strip() for line in lines) if line)


def _simple(page: RenderTree, runs: Runs) -> str:
    """What `_flowing` gives with `_plain`, quickly where there are no control characters."""
    lines: list[list[bytes]] = [[]]
    for _, start, stop, _, _ in runs:
        if start == stop:
            lines.append([])
        else:
            lines[-1].append(page.html[start:stop])
    texts = [" ".join(_text(b"".join(line)).split()) for line in lines]
    if not all(map(str.isprintable, texts)):
        return _flowing(page, runs, _plain)
    return "\n".join(filter(None, texts))


def _plain(page: RenderTree, runs: Runs) -> Iterator[str]:
    for _, start, stop, _, _ in runs:
        yield "\n" if start == stop else SPACE.sub(" ", _text(page.html[start:stop]))


def _marked(page: RenderTree, runs: Runs) -> Iterator[str]:
    """With code between backticks, emphasis between stars."""
    for of, some in groupby(runs, key=lambda run: page.marked(run[0]) if run[1] < run[2] else -1):
        text = "".join(_plain(page, list(some)))
        mark = page.mark(of) if of > 0 and text.strip() else ""
        if mark == "`":
            mark = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
            pad = " " if len(mark) > 1 else ""
            core = f"{mark}{pad}{text.strip()}{pad}{mark}"
        else:
            core = f"{mark}{MARKUP.sub(BACKSLASH, text.strip())}{mark}"
        lead, tail = len(text) - len(text.lstrip()), len(text.rstrip())
        yield text[:lead] + core + text[tail:] if text.strip() else text


def _verbatim(page: RenderTree, runs: Runs) -> str:
    """Code as it stands: line ends and indentation kept, numbers of lines and buttons left out."""
    texts = [_text(page.html[start:stop]) for _, start, stop, _, _ in runs]
    are_numbers = [bool(NUMBERS.fullmatch(text)) for text in texts]
    others = page.around(run[0] for run, number in zip(runs, are_numbers, strict=True) if not number)
    gutters = dict.fromkeys(others, False)
    parts: list[str] = []
    line_of: int = -1
    for (element, start, stop, _, _), text, is_number in zip(runs, texts, are_numbers, strict=True):
        line = page.line(element)
        ended = not parts or parts[-1].endswith("\n")
        if start == stop or (line != line_of and line_of >= 0 and not ended):
            parts.append("\n")
        line_of = line
        if start == stop:
            continue
        text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
        if parts and parts[-1] == "\n":
            text = text.removeprefix("\n")  # a line ended twice, by a tag and in the source
        if not page.is_button(element) and not (is_number and page.is_gutter(element, gutters)):
            parts.append(text)
    lines = [line.rstrip() for line in "".join(parts).split("\n")]
    filled = [i for i, line in enumerate(lines) if line]
    return "\n".join(lines[filled[0] : filled[-1] + 1]) if filled else ""


class Writer:
    """Pieces to plain text: items after `- ` or their number, cells between tabs."""

    between = "\t"
    inline = staticmethod(_plain)

    def __init__(self, page: RenderTree):
        self.page = page
        self.out: list[str] = []
        self.last: BlockPosition | None = None
        self.cells: dict[int, str] = {}
        self.margins: dict[int, int] = {}

    def add(self, place: BlockPosition, text: str) -> None:
        """A block of flowing text."""
        if not text:
            return
        if place.row:
            if self.last is None or self.last.row != place.row:
                self._begin(place)
            column = self.page.column(place.cell)
            text = text.replace("\n", " ")
            self.cells[column] = f"{self.cells[column]} {text}" if column in self.cells else text
        else:
            indent = self._begin(place)
            self.out.append(_indented(self.paragraph(place, text), indent))
        self.last = place

    def add_code(self, place: BlockPosition, element: int, text: str) -> None:
        """A block of code."""
        if not text:
            return
        if place.row and "\n" not in text:
            self.add(place, text.strip())
            return
        indent = self._begin(place)
        self.out.append(_indented(self.code(element, text), indent))
        self.last = place

    def finish(self) -> str:
        """The text."""
        self._end_row()
        return "".join(self.out)

    def paragraph(self, place: BlockPosition, text: str) -> str:
        """A paragraph as it is written."""
        return text

    def code(self, element: int, text: str) -> str:
        """A block of code as it is written."""
        return text

    def row(self, cells: list[str], place: BlockPosition) -> str:
        """A table row as it is written."""
        return self.between.join(cells)

    def is_tight(self, last: BlockPosition, place: BlockPosition) -> bool:
        """Whether no blank line stands between two chunks: parts of one list, table or list of terms."""
        if place.row or last.row:
            return place.table == last.table
        return bool(place.item and last.item and place.top == last.top) or (place.term and last.term)

    def _begin(self, place: BlockPosition) -> str:
        """Set apart what comes from what was; returns the indentation of further lines."""
        self._end_row()
        if self.last is not None:
            self.out.append("\n" if self.is_tight(self.last, place) else "\n\n")
        if not place.item:
            return ""
        outer = next((self.margins[i] for i in reversed(place.items) if i in self.margins), 0)
        mark = f"{self.page.number(place.item)}. " if place.ordered else "- "
        if place.item in self.margins:
            outer, mark = self.margins[place.item], ""
        self.out.append(" " * outer + mark)
        self.margins[place.item] = min(outer + len(mark), MAX_MARGIN)
        return " " * self.margins[place.item]

    def _end_row(self) -> None:
        if self.cells:
            assert self.last is not None
            self.out.append(self.row([self.cells.get(i, "") for i in range(max(self.cells) + 1)], self.last))
            self.cells = {}


def _indented(text: str, indent: str) -> str:
    return re.sub(r"\n(?!\n)", "\n" + indent, text) if indent else text


class MarkdownWriter(Writer):
    """Pieces to CommonMark with tables of GFM."""

    inline = staticmethod(_marked)

    def __init__(self, page: RenderTree):
        super().__init__(page)
        self.headed: set[int] = set()

    def is_tight(self, last: BlockPosition, place: BlockPosition) -> bool:
        """Items and rows are; two paragraphs would be one."""
        is_new = place.item > 0 and place.item not in self.margins
        return super().is_tight(last, place) and (is_new or place.row > 0)

    def paragraph(self, place: BlockPosition, text: str) -> str:
        """With the marks of headings and quotations; line ends are kept as hard breaks."""
        if place.heading:
            return "#" * place.heading + " " + text.replace("\n", " ")
        text = "\\\n".join(MARKER.sub(r"\1\\", line) for line in text.split("\n"))
        quote = "> " * min(place.quotes, MAX_QUOTES)
        return quote + text.replace("\n", "\n" + quote)

    def code(self, element: int, text: str) -> str:
        """A fence longer than any in the code, with the language if the page names it."""
        longest = max(map(len, re.findall("`{3,}", text)), default=2)
        fence = "`" * (longest + 1)
        return f"{fence}{self.page.language(element)}\n{text}\n{fence}"

    def row(self, cells: list[str], place: BlockPosition) -> str:
        """A row; the first of a table is as wide as the widest, and has the line that makes it a table."""
        cells = [cell.replace("|", "\\|") for cell in cells]
        if place.table in self.headed:
            return f"| {' | '.join(cells)} |"
        self.headed.add(place.table)
        width = max(self.page.width(place.table), len(cells))
        cells += [""] * (width - len(cells))
        return f"| {' | '.join(cells)} |\n|" + " --- |" * width
