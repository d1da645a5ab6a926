"""Start tags and their attributes, well-formed and not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.extract.tags import MAX_TAG, attributes, start_tag


@pytest.mark.parametrize(
    ("markup", "tag"),
    [
        ("<p>text", "<p>"),
        ("<img alt='a > b' src=x>y>", "<img alt='a > b' src=x>"),
        ('<a title="1 > 0"\n>', '<a title="1 > 0"\n>'),
        ("<m:math a=1>", "<m:math a=1>"),
        ("<p", None),
        ("<p 'never closed>", None),
        ("</p>", None),
        ("< p>", None),
        ("<p " + "a" * MAX_TAG + ">", None),
    ],
)
def test_start_tag(markup: str, tag: str | None) -> None:
    assert start_tag("ab" + markup, 2) == tag


def test_attributes() -> None:
    tag = """<a HREF="x&amp;y" title='it&#39;s' data-a = 1 xml:lang=en empty="" lone href="second">"""
    assert attributes(tag) == {
        "href": "x&y", "title": "it's", "data-a": "1", "xml:lang": "en", "empty": "",
    }  # fmt: skip
    assert attributes("<p>") == attributes("") == {}
    assert attributes("<p a='<b c=d>' e=f>") == {"a": "<b c=d>", "e": "f"}


@given(st.text(alphabet="<>\"'= ab&;/\n", max_size=80))
def test_any_markup(markup: str) -> None:
    tag = start_tag("<a " + markup, 0)
    assert tag is None or ("<a " + markup).startswith(tag)
    assert all(name.islower() for name in attributes(markup))
