"""What is counted in one line: words, characters, and the phrases that no prose holds."""

from __future__ import annotations

import numpy as np

from stages.text.buffers import Bytes, byte
from stages.text.kernel import Int, device
from stages.text.phrases import Phrases, compile_phrases
from stages.text.unicode import SPACE, char_class, decode

POLICY = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
PHRASES = compile_phrases(("lorem ipsum", "{", "javascript", *POLICY))
"""All of ASCII and none a part of another, so that they are found byte by byte."""


@device
def count_chars(data: Bytes, start: Int, stop: Int) -> Int:
    n = 0
    for pos in range(start, stop):
        n += data[np.uint64(pos)] & 0xC0 != 0x80
    return n


@device
def has_long_word(data: Bytes, start: Int, stop: Int, longest: Int) -> bool:
    if stop - start <= longest:
        return False
    length = 0
    pos = start
    while pos < stop:
        code, pos = decode(data, pos, stop)
        length = 0 if char_class(code) & SPACE else length + 1
        if length > longest:
            return True
    return False


@device
def count_words(data: Bytes, start: Int, stop: Int) -> Int:
    n_words = 0
    between = True
    while start < stop:
        code, start = decode(data, start, stop)
        space = char_class(code) & SPACE != 0
        n_words += between and not space
        between = space
    return n_words


@device
def may_hold_phrases(data: Bytes, start: Int, stop: Int) -> bool:
    """Whether a part of a phrase is there that seldom occurs elsewhere. A loop without branches is compiled
    to look at 32 places at once, and the automaton sees few lines."""
    some = False
    for pos in range(start, stop):
        some |= data[np.uint64(pos)] == 0x7B
    for i in range(np.uint64(start), np.uint64(max(start, stop - 2))):
        a, b, c = data[i] | 0x20, data[i + np.uint64(1)] | 0x20, data[i + np.uint64(2)] | 0x20
        some |= (a == 0x6A) & (b == 0x61) & (c == 0x76)  # jav
        some |= (a == 0x70) & (b == 0x73) & (c == 0x75)  # psu
        some |= (a == 0x6B) & (b == 0x69) & (c == 0x65)  # kie
        some |= (a == 0x76) & (b == 0x61) & (c == 0x63)  # vac
        some |= (a == 0x6D) & (b == 0x73) & (c == 0x20)  # ms and a space
    return some


@device
def find_phrases(data: Bytes, start: Int, stop: Int, phrases: Phrases) -> tuple[Int, Int, Int, Int]:
    """How many lorem ipsum, curly brackets, javascript, policy phrases `data[start:stop]` holds."""
    n_lorem = n_curly = n_javascript = n_policy = np.int64(0)
    state: Int = np.int64(0)
    for pos in range(start, stop):
        column = np.int64(phrases.classes[np.uint64(byte(data, pos))])
        state = np.int64(phrases.following[np.uint64(state + column)])
        phrase = np.int64(phrases.ending[np.uint64(state)])
        if phrase >= 0:
            n_lorem += phrase == 0
            n_curly += phrase == 1
            n_javascript += phrase == 2
            n_policy += phrase > 2
    return n_lorem, n_curly, n_javascript, n_policy
