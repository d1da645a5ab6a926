"""Texts that any good limits drop, made from good ones: what limits for a language are tried on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa

from stages.text.buffers import view
from stages.text.table import words

ITEM = 2
"""Words of a menu's item."""
BLOCK = 20
"""Words of a repeated block."""


def shuffled(texts: pa.StringArray, keys: pa.UInt64Array) -> pa.StringArray:
    """The characters of each text in another order."""
    pairs = zip(texts.to_pylist(), keys.to_pylist(), strict=True)
    return pa.array(
        ["".join(np.random.default_rng(key).permutation(list(text))) for text, key in pairs], pa.string()
    )


def menu(texts: pa.StringArray, keys: pa.UInt64Array) -> pa.StringArray:
    """The words of each text, two in a line."""
    return pa.array(["\n".join(_chunks(tokens, ITEM)) for tokens in _words(texts)], pa.string())


def repeated(texts: pa.StringArray, keys: pa.UInt64Array) -> pa.StringArray:
    """The first twenty words of each text, as often as there is room."""
    made = []
    for tokens in _words(texts):
        block = _chunks(tokens[:BLOCK], BLOCK)
        made.append("\n".join(block * (len(tokens) // BLOCK + 1)))
    return pa.array(made, pa.string())


KINDS: Mapping[str, Callable[[pa.StringArray, pa.UInt64Array], pa.StringArray]] = {
    "shuffled": shuffled, "menu": menu, "repeated": repeated,
}  # fmt: skip


def _words(texts: pa.StringArray) -> list[list[tuple[str, bool]]]:
    """The words of each text, and whether space follows."""
    table, data = words(texts), view(texts).data
    by_text = []
    for first, last in zip(table.offsets[:-1], table.offsets[1:], strict=True):
        starts, ends = table.starts[first:last].tolist(), table.ends[first:last].tolist()
        apart = [a < b for a, b in zip(ends, [*starts, -1][1:], strict=True)]
        by_text.append(
            [(data[a:b].tobytes().decode(), c) for a, b, c in zip(starts, ends, apart, strict=True)]
        )
    return by_text


def _chunks(tokens: list[tuple[str, bool]], n: int) -> list[str]:
    """`tokens` as text, `n` words in each chunk."""
    parts = [tokens[i : i + n] for i in range(0, len(tokens), n)]
    return ["".join(word + " " * apart for word, apart in part).rstrip() for part in parts]
