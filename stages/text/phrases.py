"""Many phrases found in one pass over the text, in any case: an Aho-Corasick automaton over characters."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stages.text.buffers import Bytes, byte
from stages.text.kernel import Int, device
from stages.text.unicode import ALNUM, SPACE, char_class, decode, decode_before, lower

Indices = npt.NDArray[np.int32]

ANYWHERE = 0
"""A phrase counts wherever its characters stand."""
WORDS = 1
"""Only where no letter, digit or underscore stands right before or behind (`\\W` of regular expressions)."""
SPACES = 2
"""Only between white space, or at an end of the text."""


class Phrases(NamedTuple):
    """The automaton. A state is where its row in `following` starts: a step is one addition and two loads."""

    classes: Indices
    """int32 [code points, 256 at least]: the column of a character in lower case; 0 for all that occur in no
    phrase. Phrases of ASCII alone can so be looked for byte by byte."""
    following: Indices
    """int32 [states * columns]: the state after one more character."""
    ending: Indices
    """int32 [states * columns], used at states: the longest phrase that ends here, or -1."""
    shorter: Indices
    """int32 [states * columns], used at states: the state of shorter phrases that end here, too, or 0."""
    n_chars: Indices
    """int32 [phrases]: their length."""
    flanks: Indices
    """int32 [phrases]: ANYWHERE, WORDS or SPACES."""


def compile_phrases(phrases: Sequence[str], flanks: Sequence[int] | int = ANYWHERE) -> Phrases:
    """The automaton of `phrases`, which are lower-cased; empty ones are never found.

    Memory is 12 bytes for each character of the phrases times each different one: lists of thousands.
    """
    lowered = [p.lower() for p in phrases]
    alphabet = {c: i for i, c in enumerate(sorted({c for p in lowered for c in p}), start=1)}
    children: list[dict[int, int]] = [{}]
    ends: list[int] = [-1]
    for index, phrase in enumerate(lowered):
        node = 0
        for char in phrase:
            node = children[node].setdefault(alphabet[char], len(children))
            if node == len(children):
                children.append({})
                ends.append(-1)
        if phrase:
            ends[node] = max(index, ends[node])
    width = len(alphabet) + 1
    following, shorter = _link(children, ends, width)
    classes = np.zeros(max(256, *(ord(c) + 1 for c in alphabet)) if alphabet else 256, np.int32)
    for char, column in alphabet.items():
        classes[ord(char)] = column
        if "a" <= char <= "z":
            classes[ord(char) - 32] = column
    ending = np.full(len(following), -1, np.int32)
    ending[::width] = ends
    lengths = np.array([len(p) for p in lowered], np.int32)
    kinds = np.full(len(lowered), flanks, np.int32) if isinstance(flanks, int) else np.array(flanks, np.int32)
    arrays = (classes, following, ending, shorter, lengths, kinds)
    for array in arrays:
        array.flags.writeable = False
    return Phrases(*arrays)


def _link(children: list[dict[int, int]], ends: list[int], width: int) -> tuple[Indices, Indices]:
    """Transitions of all states, and links to shorter phrases (Aho & Corasick 1975, algorithms 3 and 4)."""
    following = np.zeros((len(children), width), np.int32)
    shorter = np.zeros((len(children), width), np.int32)
    fails = [0] * len(children)
    queue = deque([0])
    while queue:
        node = queue.popleft()
        fail = fails[node]
        if node:
            following[node] = following[fail]
            shorter[node] = fail * width if ends[fail] >= 0 else shorter[fail, 0]
        for column, child in children[node].items():
            fails[child] = int(following[node, column]) // width
            following[node, column] = child * width
            queue.append(child)
    return following.ravel(), shorter.ravel()


@device
def count_phrases(phrases: Phrases, data: Bytes, start: Int, stop: Int) -> Int:
    """At how many places of `data[start:stop]` a phrase ends, in lower case and flanked as it demands."""
    n: Int = 0
    state: Int = np.int64(0)
    pos = start
    while pos < stop:
        code: Int = byte(data, pos)
        pos += 1
        if code >= 0x80:
            code, pos = decode(data, pos - 1, stop)
            code = lower(code)
            # Beyond the table stands nothing that a phrase holds.
            code = code if code < len(phrases.classes) else np.int64(0)
        column = np.int64(phrases.classes[np.uint64(code)])
        state = np.int64(phrases.following[np.uint64(state + column)])
        if phrases.ending[np.uint64(state)] >= 0 or phrases.shorter[np.uint64(state)]:
            n += _ends_here(phrases, state, data, start, pos, stop)
    return n


@device
def _ends_here(phrases: Phrases, state: Int, data: Bytes, start: Int, pos: Int, stop: Int) -> bool:
    """Whether one of the phrases that end at `pos` is flanked as it demands."""
    while state:
        phrase = np.int64(phrases.ending[np.uint64(state)])
        if phrase >= 0:
            flank = np.int64(phrases.flanks[np.uint64(phrase)])
            begin = pos
            for _ in range(phrases.n_chars[np.uint64(phrase)] if flank else 0):
                _, begin = decode_before(data, start, begin)
            before = begin == start or _parts(decode_before(data, start, begin)[0], flank)
            if flank == ANYWHERE or (before and (pos == stop or _parts(decode(data, pos, stop)[0], flank))):
                return True
        state = np.int64(phrases.shorter[np.uint64(state)])
    return False


@device
def _parts(code: Int, flank: Int) -> bool:
    if flank == WORDS:
        return not (char_class(code) & ALNUM or code == 0x5F)
    return char_class(code) & SPACE != 0
