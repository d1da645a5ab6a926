"""How blocks are laid out as text."""

from __future__ import annotations

import pytest

from stages.extract.commonmark import parser
from stages.extract.plain import render


def plain(text: str) -> str:
    return render(parser().parse(text))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", ""),
        ("\n\n\n", ""),
        ("a", "a"),
        ("a\nb", "a\nb"),
        ("a\n\n\n\nb", "a\n\nb"),
        ("  a\n   b", "a\nb"),
        ("# a\nb", "a\nb"),
        ("# a\n\nb", "a\n\nb"),
        ("a\n===\nb", "a\nb"),
        ("a\n---\n\nb", "a\n\nb"),
        ("#\n\na", "a"),
        ("a\n\n---\n\nb", "a\n\nb"),
        ("a\n```\nb\n```\nc", "a\nb\nc"),
        ("a\n\n```\n\n  b\n\n```\n\nc", "a\n\n\n  b\n\n\nc"),
        ("a\n\n    b\n\n      c\n\nd", "a\n\n    b\n\n      c\n\nd"),
        ("```\n```\na", "a"),
        ("- a\n- b", "a\nb"),
        ("- a\n\n- b", "a\n\nb"),
        ("- a\n\n  b\n- c", "a\n\nb\nc"),
        ("3. a\n4. b", "3. a\n4. b"),
        ("1) a", "1) a"),
        ("1. - a\n   - b", "1. a\nb"),
        ("1.\n2. b", "2. b"),
        ("- ```\n  a\n    b\n  ```", "a\n  b"),
        ("> a\n>\n> - b", "a\n\nb"),
        ("a | b\n--|--\nc | d\n | e", "a\tb\nc\td\ne\t"),
        ("a\n\n| b |\n|--|\n\nc", "a\n\nb\n\nc"),
        ("[a]: http://b\n\nc", "c"),
        ("a\n<!-- b -->\n\nc", "a\n\nc"),
        ("![a *b*](c)", "a b"),
        ("![](a)\n![](b)\nc", "c"),
        ("a  \nb\\\nc", "a\nb\nc"),
        ("`` a`b ``", "a`b"),
        ("&lt;a&gt; \\*", "<a> *"),
    ],
)
def test_layout(source: str, expected: str) -> None:
    assert plain(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a <b>c</b> d", "a c d"),
        ("a <B CLASS='x'>c</B >", "a c"),
        ("a <!-- b --> c", "a  c"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("use <T> or <my-name>", "use <T> or <my-name>"),
        ("<div>\n  <p>a</p>\n</div>", "a"),
        ("<p>a</p><p>b</p>", "a\n\nb".replace("\n\n", "\n")),
        ("<table><tr><th>a</th><th>b</th></tr><tr><td>c</td><td>d</td></tr></table>", "a\tb\nc\td"),
        ("<ul>\n<li>a</li>\n<li>b &amp; c</li>\n</ul>", "a\nb & c"),
        ("<pre>\n a\n   b\n</pre>", " a\n   b"),
        ("<script>\nvar a = '<b>';\n</script>\n\nc", "c"),
        ("<style>a {}</style>\n\nc", "c"),
        ("<!-- a\n\nb", ""),
        ("<?php a ?>\n\nb", "b"),
        ("<!DOCTYPE html>\n\nb", "b"),
        ("<div>1 < 2 and 3 > 2</div>", "1 < 2 and 3 > 2"),
        ("<details>\n<summary>a</summary>\n\n**b**\n\n</details>", "a\n\nb"),
    ],
)
def test_html(source: str, expected: str) -> None:
    assert plain(source) == expected


def test_formulas_and_code_are_verbatim() -> None:
    source = "a $\\alpha_{1}\\,$ `\\b` \\(c\\\\d\\)\n\n\\[\n  e\\;f\n\\]\n\n```\n\\g  \n\t$h$\n```"
    assert plain(source) == "a $\\alpha_{1}\\,$ \\b \\(c\\\\d\\)\n\n\\[\n  e\\;f\n\\]\n\n\\g  \n\t$h$"


def test_entities_in_html() -> None:
    assert plain("<div>&lt;b&gt; &#65;&#x42; &nosuch; &copy</div>") == "<b> AB &nosuch; &copy"
    assert plain(f"<div>&#{'1' * 5000};</div>") == f"&#{'1' * 5000};"


@pytest.mark.parametrize("unit", ["<a ", "<a '", "<script", "<!", "<?", "</", "<td><", "&"])
def test_hostile_html_is_read_once(unit: str) -> None:
    assert len(plain("<div>\n" + unit * 50_000)) < 400_000
