"""The dialect: CommonMark where nothing of ours applies, and what is ours where it does."""

from __future__ import annotations

from textwrap import indent

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from stages.extract.commonmark import MAX_FORMULA, parser

STOCK = MarkdownIt("commonmark", {"maxNesting": 100, "tasklists": True}).enable(["table", "strikethrough"])


def kinds(text: str, literal: bool = False) -> list[str]:
    """Types of all inline tokens that are not plain text."""
    blocks = parser(literal).parse(text)
    children = [c for token in blocks for c in token.children or []]
    return [c.type for c in children if not c.type.startswith("text") and not c.type.endswith("_close")]


def contents(text: str, kind: str) -> list[str]:
    blocks = parser().parse(text)
    tokens = [*blocks, *(c for token in blocks for c in token.children or [])]
    return [token.content for token in tokens if token.type == kind]


def flat(tokens: list[Token]) -> list[tuple[str, str, str, str]]:
    every = [t for token in tokens for t in [token, *(token.children or [])]]
    return [(t.type, t.tag, t.markup, t.content) for t in every]


PIECES = [
    "*a* ",
    "**b** ",
    "_c_ ",
    "__d__ ",
    "`e` ",
    "~~f~~ ",
    "[g](h) ",
    "![i](j) ",
    "<b>",
    "&amp; ",
    "\\* ",
]
PIECES += [
    "\n",
    "\n\n",
    "\n# ",
    "\n- ",
    "\n1. ",
    "\n> ",
    "\n```\n",
    "\n    ",
    "\na\n===\n",
    "\na | b\n--|--\nc | d\n",
]
PIECES += ["* ", " *", "** ", "[", "] ", "<!-- ", " -->", "words "]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_it_is_commonmark(text: str) -> None:
    assert flat(parser().parse(text)) == flat(STOCK.parse(text))


@pytest.mark.parametrize(
    "text",
    ["2*3*4", "a*b*c", "f(x)*g(y)*h", "x**2 + y**2", "2**3**4", "*.py and *.c", "/dev/*a /dev/*", "(*a, b*c)",
     "snake_case_name", "__init__.py", "a.__call__()", "obj.__dict__", "5*$3*$4", "* a * b *", "a * b * c",
     "http://x.y/_a_/*b*/__c__", "http://a.b/(c_d_e)"],
)  # fmt: skip
def test_no_emphasis(text: str) -> None:
    assert kinds(f"x {text} y") == []
    assert kinds(text) == [] or text.startswith("* ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*a*", ["em_open"]),
        ("(*a*)", ["em_open"]),
        ("**a**, *b*.", ["strong_open", "em_open"]),
        ("**Read**me", ["strong_open"]),
        ("[**a**](b)", ["link_open", "strong_open"]),
        ("**注意：**请", ["strong_open"]),
        ("他说**“好”**了", ["strong_open"]),
        ("这是*斜*体", ["em_open"]),
        ("__a__ _b_", ["strong_open", "em_open"]),
        ("**a *b* c**", ["strong_open", "em_open"]),
    ],
)
def test_emphasis(text: str, expected: list[str]) -> None:
    assert kinds(text) == expected


FORMULAS = ["$x_1 * y_2 * z$", "$a\\$b$", "$$a$b$$", "\\(\\{x\\}\\)", "\\[ a \\\\ b \\]", "$x$"]


@pytest.mark.parametrize("formula", [*FORMULAS, "\\begin{cases} a_b_c \\end{cases}"])
def test_formulas_are_one_token_as_written(formula: str) -> None:
    assert contents(f"Let {formula} be.", "formula") == [formula]
    assert contents(f"> - **a** {formula}, *b*", "formula") == [formula]


@pytest.mark.parametrize(
    "text", ["$5 and $10", "$ a $", "a$", "$$", "\\$a\\$", "\\( open", "\\begin{a} \\end{b}", "$a $b"]
)
def test_what_is_no_formula(text: str) -> None:
    assert contents(text, "formula") == []


@pytest.mark.parametrize(
    "block", ["$$\na\n# b\n- c\n$$", "\\[\n= a\n> b\n\\]", "\\begin{align*}\na &= b \\\\\n\\end{align*}"]
)
def test_displayed_formulas(block: str) -> None:
    assert contents(f"Text\n{block}\n\n# End", "formula_block") == [block]
    assert contents("- item\n" + indent(block, "  "), "formula_block") == [block]


@pytest.mark.parametrize(
    "text", ["$$\na\n\nb\n$$", "$$ a $$ b", "\\[ a", "    $$\n    a\n    $$", "- $$\na\n$$"]
)
def test_what_is_no_displayed_formula(text: str) -> None:
    assert contents(text, "formula_block") == []


def test_formulas_end_within_reach() -> None:
    assert contents("\\(" + "a" * (MAX_FORMULA - 2) + "\\)", "formula") != []
    assert contents("\\(" + "a" * (MAX_FORMULA + 2) + "\\)", "formula") == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("see http://a.b/c_d_e.", "http://a.b/c_d_e"),
        ("(https://a.b/(c)_*d*_)", "https://a.b/(c)_*d*_"),
        ("**https://a.b**", "https://a.b"),
        ("ftp://a.b/_c_, d", "ftp://a.b/_c_"),
    ],
)
def test_addresses_are_text(text: str, address: str) -> None:
    assert address in "".join(contents(text, "text"))


def test_prompts_are_no_quotes() -> None:
    assert parser().parse(">>> a\n")[0].type == "paragraph_open"
    assert [t.type for t in parser().parse("> > > a\n")][:3] == ["blockquote_open"] * 3


def test_literal_reading_takes_markup_of_other_kinds_for_text() -> None:
    text = "*a* <b>c</b> &amp; \\*d"
    assert kinds(text) == ["em_open", "html_inline", "html_inline"]
    assert kinds(text, literal=True) == ["em_open"]
    assert "<b>c</b> &amp; \\*d" in "".join(
        c.content for t in parser(literal=True).parse(text) for c in t.children or []
    )


def test_no_state_between_texts() -> None:
    first = flat(parser().parse("[a] and [^1]\n"))
    parser().parse("[a]: http://x\n\n[^1]: note\n")
    assert flat(parser().parse("[a] and [^1]\n")) == first
