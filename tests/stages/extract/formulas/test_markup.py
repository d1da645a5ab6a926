"""Formulas of every kind that pages carry become LaTeX; nothing else of a page changes."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from stages.extract import engines
from stages.extract.formulas.markup import MAX_ELEMENT, MAX_IN_VAIN, with_formulas

TEX = r"<annotation encoding='application/x-tex'>%s</annotation>"
MATH = "<math><semantics><mrow><mi>x</mi></mrow>" + TEX + "</semantics></math>"
INLINE, DISPLAY = "<span>$%s$</span>", "<br><span>$$%s$$</span><br>"
KATEX = (
    '<span class="katex"><span class="katex-mathml">' + MATH + "</span>"
    '<span class="katex-html" aria-hidden="true"><span class="base"><span>x</span></span></span></span>'
)
ASSISTIVE = "<math xmlns='http://www.w3.org/1998/Math/MathML'><msup><mi>x</mi><mn>2</mn></msup></math>"
WIKIPEDIA = (
    '<span class="mwe-math-element"><span class="mwe-math-mathml-inline" style="display: none;">'
    '<math alttext="{\\displaystyle x}">' + TEX % r"{\displaystyle a&lt;b}" + "</math></span>"
    '<img src="x.svg" class="mwe-math-fallback-image-inline" alt="{\\displaystyle a&lt;b}"/></span>'
)


@pytest.mark.parametrize(
    ("markup", "latex"),
    [
        (MATH % "x^2", "x^2"),
        (MATH.replace("'", '"') % r"a &lt; b", "a &lt; b"),
        (MATH.replace("'application/x-tex'", '"TeX"') % "y", "y"),
        (MATH.replace("<", "<m:").replace("<m:/", "</m:") % "x_1", "x_1"),
        (MATH % "<![CDATA[a<b]]>", "a&lt;b"),
        (MATH % "a % remark\n+ b", "a + b"),
        ("<math><mfrac><mi>a</mi><mn>2</mn></mfrac></math>", r"\frac{a}{2}"),
        (r'<math alttext="\alpha"><mi>no</mi></math>', r"\alpha"),
        ('<math alttext="alpha"><mi>y</mi></math>', "y"),
        (KATEX % "e=mc^2", "e=mc^2"),
        (WIKIPEDIA, "a&lt;b"),
        (re.sub("<span class=.mwe-math-mathml.*?</span>", "", WIKIPEDIA), "a&lt;b"),
        ('<script type="math/tex">x^2</script>', "x^2"),
        ("<script id=y type=math/tex>x &lt</script>", "x &amp;lt"),
        (f'<script type="math/mml">{ASSISTIVE}</script>', "x^{2}"),
        (f'<mjx-container jax="SVG"><svg><g/></svg><mjx-assistive-mml>{ASSISTIVE}</mjx-assistive-mml>'
         "</mjx-container>", "x^{2}"),
        (f'<span class="MathJax" id="a"><nobr>x2</nobr><span class="MJX_Assistive">{ASSISTIVE}</span></span>',
         "x^{2}"),
        ('<span class="MathJax_SVG" data-mathml="&lt;math&gt;&lt;mi&gt;z&lt;/mi&gt;">-</span>', "z"),
        (r'<span class="math-x" data-tex="\frac{1}{2}">1/2</span>', r"\frac{1}{2}"),
        (r'<div data-math="x^2">x2</div>', "x^2"),
        ('<span class="ql-formula" data-value="e=mc^2">e</span>', "e=mc^2"),
        ('<span class="katex-eq">a &lt; <b>b</b></span>', "a &lt; b"),
        ("<formula>a</formula>", "a"),
        (r'<img class="latex" src="a.png" alt="\frac{1}{2}">', r"\frac{1}{2}"),
        ('<img class="math" src="x.png" alt="x^2" />', "x^2"),
        (r"<img src=a.png alt='\sqrt{2} &gt; 1'>", r"\sqrt{2} &gt; 1"),
        ('<img src="//latex.codecogs.com/gif.latex?x&amp;space;=&amp;space;%5Calpha" alt="">', r"x = \alpha"),
        ('<img src="//s0.wp.com/latex.php?bg=f&latex=a%2Bb&fg=0">', "a+b"),
    ],
)  # fmt: skip
def test_inline(markup: str, latex: str) -> None:
    assert with_formulas(f"<p>Let {markup} be.</p>") == f"<p>Let {INLINE % latex} be.</p>"


@pytest.mark.parametrize(
    ("markup", "latex"),
    [
        (MATH.replace("<math", '<math display="block"') % "x^2", "x^2"),
        (f'<span class="katex-display">{KATEX}</span>' % "x", "x"),
        ('<script type="math/tex; mode=display">\\int x</script>', r"\int x"),
        (f'<mjx-container class="MathJax" display="true">{ASSISTIVE}</mjx-container>', "x^{2}"),
        ("<mjx-container display=true><formula>$$ 1+1 $$</formula></mjx-container>", "1+1"),
        (f"<div class='MathJax_Display'><span class='MathJax'>{ASSISTIVE}</span></div>", "x^{2}"),
        ('<img class="tex" alt="\\[ x \\]">', "x"),
    ],
)
def test_display(markup: str, latex: str) -> None:
    assert with_formulas(f"<div>{markup}</div>") == f"<div>{DISPLAY % latex}</div>"


RENDERED = '<span class="MathJax_Preview">%s</span><span class="MathJax"><nobr>x</nobr></span>'


def test_what_is_rendered_beside_its_source_goes() -> None:
    page = f"<p>a {RENDERED % 'x'}<script type='math/tex'>x^2</script> b</p>"
    assert with_formulas(page).split() == ["<p>a", "<span>$x^2$</span>", "b</p>"]
    alone = f"<p>a {RENDERED % '[math]'} b</p>"
    assert "[math]" not in with_formulas(alone)
    assert '<span class="MathJax"><nobr>x</nobr></span> b' in with_formulas(alone)  # there is nothing else


def test_nothing_to_read_is_left_as_it_is() -> None:
    pages = [
        "",
        "no markup",
        "<p>math and latex and \\alpha and <img alt='a photo'></p>",
        r"<p>\(x\) and \[y\] and $z$ and $$w$$, `a^2`, costs $5</p>",
        '<p class="math"><span class="math notranslate nohighlight">\\(x\\)</span></p>',
        '<span class="katex"><span class="katex-html">x</span></span>',
        '<img class="math" alt="Equation 3"><img class="equation" alt="see text">',
        r'<img src="C:\pictures\new.png" alt="C:\pictures\new">',
        '<div data-math="inline">words</div>',
        "<script>var x = '<math>';</script><style>.katex {} <math></style>",
        "<textarea><math>x</math></textarea>",
        "<!-- <math><mi>x</mi></math> -->",
        "<!-- never closed <math><mi>x</mi></math>",
        "<script>never closed <math><mi>x</mi></math>",
        "<mjx-container><svg><path/></svg></mjx-container>",
        "<mathematics>x</mathematics>",
        "<math><mi>x</mi> never closed",
        '<math "><mi>x</mi></math>',
        "<math>" + "<mi>x</mi>" * MAX_ELEMENT + "</math>",
    ]
    for page in pages:
        assert with_formulas(page) is page or with_formulas(page) == page
    assert len(pages) > 10


def test_empty_formulas_are_a_space() -> None:
    page = "a<math><mspace width='1em'/></math>b<script type='math/tex'></script>c<math>\n</math>"
    assert with_formulas(page) == "a b c "


def test_ascii_math_stays_between_backticks() -> None:
    assert with_formulas('<script type="math/asciimath">a < b</script>') == "<span>`a &lt; b`</span>"


def test_the_rest_is_kept_byte_for_byte() -> None:
    odd = "<P  CLASS=x>\r\n\t&nbsp;&bogus; <b>é\U0001d54f</i>\x00<img src=a alt=''>"
    formula = MATH % "x"
    assert with_formulas(f"{odd}{formula}{odd}{formula}{odd}") == odd + (INLINE % "x" + odd) * 2


def test_twice_is_once() -> None:
    page = f"<p>{MATH % 'x'} {KATEX % 'y'} {WIKIPEDIA}</p>"
    assert with_formulas(with_formulas(page)) == with_formulas(page)


def test_every_engine_keeps_it() -> None:
    words = "<p>Long enough a paragraph to be taken for the main content of this page.</p>" * 4
    page = f"<html><body><article><h1>On x</h1>{words}<p>Here is {KATEX % 'x^2 < 3'} and then</p>{words}"
    html = with_formulas(page + "</article></body></html>")
    assert "Here is $x^2 < 3$ and then" in (engines.fast_content(html) or "")
    assert "Here is $x^2 < 3$ and then" in (engines.careful_content(html) or "")


@pytest.mark.parametrize(
    "page",
    [
        "<math" * 200_000,
        "<math >" * 200_000,
        "<math >" * 100_000 + "x" + "</math>" * 100_000,
        "<math >" + "<mrow>" * 15_000 + "x" + "</mrow>" * 15_000 + "</math>",
        '<span class="katex">' * 100_000,
        '<span class="katex">' * 50_000 + "</span>" * 50_000,
        '<img class="latex" alt="' + "<img \"'" * 200_000,
        '<script type="math/tex">' * 100_000,
        "<math >" + "<!--" * 300_000,
        " katex-" + "<span " + " class=" * 200_000,
        '<span class="MathJax_Preview"></span>' * 50_000,
        "<math >" + '<annotation encoding="' * 50_000 + "</math>",
        "<math >" + "<mi>" * 40_000 + "</math>",
        "<math >" + "<!--" * 40_000 + "</math>",
        "<formula>" + "<!--" * 40_000 + "</formula>",
    ],
)
def test_hostile_pages(page: str) -> None:
    assert len(with_formulas(page)) <= 3 * len(page)


def test_it_gives_up_on_what_only_looks_like_formulas() -> None:
    fake, real = '<span class="katex">x</span>', MATH % "x"
    assert "$x$" in with_formulas(fake * (MAX_IN_VAIN - 1) + real)
    assert "$x$" not in with_formulas(fake * MAX_IN_VAIN + real)


PIECES = [MATH % "x", KATEX % "y", WIKIPEDIA, '<span class="katex', "<math>", "</math>", "</span>", "<!--",
          "-->", '"', "'", ">", "text", "<script type=math/tex>", "</script>", r'<img alt="\x', "\x00",
          "\ud800", '<img class="latex" alt="a">', "<mjx-container>", "</mjx-container>"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_any_markup(page: str) -> None:
    assert isinstance(with_formulas(page), str)


def pages(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    with (folder / "extraction" / f"{name}.jsonl.zst").open("rb") as file:
        packed = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(file)
        yield from map(json.loads, io.TextIOWrapper(packed, encoding="utf-8"))


@pytest.mark.data
def test_formulas_of_real_pages(shared_data: Path) -> None:
    squeeze = re.compile(r"[\s{}]|\\left|\\right|\\mathrm").sub
    n_found = n_wanted = 0
    for page in pages(shared_data, "defuddle_fixtures"):
        if page["id"].startswith("defuddle-math--") and "raw-latex" not in page["id"]:
            have = squeeze("", re.sub("<[^>]*>", "", with_formulas(page["html"])).replace("&amp;", "&"))
            wanted = re.findall(r"\$\$?([^$]+)\$\$?", page["expected_markdown"])
            n_wanted += len(wanted)
            n_found += sum(f"${squeeze('', formula)}$" in have for formula in wanted)
    assert n_wanted > 50
    assert n_found / n_wanted > 0.95


@pytest.mark.data
def test_most_pages_have_none(shared_data: Path) -> None:
    n = n_changed = 0
    for page in pages(shared_data, "article_extraction_benchmark"):
        n += 1
        n_changed += with_formulas(page["html"]) is not page["html"]
    assert n > 50
    assert n_changed == 0
