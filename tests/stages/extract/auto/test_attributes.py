"""What start tags say, read from real markup."""

from __future__ import annotations

import numpy as np
import pytest

from stages.extract.auto.attributes import behind
from stages.extract.auto.tree import parse


def element(tag: str) -> np.void:
    found: np.void = parse(f"<{tag}>".encode()).elements[1]
    return found


@pytest.mark.parametrize(
    ("tag", "hidden"),
    [
        ("p hidden", True),
        ("p HIDDEN=''", True),
        ("p aria-hidden=true", True),
        ("p aria-hidden=false", False),
        ("p aria-hidden", False),
        ("p style=display:none", True),
        ("p style='color: red; DISPLAY :\tNone !important'", True),
        ("p style='visibility:hidden'", True),
        ("p style='display:inline'", False),
        ("p style='visibility: visible'", False),
        ("p style=''", False),
        ("p style='y:'", False),
        ("p class=hidden", False),
    ],
)
def test_whether_an_element_is_shown(tag: str, hidden: bool) -> None:
    assert bool(element(tag)["hidden"]) == hidden


def test_links_have_an_address() -> None:
    assert element("a href=x")["is_link"]
    assert element("a href")["is_link"]
    assert not element("a name=x")["is_link"]


@pytest.mark.parametrize(
    ("markup", "kinds"),
    [
        ('<meta property="og:type" content="article">', [1, 0, 0]),
        ("<meta content=Product property=og:type />", [2, 0, 0]),
        ("<meta property=og:typo content=article>", [1, 0, 0]),
        ('<meta name="og:type" content="article">', [0, 0, 0]),
        ('<script>{"@type":"NewsArticle"}</script>', [0, 1, 0]),
        ('<script>{"@type" : [ "FAQPage" , "x"]}</script>', [0, 64, 0]),
        ('<script>{"@type":"', [0, 0, 0]),
        ('<script>"@type"', [0, 0, 0]),
        ('<div itemtype="http://schema.org/Product">', [0, 0, 2]),
        ('<div itemtype="Product">', [0, 0, 2]),
        ('<div itemtype="">', [0, 0, 0]),
    ],
)
def test_what_the_page_calls_itself(markup: str, kinds: list[int]) -> None:
    assert parse(markup.encode()).kinds.tolist() == kinds


def test_behind_the_tag() -> None:
    html = np.frombuffer(b'<p a=">" b>c', np.uint8)
    assert behind(html, 2) == 11
    assert behind(html, 12) == 12
