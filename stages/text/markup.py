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
def find(html: Bytes, at: Int, char: Int) -> Int:
    """Where `char` comes next; the end of the page if it does not."""
    for i in range(at, len(html)):
        if byte(html, i) == char:
            return i
    return len(html)


@device
def begins_tag(html: Bytes, at: Int) -> bool:
    """Whether the `<` at `at` begins a start or end tag."""
    at += 1
    if at < len(html) and byte(html, at) == ord("/"):
        at += 1
    return bool(at < len(html) and ord("a") <= (byte(html, at) | 32) <= ord("z"))


@device
def tag_name(html: Bytes, at: Int) -> tuple[Int, Int]:
    """Hash of the tag name that starts at `at`, in lower case, and where it ends."""
    value = np.int64(0)
    while at < len(html):
        char = byte(html, at)
        if is_space(char) or char == ord("/") or char == ord(">"):
            break
        if ord("A") <= char <= ord("Z"):
            char += 32
        value = (value * 1_000_003 + char) & 0x7FFF_FFFF_FFFF
        at += 1
    return value, at


@device
def next_attribute(html: Bytes, at: Int) -> tuple[Int, Int, Int, Int]:
    """The attribute at or after `at` (13.2.5.32 to 13.2.5.39): hash of its name, where its value starts and
    stops, where to go on. Hash -1: there is none, and `at` is behind the tag."""
    while at < len(html) and (is_space(byte(html, at)) or byte(html, at) == ord("/")):
        at += 1
    if at >= len(html) or byte(html, at) == ord(">"):
        return np.int64(-1), at, at, min(at + 1, len(html))
    name = np.int64(0)
    first = at
    while at < len(html):
        char = byte(html, at)
        if is_space(char) or char == ord("/") or char == ord(">") or (char == ord("=") and at > first):
            break
        if ord("A") <= char <= ord("Z"):
            char += 32
        name = (name * 1_000_003 + char) & 0x7FFF_FFFF_FFFF
        at += 1
    behind = at
    while at < len(html) and is_space(byte(html, at)):
        at += 1
    if at >= len(html) or byte(html, at) != ord("="):
        return name, behind, behind, at
    at += 1
    while at < len(html) and is_space(byte(html, at)):
        at += 1
    if at < len(html) and (byte(html, at) == ord('"') or byte(html, at) == ord("'")):
        stop = find(html, at + 1, byte(html, at))
        return name, at + 1, stop, min(stop + 1, len(html))
    start = at
    while at < len(html) and not is_space(byte(html, at)) and byte(html, at) != ord(">"):
        at += 1
    return name, start, at, at


@device
def after_declaration(html: Bytes, at: Int) -> Int:
    """Where to go on after a `<`, with `at` behind it, that begins no tag: behind a comment or at once."""
    first = byte(html, at) if at < len(html) else 0
    if first not in (ord("!"), ord("?"), ord("/")):
        return at
    comment = (
        first == ord("!") and at + 2 < len(html) and byte(html, at + 1) == byte(html, at + 2) == ord("-")
    )
    at += 1
    while True:
        # `<!-->` is a whole comment: its own two dashes may end it.
        at = find(html, at, ord(">")) + 1
        if not comment or at > len(html):
            return min(at, len(html))
        bang = byte(html, at - 2) == ord("!")
        if byte(html, at - 2 - bang) == ord("-") and byte(html, at - 3 - bang) == ord("-"):
            return at


@device
def end_of_raw(html: Bytes, at: Int, name: Int) -> Int:
    """Where the end tag `name` starts; the end of the page if there is none."""
    while True:
        at = find(html, at, ord("<"))
        if at >= len(html) - 1:
            return len(html)
        if byte(html, at + 1) == ord("/") and tag_name(html, at + 2)[0] == name:
            return at
        at += 1
