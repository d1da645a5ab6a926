"""What start tags say: classes, addresses, whether the element is shown, and what the page calls itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from stages.extract.auto import names
from stages.text.buffers import Bytes, byte
from stages.text.kernel import Int, device
from stages.text.markup import find, hash_name, is_space, next_attribute, tag_name

Element = Any
"""A row of the table of elements, to write to"""
Kinds = Any
"""int32 [3]: what the page calls itself in `og:type`, in `@type` of JSON-LD, in `itemtype`"""

_PROPERTY, _CONTENT = hash_name("property"), hash_name("content")


@device
def behind(html: Bytes, pos: Int) -> Int:
    """Behind the tag whose attributes begin at `pos`."""
    name: Int = 0
    while name >= 0:
        name, _, _, pos = next_attribute(html, pos)
    return pos


@device
def read_attributes(html: Bytes, pos: Int, element: Element, kinds: Kinds) -> Int:
    """Note what the attributes that begin at `pos` say; returns where the tag ends."""
    while True:
        name, start, stop, pos = next_attribute(html, pos)
        if name < 0:
            return pos
        number = names.attribute_number(name)
        if number == names.CLASS:
            element.class_start, element.class_stop = start, stop
        elif number == names.ID:
            element.id_start, element.id_stop = start, stop
        elif number == names.ROLE:
            element.role_start, element.role_stop = start, stop
        elif number == names.HREF:
            element.is_link = 1
        elif number == names.ITEMTYPE:
            kinds[2] |= _last_part(html, start, stop)
        elif number == names.ITEMPROP:
            element.itemprop = names.itemprop(tag_name(html[:stop], start)[0])
        elif number == names.HIDDEN or (number == names.ARIA_HIDDEN and stop - start == 4):  # true
            element.hidden = 1
        elif number == names.STYLE:
            element.hidden |= _is_invisible(html, start, stop)


@device
def read_meta(html: Bytes, pos: Int, kinds: Kinds) -> Int:
    """Note `og:type`; returns where the tag ends."""
    is_type = False
    said: Int = 0
    while True:
        name, start, stop, pos = next_attribute(html, pos)
        if name < 0:
            break
        if name == _PROPERTY and stop - start == 7:  # only og:type is as long and has a t there
            is_type = byte(html, start + 3) == ord("t")
        elif name == _CONTENT and stop - start < 40:
            said = names.page_kind(tag_name(html[:stop], start)[0])
    if is_type:
        kinds[0] |= said
    return pos


@device
def read_json_types(html: Bytes, pos: Int, stop: Int, kinds: Kinds) -> None:
    """Note the values of `"@type"` in a script."""
    while pos < stop - 12:
        if (
            byte(html, pos) == ord("@")
            and byte(html, pos + 1) == ord("t")
            and byte(html, pos + 5) == ord('"')
        ):
            pos += 6
            while pos < stop and (
                is_space(byte(html, pos)) or byte(html, pos) in (ord(":"), ord('"'), ord("["))
            ):
                pos += 1
            kinds[1] |= names.page_kind(tag_name(html[: find(html[:stop], pos, ord('"'))], pos)[0])
        pos += 1


@device
def _last_part(html: Bytes, start: Int, stop: Int) -> Int:
    """The page kind that a URL ends in."""
    last = stop
    while last > start and byte(html, last - 1) != ord("/"):
        last -= 1
    return names.page_kind(tag_name(html[:stop], last)[0])


@device
def _is_invisible(html: Bytes, start: Int, stop: Int) -> bool:
    """Whether a style holds `display: none` or `visibility: hidden`: `y:n` and `y:h` tell."""
    before: Int = 0
    last: Int = 0
    for i in range(start, stop):
        if is_space(byte(html, i)):
            continue
        char = byte(html, i) | 32
        if last == ord(":") and before == ord("y") and char in (ord("n"), ord("h")):
            return True
        before, last = last, np.int64(char)
    return False
