"""What counts as a span of a reference, and what counts as kept."""

from __future__ import annotations

import pytest

from benchmarks.spans import Span, haystacks, judge, kept_lines, possible, spans, squeeze

CODE = ["def f(x):", "    if x:", "        return 1", "    return 2"]


def kept(reference: str, text: str) -> list[tuple[str, str, bool]]:
    return list(judge(*spans(reference), text))


def share(reference: str, text: str) -> float:
    verdicts = kept(reference, text)
    return sum(ok for _, _, ok in verdicts) / len(verdicts)


def test_spans_of_a_reference() -> None:
    found, blocks = spans(
        "# Head\n\nUse `a b` for $x^2$ or \\(no\\).\n\n```python\nx = 1\n\n\ty\n```\n\n$$\n\\int x\n$$\n\n"
        "| a | b |\n|---|---|\n| [1](u) | |\n\n<table><tr><th>p</th><td>q &amp; r</td></tr></table>\n"
    )
    assert blocks == [["x = 1", "    y"]]
    assert found == [
        Span("inline code", "a b"),
        Span("formula", "x^2"),
        Span("formula", r"\int x"),
        Span("table row", "a | b", ("a", "b")),
        Span("table row", "1 | ", ("1",)),
        Span("table row", "p | q&r", ("p", "q&r")),
    ]


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        (CODE, [True] * 4),
        (["  " + line for line in CODE], [True] * 4),
        (["before", *CODE, "after"], [True] * 4),
        ([line.strip() for line in CODE], [False, True, False, True]),
        ([" ".join(CODE)], [False] * 4),
        ([CODE[0], "copy", *CODE[1:]], [True] * 4),
        ([CODE[0], CODE[2]], [True, False, True, False]),
        ([f"{i} {line}" for i, line in enumerate(CODE)], [False] * 4),
        ([], [False] * 4),
    ],
)
def test_lines_of_code(output: list[str], lines: list[bool]) -> None:
    assert kept_lines(CODE, output) == lines


def test_code_is_found_among_other_lines() -> None:
    reference = "```\n" + "\n".join(CODE) + "\n```\n"
    assert share(reference, "words\n\n" + "\n\n".join(CODE).replace("    ", "\t") + "\nwords") == 1
    assert share(reference, "words " + " ".join(CODE)) == 0


@pytest.mark.parametrize(
    ("text", "ok"),
    [
        (r"so \frac{a}{b} it is", True),
        (r"so $\displaystyle\frac ab$ it is", True),
        (r"so \left( \frac{a}{b}\right) it is", True),
        (r"so c\frac{a}{b} it is", True),
        (r"so \frac{a}bc it is", False),
        (r"so \dfrac{a}{b} it is", False),
        ("a/b", False),
    ],
)
def test_formulas(text: str, ok: bool) -> None:
    assert share(r"Here $\frac{a}{b}$ is.", text) == ok


def test_short_formulas_need_delimiters() -> None:
    texts = ("Let a be.", "Let $a$ be.", r"Let \( a \) be.", "Let `a` be.")
    assert [share("Let $a$ be.", text) for text in texts] == [0, 1, 1, 1]


def test_a_span_must_occur_as_often_as_in_the_reference() -> None:
    assert share("`x1` and `x1`", "x1") == 0.5
    assert share("`x1` and `x1`", "x1 x1") == 1
    assert share("$a+b$ and $a+b$", "$a+b$") == 0.5


def test_inline_code_is_not_part_of_a_word() -> None:
    assert share("the `int` type", "an integer") == 0
    assert share("the `int` type", "an int.") == 1
    assert share("the `a b` type", "是a  b类") == 1


@pytest.mark.parametrize(
    ("text", "ok"),
    [("a 1\tb", True), ("| a 1 | b |", True), ("a 1\nb", False), ("b a 1", False), ("x a 1 y b z", True)],
)
def test_table_rows(text: str, ok: bool) -> None:
    verdicts = kept("| a 1 | b |\n|---|---|\n", text)
    assert [v[2] for v in verdicts] == [ok]


def test_what_the_page_does_not_have_is_impossible() -> None:
    html = r'<pre>x = <b>1</b>;</pre><p>words</p><td>c&amp;d</td><img alt="\alpha"><script>y = 2</script>'
    hays = haystacks(html)
    wanted = [
        ("code line", "  x = 1;", True),
        ("code line", "y = 2", False),
        ("inline code", "x = 1", True),
        ("inline code", "words", False),
        ("formula", r"\alpha", True),
        ("formula", r"\beta", False),
        ("table row", "c&d | words", True),
        ("table row", "c&d | other", False),
    ]
    assert [possible(kind, text, html, hays) for kind, text, _ in wanted] == [ok for *_, ok in wanted]
    assert possible("formula", r"\beta", html + "<math>", hays)


def test_squeeze_knows_where_things_stood() -> None:
    text = r"a \, {b}\{ \\ c"
    squeezed = squeeze(text)
    assert squeezed.text == r"ab\{\\c"
    assert [text[i] for i in squeezed.at] == list(squeezed.text)
