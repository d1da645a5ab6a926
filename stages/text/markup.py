"""Tags in the bytes of a page, found as the tokenizer of the HTML standard finds them, in one pass."""

from __future__ import annotations

import numpy as np

from stages.text.buffers import Bytes, byte
from stages.text.kernel import Int, device


def hash_name(name: str) -> int:
    """What `tag_name` and `next_attribute` give for a name, which is to be in lower case."""
    value = 0
    for char in name.encode():
        value = (value * 1_000_003 + char) & 0x7FFF_FFFF_FFFF
    return value


@device
def is_space(char: Int) -> bool:
    """White space between attributes (HTML Living Standard, 13.2.5)."""
    return char in (32, 9, 10, 12, 13)


@device
def find(html: Bytes, pos: Int, char: Int) -> Int:
    """Where `char` comes next; the end of the page if it does not."""
    for i in range(pos, len(html)):
        if byte(html, i) == char:
            return i
    return len(html)


@device
def begins_tag(html: Bytes, pos: Int) -> bool:
    """Whether the `<` at `pos` begins a start or end tag."""
    pos += 1
    if pos < len(html) and byte(html, pos) == ord("/"):
        pos += 1
    # `| 32` makes ASCII letters small.
    return bool(pos < len(html) and ord("a") <= (byte(html, pos) | 32) <= ord("z"))


@device
def tag_name(html: Bytes, pos: Int) -> tuple[Int, Int]:
    """Hash of the tag name that starts at `pos`, in lower case, and where it ends."""
    value = np.int64(0)
    while pos < len(html):
        char = byte(html, pos)
        if is_space(char) or char == ord("/") or char == ord(">"):
            break
        if ord("A") <= char <= ord("Z"):
            char += 32
        # int64 wraps, but the low 47 bits are those of `hash_name`, whose numbers do not.
        value = (value * 1_000_003 + char) & 0x7FFF_FFFF_FFFF
        pos += 1
    return value, pos


@device
def next_attribute(html: Bytes, pos: Int) -> tuple[Int, Int, Int, Int]:
    """The attribute at or after `pos` (13.2.5.32 to 13.2.5.39): hash of its name, where its value starts and
    stops, where to go on. Hash -1: there is none, and `pos` is behind the tag."""
    while pos < len(html) and (is_space(byte(html, pos)) or byte(html, pos) == ord("/")):
        pos += 1
    if pos >= len(html) or byte(html, pos) == ord(">"):
        return np.int64(-1), pos, pos, min(pos + 1, len(html))
    name = np.int64(0)
    first = pos
    while pos < len(html):
        char = byte(html, pos)
        if is_space(char) or char == ord("/") or char == ord(">") or (char == ord("=") and pos > first):
            break
        if ord("A") <= char <= ord("Z"):
            char += 32
        name = (name * 1_000_003 + char) & 0x7FFF_FFFF_FFFF
        pos += 1
    behind = pos
    while pos < len(html) and is_space(byte(html, pos)):
        pos += 1
    if pos >= len(html) or byte(html, pos) != ord("="):
        return name, behind, behind, pos
    pos += 1
    while pos < len(html) and is_space(byte(html, pos)):
        pos += 1
    if pos < len(html) and (byte(html, pos) == ord('"') or byte(html, pos) == ord("'")):
        stop = find(html, pos + 1, byte(html, pos))
        return name, pos + 1, stop, min(stop + 1, len(html))
    start = pos
    while pos < len(html) and not is_space(byte(html, pos)) and byte(html, pos) != ord(">"):
        pos += 1
    return name, start, pos, pos


@device
def after_declaration(html: Bytes, pos: Int) -> Int:
    """Where to go on after a `<`, with `pos` behind it, that begins no tag: behind a comment or at once."""
    first = byte(html, pos) if pos < len(html) else 0
    if first not in (ord("!"), ord("?"), ord("/")):
        return pos
    comment = (
        first == ord("!") and pos + 2 < len(html) and byte(html, pos + 1) == byte(html, pos + 2) == ord("-")
    )
    pos += 1
    while True:
        # `<!-->` is a complete comment: its own two dashes may end it.
        pos = find(html, pos, ord(">")) + 1
        if not comment or pos > len(html):
            return min(pos, len(html))
        bang = byte(html, pos - 2) == ord("!")
        if byte(html, pos - 2 - bang) == ord("-") and byte(html, pos - 3 - bang) == ord("-"):
            return pos


@device
def end_of_raw(html: Bytes, pos: Int, name: Int) -> Int:
    """Where the end tag `name` starts; the end of the page if there is none."""
    while True:
        pos = find(html, pos, ord("<"))
        if pos >= len(html) - 1:
            return len(html)
        if byte(html, pos + 1) == ord("/") and tag_name(html, pos + 2)[0] == name:
            return pos
        pos += 1
