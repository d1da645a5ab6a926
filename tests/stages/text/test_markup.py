"""The tokenizer's parts, against the attributes and comments that a conforming parser finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from stages.text.buffers import Bytes
from stages.text.markup import (
    after_declaration,
    begins_tag,
    end_of_raw,
    find,
    hash_name,
    next_attribute,
    tag_name,
)


def data(text: str | bytes) -> Bytes:
    return np.frombuffer(text.encode() if isinstance(text, str) else text, np.uint8)


def attributes(tag: str, at: int = 2) -> tuple[list[tuple[int, str]], int]:
    """(hash of the name, value) of all attributes, and where the tag ends."""
    html, found = data(tag), []
    while True:
        name, start, stop, at = next_attribute(html, at)
        if name < 0:
            return found, at
        found.append((name, tag.encode()[start:stop].decode()))


@given(st.text(st.sampled_from("abcXYZ019-_:é")).filter(lambda name: name[:1].isascii()))
def test_a_name_ends_at_white_space_slash_or_bracket(name: str) -> None:
    for end in (" x", "\n", "/", ">", "\t>", ""):
        value, stop = tag_name(data(name + end), 0)
        assert (value, stop) == (hash_name(name.translate(LOWER)), len(name.encode()))


LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
names = st.text(st.sampled_from("abcdeABxyz-:_.0=é\"'<"), min_size=1, max_size=6).filter(
    lambda n: n[0] != "="
)
space = st.sampled_from([" ", "\n", "\t ", "/ ", " /"])
equals = st.sampled_from(["=", " =", "= ", "\n=\t"])


@st.composite
def written(draw: st.DrawFn) -> str:
    """An attribute as somebody may write it."""
    name = draw(names).replace("=", "")
    quote = draw(st.sampled_from(['"', "'", "", None]))
    if quote is None or not name:
        return name or "a"
    value = draw(st.text(st.sampled_from("abc é=<>/&-\n\"'"), max_size=8))
    for char in quote or " \n>\"'":
        value = value.replace(char, "")
    if not quote and not value:
        return name
    return f"{name}{draw(equals)}{quote}{value}{quote}"


@given(st.lists(st.tuples(space, written()), max_size=6))
def test_attributes_are_those_of_a_conforming_parser(parts: list[tuple[str, str]]) -> None:
    tag = "<p" + "".join(before + attribute for before, attribute in parts) + " >"
    node = LexborHTMLParser(f"{tag}text").css_first("p")
    assert node is not None
    found, stop = attributes(tag)
    assert stop == len(tag.encode())
    first: dict[int, str] = {}
    for name, value in found:
        first.setdefault(name, value)  # of two with one name the first counts
    expected = {hash_name(name): value or "" for name, value in node.attributes.items()}
    assert {name: value for name, value in first.items() if "&" not in value} == {
        name: value for name, value in expected.items() if "&" not in first[name]
    }
    assert len(first) == len(expected)


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("<p>", []),
        ("<p/>", []),
        ("<p a>", [("a", "")]),
        ("<p a=b c='d e' f=\"g>h\" >", [("a", "b"), ("c", "d e"), ("f", "g>h")]),
        ("<p A = B/>", [("a", "B/")]),
        ("<p a=>", [("a", "")]),
        ("<p =a=b>", [("=a", "b")]),
        ("<p/a/b>", [("a", ""), ("b", "")]),
        ("<p a='open", [("a", "open")]),
        ("<p a=", [("a", "")]),
        ("<p a", [("a", "")]),
        ("<p ", []),
    ],
)
def test_attributes_written_oddly_or_cut_off(tag: str, expected: list[tuple[str, str]]) -> None:
    found, stop = attributes(tag)
    assert found == [(hash_name(name), value) for name, value in expected]
    assert stop == len(tag)


@pytest.mark.parametrize(
    ("text", "behind"),
    [
        ("<!-- a > b -->c", "c"),
        ("<!-->c", "c"),
        ("<!--->c", "c"),
        ("<!-- a --!>c", "c"),
        ("<!-- a -- > b -->c", "c"),
        ("<!-- never closed > ", ""),
        ("<!doctype html>c", "c"),
        ("<![CDATA[ a > b ]]>c", " b ]]>c"),
        ("<?php echo 1 ?>c", "c"),
        ("</ x>c", "c"),
        ("</>c", "c"),
        ("<!", ""),
        ("<!-", ""),
        ("<!--", ""),
        ("<1 < 2", "1 < 2"),
    ],
)
def test_what_is_no_tag_ends_where_it_does_in_browsers(text: str, behind: str) -> None:
    assert text[after_declaration(data(text), 1) :] == behind


@given(st.text(st.sampled_from("-!> a"), max_size=9))
def test_comments_end_where_a_conforming_parser_ends_them(inside: str) -> None:
    if inside.startswith(("!", "-!")):
        return  # `<!--!>` and `<!---!>`: nobody writes them, and the standard lets them go on
    text = f"<!--{inside}x-->rest"
    body = LexborHTMLParser(text).body
    behind = text.encode()[after_declaration(data(text), 1) :].decode()
    assert body is not None
    assert behind.strip() == body.text().strip()


def test_a_tag_begins_with_a_letter() -> None:
    for text in ("<a", "<A>", "</a", "</Z>"):
        assert begins_tag(data(text), 0)
    for text in ("<", "</", "<1", "< a", "<!a", "</1", "<?", "<@", "<[", "<é"):
        assert not begins_tag(data(text), 0)


def test_raw_text_goes_up_to_its_own_end_tag() -> None:
    for text, stop in [
        ("a <b> </i> </script>", 11),
        ("</SCRIPT >", 0),
        ("</scripty></script", 10),
        ("a < b </ script> <", 18),
        ("", 0),
        ("<", 1),
        ("</", 2),
    ]:
        assert end_of_raw(data(text), 0, hash_name("script")) == stop, text


@given(st.binary(max_size=50), st.integers(0, 50), st.integers(0, 255))
def test_find_is_that_of_bytes(text: bytes, at: int, char: int) -> None:
    at = min(at, len(text))
    found = text.find(char, at)
    assert find(data(text), at, char) == (len(text) if found < 0 else found)


@given(st.binary(max_size=80))
def test_no_bytes_lead_outside_of_the_page(text: bytes) -> None:
    html = data(text)
    for at in range(len(text)):
        _, start, stop, behind = next_attribute(html, at)
        assert at <= start <= stop <= len(text)
        assert at < behind <= len(text) or at == behind == len(text)
        assert at <= after_declaration(html, at) <= len(text)
        assert at <= tag_name(html, at)[1] <= len(text)
        assert at <= end_of_raw(html, at, 1) <= len(text)
    assert len(html) == len(text)
