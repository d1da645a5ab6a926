"""English words as the tools of the field count them: punctuation and contractions are words of their own.

Source: the tokenizer of spaCy 3.8 for English, `spacy.blank("en")`, which datatrove counts with: split at
white space; cut prefixes and suffixes off a chunk as long as it is no exception; do not cut web addresses;
cut what is left at its joints; join what makes an exception.
Differs: an exception of several tokens is not looked for across spaces, where it would only hinder another;
    "°C." is not cut when other cuts leave it; later emoji: see `stages.text.english_affixes`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stages.text.buffers import Bytes, byte
from stages.text.english_affixes import JOINTS, MARKS, QUOTES, joint, prefix, suffix
from stages.text.english_exceptions import MAX_BYTES, MAX_PIECES, exception
from stages.text.kernel import Int, device
from stages.text.scan import behind_letters
from stages.text.unicode import SPACE, char_class, decode
from stages.text.web_address import is_web_address

Bounds = npt.NDArray[np.int32]

_DIGITS, _BLANK, _HIGH, _STOP, _JOINT, _MARK, _OTHER = 1, 2, 4, 8, 16, 32, 64
"""Kinds of bytes: a full stop is neither a joint nor a mark (a single ASCII suffix)."""


def _byte_kinds() -> npt.NDArray[np.uint8]:
    kinds = np.full(256, _HIGH, np.uint8)
    for char in map(chr, range(128)):
        joint_or_mark = _JOINT * (char in JOINTS) | _MARK * (char in MARKS or char in QUOTES)
        digit_or_blank = _DIGITS * char.isdigit() | _BLANK * char.isspace()
        kinds[ord(char)] = (_STOP if char == "." else joint_or_mark | digit_or_blank) or _OTHER
    return kinds


_KINDS = _byte_kinds()


@device
def split_english(data: Bytes, start: Int, stop: Int, starts: Bounds, ends: Bounds, pos: Int) -> Int:
    """Write where the tokens of `data[start:stop]` begin and end to `starts` and `ends`, from `pos` on.

    Gives the place behind the last. There are at most as many tokens as bytes that are not white space.
    """
    here = start
    while True:
        begin = _skip_blanks(data, here, stop)
        if begin >= stop:
            return pos
        here = behind_letters(data, begin, stop)
        kind = _kind(data, here, stop)
        if here > begin:
            if kind & _BLANK:
                pos = _write(data, begin, here, exception(data, begin, here), starts, ends, pos)
                continue
            cut = kind & _MARK or (kind & _STOP and byte(data, here - 1) >= ord("a"))
            if cut and _kind(data, here + 1, stop) & _BLANK:
                pos = _write_marked(data, begin, here, starts, ends, pos)
                here += 1
                continue
        kinds: Int = _OTHER if here > begin else 0
        while not kind & _BLANK and not (kind & _HIGH and _blank(data, here, stop)):
            kinds |= kind
            here += 1
            kind = _kind(data, here, stop)
        if kinds == _DIGITS:
            pos = _write(data, begin, here, 0, starts, ends, pos)
        else:
            pos = _split_chunk(data, begin, here, starts, ends, pos)


@device
def _kind(data: Bytes, pos: Int, stop: Int) -> Int:
    return np.int64(_KINDS[np.uint64(byte(data, pos))]) if pos < stop else np.int64(_BLANK)


@device
def _write_marked(data: Bytes, start: Int, stop: Int, starts: Bounds, ends: Bounds, pos: Int) -> Int:
    """The tokens of letters and one mark behind them, at `stop`: the commonest chunk but for words."""
    value = exception(data, start, stop + 1)
    if value:
        return _write(data, start, stop + 1, value, starts, ends, pos)
    value = exception(data, start, stop)
    behind = _write(data, start, stop, value, starts, ends, pos)
    behind = _write(data, stop, stop + 1, 0, starts, ends, behind)
    return _put_together(data, starts, ends, pos, behind) if value else behind


@device
def _skip_blanks(data: Bytes, pos: Int, stop: Int) -> Int:
    while pos < stop:
        kind = np.int64(_KINDS[np.uint64(byte(data, pos))])
        if kind & _BLANK:
            pos += 1
        elif kind & _HIGH and _blank(data, pos, stop):
            _, pos = decode(data, pos, stop)
        else:
            break
    return pos


@device
def _blank(data: Bytes, pos: Int, stop: Int) -> bool:
    """Whether white space that is not ASCII begins at `pos`."""
    lead = byte(data, pos)
    if lead != 0xC2 and not 0xE1 <= lead <= 0xE3:
        return False
    return bool(char_class(decode(data, pos, stop)[0]) & SPACE)


@device
def _write(data: Bytes, start: Int, stop: Int, value: Int, starts: Bounds, ends: Bounds, pos: Int) -> Int:
    """One token, or those of the exception `value`."""
    # An exception is its tokens' lengths, a byte each, the first lowest.
    lengths = value & 0xFFFFFF
    while lengths:
        starts[pos] = start
        start += lengths & 255
        ends[pos] = start
        pos += 1
        lengths >>= 8
    if start < stop:
        starts[pos], ends[pos] = start, stop
        pos += 1
    return pos


@device
def _split_chunk(data: Bytes, start: Int, stop: Int, starts: Bounds, ends: Bounds, first: Int) -> Int:
    """Write the tokens of a chunk without white space from `first` on; gives the place behind the last.

    While affixes are cut off, `starts` holds where each prefix starts, `ends` where each suffix ends.
    """
    n_prefixes, n_suffixes = 0, 0
    value: Int = 0
    while start < stop:
        value = exception(data, start, stop)
        if value:
            break
        front = prefix(data, start, stop)
        if front:
            value = exception(data, start + front, stop)
            if value:
                starts[first + n_prefixes] = start
                n_prefixes, start = n_prefixes + 1, start + front
                break
        back = suffix(data, start + front, stop)
        if back:
            value = exception(data, start, stop - back)
            if value:
                ends[first + n_suffixes] = stop
                n_suffixes, stop = n_suffixes + 1, stop - back
                break
        if front == 0 and back == 0:
            break
        if front:
            starts[first + n_prefixes] = start
            n_prefixes, start = n_prefixes + 1, start + front
        if back:
            ends[first + n_suffixes] = stop
            n_suffixes, stop = n_suffixes + 1, stop - back
    pos = _settle_affixes(start, stop, n_prefixes, n_suffixes, starts, ends, first)
    if value:
        pos = _write(data, start, stop, value, starts, ends, pos)
    elif start < stop:
        pos = _cut(data, start, stop, starts, ends, pos)
    _suffixes_last(starts, ends, first + n_prefixes, pos, n_suffixes)
    return _put_together(data, starts, ends, first, pos) if pos - first > 1 else pos


@device
def _settle_affixes(
    start: Int, stop: Int, n_prefixes: Int, n_suffixes: Int, starts: Bounds, ends: Bounds, first: Int
) -> Int:
    """Give prefixes their ends, and behind them place suffixes, the last first; the place behind all."""
    inner = first + n_prefixes
    for i in range(n_suffixes - 1, -1, -1):
        ends[inner + i] = ends[first + i]
    for i in range(n_prefixes - 1):
        ends[first + i] = starts[first + i + 1]
    if n_prefixes:
        ends[inner - 1] = start
    for i in range(n_suffixes - 1):
        starts[inner + i] = ends[inner + i + 1]
    if n_suffixes:
        starts[inner + n_suffixes - 1] = stop
    return inner + n_suffixes


@device
def _suffixes_last(starts: Bounds, ends: Bounds, first: Int, last: Int, n_suffixes: Int) -> None:
    if n_suffixes:  # they stand before the other tokens, and backwards
        _reverse(starts, ends, first, last)
        _reverse(starts, ends, first, last - n_suffixes)


@device
def _reverse(starts: Bounds, ends: Bounds, first: Int, last: Int) -> None:
    last -= 1
    while first < last:
        starts[first], starts[last] = starts[last], starts[first]
        ends[first], ends[last] = ends[last], ends[first]
        first, last = first + 1, last - 1


@device
def _cut(data: Bytes, start: Int, stop: Int, starts: Bounds, ends: Bounds, pos: Int) -> Int:
    """The tokens of what is left between the affixes: a web address, or parts and what joins them."""
    kinds: Int = 0
    for i in range(start, stop):
        kinds |= np.int64(_KINDS[np.uint64(byte(data, i))])
    joined = kinds & (_HIGH | _JOINT | _STOP) and not (kinds & _STOP and is_web_address(data, start, stop))
    begin, here = start, start
    before: Int = 0
    while joined and here < stop:
        length = joint(data, here, stop, before)
        code, after = decode(data, here, stop)
        before = code
        if length == 0:
            here = after
            continue
        if here > start:
            pos = _write(data, begin, here, 0, starts, ends, pos)
            begin = here + length
            pos = _write(data, here, begin, 0, starts, ends, pos)
        here += length
    return _write(data, begin, stop, 0, starts, ends, pos)


@device
def _put_together(data: Bytes, starts: Bounds, ends: Bounds, first: Int, last: Int) -> Int:
    """Replace tokens in a row that make an exception by those of the exception; gives the new `last`.

    Where two such rows share a token the longer one counts, or the earlier one.
    """
    some = False
    for i in range(first, last):
        length = _row(data, starts, ends, i, last)
        if length and not _beaten(data, starts, ends, first, i, length, last):
            # A complement marks the row's first token without another array; `_start` undoes it.
            starts[i] = ~starts[i]
            some = True
    if not some:
        return last
    pos, here = first, first
    while here < last:
        start, marked = _start(starts, here), starts[here] < 0
        here += _row(data, starts, ends, here, last) if marked else 1
        stop = np.int64(ends[here - 1])
        pos = _write(data, start, stop, exception(data, start, stop) if marked else 0, starts, ends, pos)
    return pos


@device
def _start(starts: Bounds, i: Int) -> Int:
    start = np.int64(starts[i])
    return start if start >= 0 else ~start


@device
def _row(data: Bytes, starts: Bounds, ends: Bounds, i: Int, last: Int) -> Int:
    """How many tokens from the `i`-th on, at most, make an exception; 0 if none do."""
    start = _start(starts, i)
    longest: Int = 0
    for n in range(2, min(MAX_PIECES, last - i) + 1):
        stop = ends[i + n - 1]
        if stop - start > MAX_BYTES:
            break
        if exception(data, start, stop) >> 24 == n:
            longest = n
    return longest


@device
def _beaten(data: Bytes, starts: Bounds, ends: Bounds, first: Int, i: Int, n: Int, last: Int) -> bool:
    """Whether a longer row than the `n` tokens from `i` on, or one as long before it, holds an end of it."""
    for j in range(max(first, i - MAX_PIECES + 1), min(last, i + n)):
        length = _row(data, starts, ends, j, last) if j != i else np.int64(0)
        if (length > n or (length == n and j < i)) and (j <= i < j + length or j <= i + n - 1 < j + length):
            return True
    return False
