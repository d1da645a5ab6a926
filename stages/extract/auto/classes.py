"""The words that elements were given in `class`, `id` and `role`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stages.extract.auto.blocks import Words, add_char, score_of
from stages.extract.auto.tree import Tree
from stages.text.buffers import Bytes, byte
from stages.text.kernel import Int, device, kernel

Table = npt.NDArray[Any]

MAX_TOKENS = 24
"""Classes of one attribute that are read; generated lists are longer and say nothing."""


def tokens(tree: Tree) -> tuple[Table, Table]:
    """(hash of a word, element it was given to), both int64 [n_tokens], in order."""
    n = 3 * MAX_TOKENS * len(tree.elements)
    keys, owners = np.zeros(n, np.int64), np.zeros(n, np.int64)
    stop = _all_tokens(tree.html, tree.elements, keys, owners)
    return keys[:stop], owners[:stop]


def score_classes(tree: Tree, words: Words) -> Table:
    """float32 [n_elements, 3]: sum, least and greatest of the scores of its words; 0 without any."""
    scores = np.zeros((len(tree.elements), 3), np.float32)
    _score(tree.html, tree.elements, words, np.zeros(3 * MAX_TOKENS, np.int64), scores)
    return scores


@kernel
def _all_tokens(html: Bytes, elements: Table, keys: Table, owners: Table) -> Int:
    n: Int = 0
    for e in range(1, len(elements)):
        before = n
        n = _of_element(html, elements[e], keys, n)
        owners[before:n] = e
    return n


@kernel
def _score(html: Bytes, elements: Table, words: Words, keys: Table, scores: Table) -> None:
    for e in range(1, len(elements)):
        n = _of_element(html, elements[e], keys, np.int64(0))
        for i in range(n):
            _, score = score_of(words, keys[i])
            scores[e, 0] += score
            scores[e, 1] = min(scores[e, 1], score)
            scores[e, 2] = max(scores[e, 2], score)


@device
def _of_element(html: Bytes, element: Any, keys: Table, n: Int) -> Int:
    n = _split(html, element.class_start, element.class_stop, keys, n)
    n = _split(html, element.id_start, element.id_stop, keys, n)
    return _split(html, element.role_start, element.role_stop, keys, n)


@device
def _split(html: Bytes, start: Int, stop: Int, keys: Table, n: Int) -> Int:
    """Words of an attribute's value: parted by what is no letter, and where lower case turns to upper."""
    value: Int = np.int64(0)
    limit = n + MAX_TOKENS
    was_lower = False
    for pos in range(start, stop):
        char = byte(html, pos)
        is_lower = ord("a") <= char <= ord("z")
        is_upper = ord("A") <= char <= ord("Z")
        if value and (not (is_lower or is_upper) or (is_upper and was_lower)):
            keys[n] = value
            n += 1
            value = np.int64(0)
            if n == limit:
                return n
        if is_lower or is_upper:
            value = add_char(value, char)
        was_lower = bool(is_lower)
    if value:
        keys[n] = value
        n += 1
    return n
