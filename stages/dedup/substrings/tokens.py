"""Tokens of texts as byte ranges and hashes: words, characters, bytes, or those of a tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.errors import RunError
from stages.text.buffers import Bytes, Offsets, Texts, byte, view
from stages.text.hashing import P5, absorb, avalanche, hash_lower
from stages.text.kernel import Int, kernel
from stages.text.table import words
from stages.text.unicode import decode, lower

if TYPE_CHECKING:
    from stages.tokens.encoder import Encoder

BUILT_IN = ("word", "char", "byte")

Bounds = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]


class Tokens(NamedTuple):
    """The tokens of all rows, in order; those of row i stand at `offsets[i]:offsets[i + 1]`."""

    starts: Bounds
    """int32 [tokens]: first byte, in the data of the batch's `Texts`."""
    ends: Bounds
    """int32 [tokens]: the byte behind the last. Both are borders of characters."""
    hashes: Hashes
    """uint64 [tokens]: equal tokens have equal hashes."""
    offsets: Rows
    """int64 [rows + 1]: where the tokens of each row begin, and their number."""


def tokenizer(tokens: str) -> Encoder | None:
    """The tokenizer that a setting names by its file; None for what is built in.

    Raises:
        PlanError: there is no such file, or it holds no tokenizer.
    """
    if tokens in BUILT_IN:
        return None
    from stages.tokens.encoder import END_OF_TEXT, load  # heavy, and seldom wanted

    return load(tokens, END_OF_TEXT, None)


def tokenized(array: pa.StringArray, tokens: str, fold_case: bool) -> Tokens:
    """The tokens of every row; null rows have none. Case is not folded in bytes, nor in a tokenizer's tokens.

    A byte, or a token, that is a part of a character only has the range of the whole character.
    """
    texts = view(array)
    if tokens == "word":
        table = words(array)
        hashes = table.hashes
        if fold_case:
            hashes = np.empty_like(hashes)
            _fold(texts.data, table.starts, table.ends, hashes)
        return Tokens(table.starts, table.ends, hashes, table.offsets)
    n = int(texts.offsets[-1] - texts.offsets[0])
    offsets = np.zeros(len(array) + 1, np.int64)
    if encoder := tokenizer(tokens):
        return _encoded(texts, array, encoder, offsets)
    made = Tokens(np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.uint64), offsets)
    _split(*texts, tokens == "byte", fold_case, made)
    n = int(offsets[-1])
    return Tokens(made.starts[:n], made.ends[:n], made.hashes[:n], offsets)


def _encoded(texts: Texts, array: pa.StringArray, encoder: Encoder, offsets: Rows) -> Tokens:
    lists = encoder.encode(array)
    ids = lists.flatten().to_numpy()
    offsets[1:] = np.cumsum(np.diff(lists.offsets.to_numpy()))
    starts, ends = np.empty(len(ids), np.int32), np.empty(len(ids), np.int32)
    hashes = np.empty(len(ids), np.uint64)
    if not _place(*texts, ids, encoder.token_bytes, Tokens(starts, ends, hashes, offsets)):
        raise RunError(f"the tokens of {encoder.path} are not the bytes of the text; set tokens: byte")
    return Tokens(starts, ends, hashes, offsets)


@kernel
def _fold(data: Bytes, starts: Bounds, ends: Bounds, hashes: Hashes) -> None:
    for i in range(len(starts)):
        hashes[i] = hash_lower(data, np.int64(starts[i]), np.int64(ends[i]), np.uint64(0))


@kernel
def _split(
    data: Bytes, texts: Offsets, valid: npt.NDArray[np.bool_], bytewise: bool, fold_case: bool, out: Tokens
) -> None:
    n: Int = np.int64(0)
    for row in range(len(valid)):
        position: Int = np.int64(texts[row])
        stop = np.int64(texts[row + 1])
        while valid[row] and position < stop:
            code, after = decode(data, position, stop)
            first = n
            if bytewise:
                for i in range(position, after):
                    out.hashes[n] = avalanche(absorb(P5, byte(data, i)))
                    n += 1
            else:
                out.hashes[n] = avalanche(absorb(P5, lower(code) if fold_case else code))
                n += 1
            for i in range(first, n):
                out.starts[i], out.ends[i] = position, after
            position = after
        out.offsets[row + 1] = n


@kernel
def _place(
    data: Bytes, texts: Offsets, valid: npt.NDArray[np.bool_], ids: Bounds, token_bytes: Bounds, out: Tokens
) -> bool:
    """The ranges of tokens whose lengths are known; false where they are not as long as the text."""
    for row in range(len(valid)):
        position, stop = np.int64(texts[row]), np.int64(texts[row + 1])
        for i in range(out.offsets[row], out.offsets[row + 1]):
            after = position + token_bytes[ids[i]]
            if after > stop:
                return False
            # A token may begin or end inside a character: its range is widened to whole ones.
            start, end = position, after
            while start > texts[row] and byte(data, start) & 0xC0 == 0x80:
                start -= 1
            while end < stop and byte(data, end) & 0xC0 == 0x80:
                end += 1
            out.starts[i], out.ends[i] = start, end
            out.hashes[i] = avalanche(absorb(P5, np.int64(ids[i])))
            position = after
        if valid[row] and position != stop:
            return False
    return True
