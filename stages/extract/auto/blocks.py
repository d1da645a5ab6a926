"""A tree's runs of text to blocks: what each says, counted, and what stands below each element."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stages.extract.auto.names import BLOCK, KIND, TAG
from stages.extract.auto.tree import Tree
from stages.text.buffers import Bytes, byte
from stages.text.kernel import Int, device, kernel
from stages.text.unicode import ALNUM, IDEOGRAPH, SPACE, UPPER, char_class, decode, lower

Table = npt.NDArray[Any]

(N_WORDS, N_CHARS, N_LINK_WORDS, N_STRONG_WORDS, N_UPPER_WORDS, N_DIGITS, N_STOPS, N_COMMAS, N_MARKS, N_LINKS,
 N_BREAKS, N_TITLE_WORDS, N_BLOCKS, N_LONG) = range(14)  # fmt: skip
"""Columns of what is counted, in a block and below an element. Words are runs of letters and digits, and
single ideographs; stops end sentences, marks are all other punctuation; title words occur in the title too; a
long block has at least `LONG` words."""
N_COUNTS = 14
LONG = 12

BLOCK_ROW = np.dtype(
    [(name, np.int32) for name in ("element", "first_run", "stop_run", "first_char", "last_char")]
    + [("hash", np.int64), ("score", np.float32), ("first_score", np.float32), ("low_score", np.float32)]
)
"""`element`: the innermost block-level element around the text. `hash`: of its words in order. Scores: mean,
that of the first word, and the least, of the words that the model knows."""

STATE = np.dtype(
    [
        (name, np.int64)
        for name in ("word", "kind", "n_scored", "in_link", "is_strong", "here_link", "here_strong")
    ]
)
"""The word that is being read: its hash so far, the classes of its characters, whether it began in a link,
or strong. How many words of the block had a score. Whether the run is in a link, or strong."""
MAX_TITLE, TITLE_MASK = 200, 511

_STRONG = np.zeros(len(TAG), np.bool_)
_STRONG[[TAG[n] for n in ("b", "strong", "h1", "h2", "h3", "h4", "h5", "h6", "th", "dt")]] = True


class Blocks(NamedTuple):
    """The blocks of a page."""

    rows: Table
    """BLOCK_ROW [n_blocks]"""
    counts: Table
    """int32 [n_blocks, N_COUNTS]"""
    sums: Table
    """int32 [n_elements, N_COUNTS]: of all blocks below the element"""
    spans: Table
    """int32 [n_elements, 2]: the first block below the element, and where they end"""


class Words(NamedTuple):
    """Scores of words by their hash: an open hash table whose size is a power of two."""

    keys: npt.NDArray[np.int64]
    """Hash of a word; 0 where the place is free"""
    scores: npt.NDArray[np.float32]


def measure(tree: Tree, words: Words) -> Blocks:
    """Count what the blocks of a page hold."""
    n, m = tree.n_blocks, len(tree.elements)
    blocks = Blocks(
        np.zeros(n, BLOCK_ROW), np.zeros((n, N_COUNTS), np.int32),
        np.zeros((m, N_COUNTS), np.int32), np.zeros((m, 2), np.int32),
    )  # fmt: skip
    title = np.zeros(TITLE_MASK + 1, np.int64)
    _know_title(tree.html, *tree.title, title)
    state = np.zeros(1, STATE)
    _measure(tree.html, tree.elements, tree.runs, words, title, state, blocks.rows, blocks.counts)
    _sum(tree.elements, *blocks)
    return blocks


@device
def score_of(words: Words, key: Int) -> tuple[bool, Any]:
    """Whether the table knows the word with this hash, and its score."""
    mask = len(words.keys) - 1
    slot = key & mask
    while words.keys[slot] != 0:
        if words.keys[slot] == key:
            return True, words.scores[slot]
        slot = (slot + 1) & mask
    return False, np.float32(0)


@device
def _entity(html: Bytes, pos: Int, stop: Int) -> Int:
    """Where a character reference that begins at `pos` ends; `pos` if there is none."""
    i = pos + 1
    while i < stop and i < pos + 12:
        char = byte(html, i)
        if char == ord(";"):
            return i + 1
        if not (ord("0") <= char <= ord("9") or ord("a") <= (char | 32) <= ord("z") or char == ord("#")):
            return pos
        i += 1
    return pos


@device
def next_char(html: Bytes, pos: Int, stop: Int) -> tuple[Int, Int]:
    """The character at `pos`, and its end. A reference is one character: a space if `&nbsp;`, else a mark."""
    if byte(html, pos) == ord("&"):
        end = _entity(html, pos, stop)
        if end > pos:
            if byte(html, pos + 1) == ord("n") and byte(html, pos + 2) == ord("b"):
                return np.int64(32), end
            return np.int64(ord("|")), end
    return decode(html, pos, stop)


@device
def add_char(value: Int, code: Int) -> Int:
    """The hash of a word with one more character."""
    # + 1: a word is never 0, which is a free place in tables.
    return (value * 1_000_003 + lower(code) + 1) & 0x7FFF_FFFF_FFFF


@kernel
def _know_title(html: Bytes, start: Int, stop: Int, title: Table) -> None:
    """Put the hashes of the title's first words into an open hash table."""
    n = 0
    value: Int = np.int64(0)
    pos = start
    while pos < stop and n < MAX_TITLE:
        code, pos = next_char(html, pos, stop)
        if char_class(code) & ALNUM:
            value = add_char(value, code)
        if value and (pos >= stop or not char_class(code) & ALNUM):
            place = value & TITLE_MASK
            while title[place] != 0 and title[place] != value:
                place = (place + 1) & TITLE_MASK
            title[place] = value
            value = np.int64(0)
            n += 1


@kernel
def _measure(
    html: Bytes,
    elements: Table,
    runs: Table,
    known: Words,
    title: Table,
    state: Table,
    rows: Table,
    counts: Table,
) -> None:
    now = state[0]
    block: Int = np.int64(-1)
    for i in range(len(runs)):
        run = runs[i]
        if run.block != block or run.start == run.stop:
            if block >= 0:
                _end_word(rows[block], counts[block], now, known, title)
            if run.block >= len(rows):  # white space at the end
                break
            if run.block != block:
                if block >= 0:
                    _finish(rows[block], now, i)
                block = np.int64(run.block)
                rows[block].first_run = i
        row, count = rows[block], counts[block]
        if count[N_CHARS] == 0:  # what text there was is blank, and may stand in the `<pre>` before
            row.element = _container(elements, run.element)
        if run.start == run.stop:
            count[N_BREAKS] += 1
            continue
        if run.link and (row.first_run == i or runs[i - 1].link != run.link):
            count[N_LINKS] += 1
        now.here_link, now.here_strong = run.link > 0, _is_strong(elements, run.element, row.element)
        _read(html, run, row, count, now, known, title)
    if block >= 0:
        _end_word(rows[block], counts[block], now, known, title)
        _finish(rows[block], now, len(runs))


@device
def _read(html: Bytes, run: Any, row: Any, count: Table, now: Any, known: Words, title: Table) -> None:
    """Count what a run of text holds; a word may go on in the next run."""
    pos: Int = np.int64(run.start)
    while pos < run.stop:
        code, pos = next_char(html, pos, run.stop)
        kind = char_class(code)
        if now.word and (not kind & ALNUM or (kind | now.kind) & IDEOGRAPH):
            _end_word(row, count, now, known, title)
        if kind & SPACE:
            continue
        row.first_char = code if count[N_CHARS] == 0 else row.first_char
        row.last_char = code
        count[N_CHARS] += 1
        if kind & ALNUM:
            if now.word == 0:
                count[N_UPPER_WORDS] += kind & UPPER > 0
                now.in_link, now.is_strong = now.here_link, now.here_strong
            count[N_DIGITS] += ord("0") <= code <= ord("9")
            now.word = add_char(now.word, code)
            now.kind |= kind
        else:
            count[_punctuation(code)] += 1


@device
def _end_word(row: Any, count: Table, now: Any, known: Words, title: Table) -> None:
    """Count the word that ends here, if one does."""
    if now.word == 0:
        return
    count[N_WORDS] += 1
    count[N_LINK_WORDS] += now.in_link
    count[N_STRONG_WORDS] += now.is_strong
    row.hash = row.hash * 1_000_000_007 + now.word
    place = now.word & TITLE_MASK
    while title[place] != 0 and title[place] != now.word:
        place = (place + 1) & TITLE_MASK
    count[N_TITLE_WORDS] += title[place] == now.word
    is_known, score = score_of(known, now.word)
    if count[N_WORDS] == 1:
        row.first_score = score
    if is_known:
        row.score += score
        row.low_score = min(row.low_score, score)
        now.n_scored += 1
    now.word = now.kind = 0


@device
def _finish(row: Any, now: Any, stop_run: Int) -> None:
    row.stop_run = stop_run
    if now.n_scored:
        row.score /= np.float32(now.n_scored)
    now.n_scored = 0


@device
def _punctuation(code: Int) -> Int:
    if code in (46, 33, 63, 0x3002, 0xFF01, 0xFF1F, 0x964, 0x6D4):  # . ! ? 。 ！ ？ । ۔
        return N_STOPS
    if code in (44, 0x3001, 0xFF0C, 0x60C):  # , 、 ， ،
        return N_COMMAS
    return N_MARKS


@device
def _container(elements: Table, element: Int) -> Int:
    while element > 0 and not KIND[elements[element].tag] & BLOCK:
        element = np.int64(elements[element].parent)
    return element


@device
def _is_strong(elements: Table, element: Int, container: Int) -> bool:
    while element > container:
        if _STRONG[elements[element].tag]:
            return True
        element = np.int64(elements[element].parent)
    return bool(_STRONG[elements[container].tag])


@kernel
def _sum(elements: Table, rows: Table, counts: Table, sums: Table, spans: Table) -> None:
    spans[:, 0] = len(rows)
    for b in range(len(rows)):
        counts[b, N_BLOCKS] = 1
        counts[b, N_LONG] = counts[b, N_WORDS] >= LONG
        e = rows[b].element
        for k in range(N_COUNTS):
            sums[e, k] += counts[b, k]
        spans[e, 0], spans[e, 1] = min(spans[e, 0], b), b + 1
    # Elements stand behind their parents: backwards, each is complete when it is added to its parent.
    for e in range(len(sums) - 1, 0, -1):
        above = elements[e].parent
        for k in range(N_COUNTS):
            sums[above, k] += sums[e, k]
        spans[above, 0] = min(spans[above, 0], spans[e, 0])
        spans[above, 1] = max(spans[above, 1], spans[e, 1])
