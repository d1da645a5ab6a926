"""The words of a batch as one table of arrays, made in one walk over its text and kept for the next stage.

What a word is, is the splitter's business; everything behind it (signals, n-grams) sees the table alone.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.text.buffers import Bytes, Offsets, Texts, byte, view
from stages.text.english import split_english
from stages.text.hashing import P1, P2, P5
from stages.text.kernel import Int, device, kernel
from stages.text.scan import load
from stages.text.syllables import writes_no_spaces
from stages.text.unicode import IDEOGRAPH, MARK, SEPARATOR, SPACE, char_class, decode
from stages.text.wordbreak import split_uax29
from stages.text.words import next_word

Splitter: TypeAlias = Literal["default", "space", "english", "uax29"]
"""`default`: white space, and each CJK character for itself (`stages.text.words`); `space`: `str.split`;
`english`: spaCy's tokens (`stages.text.english`); `uax29`: Unicode's words (`stages.text.wordbreak`)."""

_CLASSES = {"default": (SEPARATOR, IDEOGRAPH), "space": (SPACE, 0)}
"""What parts words, and what is a word of its own."""

Bounds = npt.NDArray[np.int32]
Flags = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]


class Words(NamedTuple):
    """The words of all rows, in order; those of row i stand at `offsets[i]:offsets[i + 1]`. Read-only."""

    starts: Bounds
    """int32 [words]: first byte, in the data of the batch's `Texts`."""
    ends: Bounds
    """int32 [words]: the byte behind the last."""
    n_chars: Bounds
    """int32 [words]: code points."""
    flags: Flags
    """uint8 [words]: the classes (`stages.text.unicode`) of all its characters, or-ed."""
    hashes: Hashes
    """uint64 [words]: of its bytes; equal words have equal hashes."""
    offsets: Rows
    """int64 [rows + 1]"""


_kept: dict[str, tuple[tuple[int, ...], pa.StringArray, Words]] = {}
"""The last table of each splitter, and the array it was made from: stages in a row see one batch."""


def words(array: pa.StringArray, splitter: Splitter = "default") -> Words:
    """The words of every row of `array`; null rows have none."""
    key = (len(array), array.offset, *(b.address if b else 0 for b in array.buffers()))
    if splitter in _kept and _kept[splitter][0] == key:  # the array is held, so nothing else has its address
        return _kept[splitter][2]
    _kept.pop(splitter, None)
    table = _made(view(array), splitter)
    _kept[splitter] = key, array, table
    return table


def _made(texts: Texts, splitter: Splitter) -> Words:
    n_bytes = int(texts.offsets[-1] - texts.offsets[0])
    # Room for the worst case costs nothing: the system gives memory to pages that are written.
    starts, ends, n_chars = (np.empty(n_bytes, np.int32) for _ in range(3))
    flags, hashes = np.empty(n_bytes, np.uint8), np.empty(n_bytes, np.uint64)
    most = Words(starts, ends, n_chars, flags, hashes, np.zeros(len(texts.valid) + 1, np.int64))
    if splitter == "english" or splitter == "uax29":
        (_split_english if splitter == "english" else _split_uax29)(*texts, most)
        _describe(texts.data, most)
    else:
        longest = int(np.diff(texts.offsets).max(initial=0))
        scratch = np.empty(longest + 2, np.int64), np.empty(longest + 2, np.uint8)
        _fill(*texts, *_CLASSES[splitter], most, *scratch)
    n = int(most.offsets[-1])
    table = Words(starts[:n], ends[:n], n_chars[:n], flags[:n], hashes[:n], most.offsets)
    for array in table:
        array.flags.writeable = False
    return table


@kernel
def _fill(
    data: Bytes, texts: Offsets, valid: npt.NDArray[np.bool_], separators: Int, single: Int, out: Words,
    edges: Rows, kinds: Flags,
) -> None:  # fmt: skip
    n: Int = np.int64(0)
    for row in range(len(valid)):
        if valid[row]:
            start, stop = np.int64(texts[row]), np.int64(texts[row + 1])
            if single and writes_no_spaces(data, start, stop):
                n = _fill_syllables(data, start, stop, out, n)
                out.offsets[row + 1] = n
                continue
            n_edges = _edges(data, start, stop, separators, single, edges, kinds)
            for i in range(n_edges):
                # The high halves count characters, so that the length of a word is one subtraction.
                begin, end = edges[np.uint64(2 * i)], edges[np.uint64(2 * i + 1)]
                start, stop, to = begin & 0xFFFFFFFF, end & 0xFFFFFFFF, np.uint64(n + i)
                out.starts[to], out.ends[to] = start, stop
                out.n_chars[to], out.flags[to] = (end >> 32) - (begin >> 32), kinds[np.uint64(i)]
                out.hashes[to] = hash_word(data, start, stop)
            n += n_edges
        out.offsets[row + 1] = n


@kernel
def _split_english(data: Bytes, texts: Offsets, valid: npt.NDArray[np.bool_], out: Words) -> None:
    n: Int = np.int64(0)
    for row in range(len(valid)):
        if valid[row]:
            n = split_english(data, np.int64(texts[row]), np.int64(texts[row + 1]), out.starts, out.ends, n)
        out.offsets[row + 1] = n


@kernel
def _split_uax29(data: Bytes, texts: Offsets, valid: npt.NDArray[np.bool_], out: Words) -> None:
    n: Int = np.int64(0)
    for row in range(len(valid)):
        if valid[row]:
            n = split_uax29(data, np.int64(texts[row]), np.int64(texts[row + 1]), out.starts, out.ends, n)
        out.offsets[row + 1] = n


@kernel
def _describe(data: Bytes, out: Words) -> None:
    for i in range(out.offsets[-1]):
        described = describe(data, np.int64(out.starts[i]), np.int64(out.ends[i]))
        out.n_chars[i], out.flags[i], out.hashes[i] = described


@device
def _fill_syllables(data: Bytes, start: Int, stop: Int, out: Words, n: Int) -> Int:
    """The words of a row with scripts that write no spaces, from number `n` on; returns the next number."""
    pos = start
    while True:
        begin, pos, n_chars, flags = next_word(data, pos, stop)
        if n_chars == 0:
            return n
        out.starts[n], out.ends[n], out.n_chars[n], out.flags[n] = begin, pos, n_chars, flags
        out.hashes[n] = hash_word(data, begin, pos)
        n += 1


@device
def _edges(
    data: Bytes, start: Int, stop: Int, separators: Int, single: Int, edges: Rows, kinds: Flags
) -> Int:
    """Where words start and end, in turn, as (characters before) << 32 | byte; and the flags of each word.

    Characters of class `separators` part words, those of class `single` are words. Returns their number.

    Where a word ends is as good as random to the processor: so each character writes the edge that would
    stand before it and its word's flags, and only whether it is one decides if the next overwrites them.
    """
    n: Int = np.int64(0)
    n_chars: Int = np.int64(0)
    flags: Int = np.int64(0)
    outside: Int = np.int64(1)
    pos = start
    while pos < stop:
        code, after = decode(data, pos, stop)
        kind = char_class(code)
        separator = np.int64(kind & separators != 0)
        if (kind | flags) & single and not (outside | separator) and (kind & single or not kind & MARK):
            edges[np.uint64(n)] = edges[np.uint64(n + 1)] = n_chars << 32 | pos
            n += 2
            flags = np.int64(0)
        # Right if a word starts or ends here: then `n` moves on, and what is written stays.
        edges[np.uint64(n)] = n_chars << 32 | pos
        n += separator ^ outside
        # Outside a word the mask is 0 and forgets the flags of the last one; inside it is -1 and keeps them.
        flags = flags & (outside - 1) | kind
        kinds[np.uint64(n >> 1)] = flags
        outside = separator
        n_chars += 1
        pos = after
    edges[np.uint64(n)] = n_chars << 32 | stop
    return (n + 1) >> 1


@device
def describe(data: Bytes, start: Int, stop: Int) -> tuple[Int, Int, np.uint64]:
    """(characters, their classes or-ed, hash of the bytes) of `data[start:stop]`."""
    n_chars: Int = np.int64(0)
    flags: Int = np.int64(0)
    pos = start
    while pos < stop:
        code, pos = decode(data, pos, stop)
        flags |= char_class(code)
        n_chars += 1
    return n_chars, flags, hash_word(data, start, stop)


@device
def hash_word(data: Bytes, start: Int, stop: Int) -> np.uint64:
    """Hash of `data[start:stop]`, eight bytes at a time.

    What it does to up to eight can be undone: no two short words share one.
    """
    h = P5 + np.uint64(stop - start)
    while start < stop:
        h = (h ^ _up_to_eight(data, start, stop)) * P1
        h ^= h >> np.uint64(32)
        start += 8
    h *= P2
    return h ^ h >> np.uint64(32)


@device
def _up_to_eight(data: Bytes, pos: Int, stop: Int) -> np.uint64:
    """The bytes of `data[pos:stop]`, but no more than eight, as one number."""
    if pos + 8 <= len(data):
        # One load and a mask, wherever eight bytes are there to be read.
        value, bits = load(data, pos), np.uint64(8 * (stop - pos))
        return value if stop - pos >= 8 else value & ((np.uint64(1) << bits) - np.uint64(1))
    value = np.uint64(0)
    for i in range(min(stop - pos, np.int64(8))):
        value |= np.uint64(byte(data, pos + i)) << np.uint64(8 * i)
    return value
