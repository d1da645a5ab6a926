"""LaTeX from attributes and scripts: what is stripped, what is escaped, and which images are formulas."""

from __future__ import annotations

import pytest

from stages.extract.formulas.latex import of_image, written


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        ("x", "<span>$x$</span>"),
        (" x\n + y ", "<span>$x + y$</span>"),
        ("a < b & c", "<span>$a &lt; b &amp; c$</span>"),
        ("$x$", "<span>$x$</span>"),
        (r"\(x\)", "<span>$x$</span>"),
        (r"\[x\]", "<br><span>$$x$$</span><br>"),
        ("$$x$$", "<br><span>$$x$$</span><br>"),
        ("$a$ and $b$", "<span>$a$ and $b$</span>"),
        (r"{\displaystyle {\frac {a}{b}}}", r"<span>${\frac {a}{b}}$</span>"),
        (r"{a}_{b}", "<span>${a}_{b}$</span>"),
        (r"\{a\}", r"<span>$\{a\}$</span>"),
        (r"\displaystyle x", "<span>$x$</span>"),
        (r"\displaystylex", r"<span>$\displaystylex$</span>"),
        ("50\\% % remark\n+ 1", r"<span>$50\% + 1$</span>"),
        ("x \\\\", "<span>$x$</span>"),
        ("", " "),
        (r"\, \quad~", " "),
        ("$", " "),
        ("$$", " "),
        ("{}", " "),
    ],
)
def test_written(latex: str, text: str) -> None:
    assert written(latex) == text


def test_display() -> None:
    assert written("x", display=True) == written("$$x$$") == "<br><span>$$x$$</span><br>"
    assert written("", display=True) == " "


@pytest.mark.parametrize(
    ("attributes", "latex"),
    [
        ({"alt": r"\alpha"}, r"\alpha"),
        ({"title": r"\alpha"}, r"\alpha"),
        ({"alt": "a photo"}, None),
        ({"alt": "x^2"}, None),
        ({"alt": r"C:\temp\file"}, None),
        ({"alt": r"\\server\share"}, None),
        ({"class": "latex", "alt": "AB"}, "AB"),
        ({"class": "wide tex", "alt": "AB"}, "AB"),
        ({"class": "latex"}, None),
        ({"class": "texture", "alt": "wood"}, None),
        ({"class": "math", "alt": "x^2"}, "x^2"),
        ({"class": "math", "alt": "x"}, "x"),
        ({"class": "math", "alt": "see equation"}, None),
        ({"class": "math", "alt": "(a, b)", "src": "_images/math/" + "0a" * 20 + ".png"}, "(a, b)"),
        ({"class": "mwe-math-fallback-image-inline", "alt": "n"}, "n"),
        ({"class": "eeimg", "data-tex": "a"}, "a"),
        ({"src": "https://s0.wp.com/latex.php?latex=%5Cpi+r%5E2&bg=fff"}, r"\pi r^2"),
        ({"src": "https://s0.wp.com/latex.php?latex=x", "alt": "y"}, "y"),
        ({"src": "//latex.codecogs.com/png.image?\\dpi{110}\\inline&space;a+b"}, "a b"),
        ({"src": "//latex.codecogs.com/svg.latex?a%2Bb&space;=c"}, "a+b =c"),
        ({"src": "/cgi-bin/mathtex.cgi?\\frac12"}, r"\frac12"),
        ({}, None),
    ],
)
def test_images(attributes: dict[str, str], latex: str | None) -> None:
    assert of_image(attributes) == latex
