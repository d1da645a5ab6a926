"""Presentation MathML to LaTeX, construct by construct and against the TeX that pages carry beside it."""

from __future__ import annotations

import io
import json
import re
from html import unescape
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from stages.extract.formulas.mathml import MAX_DEPTH, to_latex

X, Y, N = "<mi>x</mi>", "<mi>y</mi>", "<mn>2</mn>"
TABLE = f"<mtable><mtr><mtd>{X}</mtd><mtd>{Y}</mtd></mtr><mtr><mtd>{N}</mtd><mtd></mtd></mtr></mtable>"


def mo(char: str) -> str:
    return f"<mo>{char}</mo>"


@pytest.mark.parametrize(
    ("inner", "latex"),
    [
        (X, "x"),
        (f"{X}{mo('=')}{N}", "x = 2"),
        (f"{mo('−')}{X}", "-x"),
        (f"{mo('(')}{mo('-')}{X}{mo(')')}", "(-x)"),
        (f"{X}{mo('+')}{mo('-')}{Y}", "x + -y"),
        (f"{N}{mo('&InvisibleTimes;')}{X}", "2x"),
        (f"{mo('&#x2062;')}", ""),
        (f"{X}{mo('&lt;')}{Y}", "x < y"),
        (f"{X}{mo('≤')}{Y}", r"x \leq y"),
        ("<mi>α</mi><mi>x</mi>", r"\alpha x"),
        ("<mi>α</mi><mn>2</mn>", r"\alpha2"),
        ("<mi>sin</mi><mi>x</mi>", r"\sin x"),
        ("<mi>rate</mi>", r"\mathrm{rate}"),
        ("<mi mathvariant='bold'>v</mi>", r"\mathbf{v}"),
        ("<mi mathvariant='normal'>d</mi><mi>x</mi>", r"\mathrm{d}x"),
        ("<mi mathvariant='normal'>Ω</mi>", r"\Omega"),
        ("<mi>ℝ</mi><mi>𝐱</mi><mi>𝑥</mi>", r"\mathbb{R}\mathbf{x}x"),
        (f"<msup>{X}{N}</msup>", "x^{2}"),
        (f"<msub>{X}{N}</msub>", "x_{2}"),
        (f"<msubsup>{X}<mi>i</mi>{N}</msubsup>", "x_{i}^{2}"),
        (f"<msup><mrow>{X}{Y}</mrow>{N}</msup>", "{xy}^{2}"),
        (f"<msup><mrow></mrow>{N}</msup>", "{}^{2}"),
        (f"<msup>{X}{mo('′')}</msup>", "x'"),
        (f"<msup>{X}</msup>", "x"),
        (f"<mfrac>{X}<mrow>{Y}{mo('+')}{N}</mrow></mfrac>", r"\frac{x}{y + 2}"),
        (f"<mfrac linethickness='0'>{X}{N}</mfrac>", r"{x \atop 2}"),
        (f"<mfrac linethickness='0.5px'>{X}{N}</mfrac>", r"\frac{x}{2}"),
        (f"<msqrt>{X}{mo('+')}{Y}</msqrt>", r"\sqrt{x + y}"),
        (f"<mroot>{X}<mn>3</mn></mroot>", r"\sqrt[3]{x}"),
        (f"<munderover>{mo('∑')}<mrow><mi>i</mi>{mo('=')}<mn>1</mn></mrow><mi>n</mi></munderover>{X}",
         r"\sum_{i = 1}^{n}x"),
        (f"<munder><mi>lim</mi>{X}</munder>", r"\lim_{x}"),
        (f"<munder><mi>max</mi><mrow>{X}{mo('∈')}<mi>S</mi></mrow></munder>", r"\max_{x \in S}"),
        (f"<mover>{X}{mo('^')}</mover>", r"\hat{x}"),
        (f"<mover accent='true'>{X}{mo('¯')}</mover>", r"\bar{x}"),
        (f"<mover><mrow>{X}{Y}</mrow>{mo('→')}</mover>", r"\overrightarrow{xy}"),
        (f"<mover>{mo('=')}<mtext>def</mtext></mover>", r"\overset{\text{def}}{=}"),
        (f"<munder>{X}{mo('_')}</munder>", r"\underline{x}"),
        (f"<munderover>{X}{Y}{N}</munderover>", r"\overset{2}{\underset{y}{x}}"),
        (f"<mfenced>{X}{Y}</mfenced>", r"\left(x,y\right)"),
        (f"<mfenced open='[' close=']' separators=';'>{X}{Y}{N}</mfenced>", r"\left[x;y;2\right]"),
        (f"<mfenced open='{{' close=''>{X}</mfenced>", r"\left\{x\right."),
        (f"<mfenced open='⟨' close='|'>{X}</mfenced>", r"\left\langle x\right|"),
        (TABLE, r"\begin{matrix} x & y \\ 2 & \end{matrix}"),
        (f"{mo('(')}{TABLE}{mo(')')}", r"\begin{pmatrix} x & y \\ 2 & \end{pmatrix}"),
        (f"{mo('{')}<mrow>{TABLE}</mrow>", r"\begin{cases} x & y \\ 2 & \end{cases}"),
        (f"<mfenced open='|' close='|'>{TABLE}</mfenced>", r"\begin{vmatrix} x & y \\ 2 & \end{vmatrix}"),
        (f"<mtable columnalign='right left'><mtr><mtd>{X}</mtd><mtd>{mo('=')}{Y}</mtd></mtr></mtable>",
         r"\begin{aligned} x & =y \end{aligned}"),
        (f"<mtable><mlabeledtr><mtd>(1)</mtd><mtd>{X}</mtd></mlabeledtr></mtable>",
         r"\begin{matrix} x \end{matrix}"),
        (f"<mmultiscripts>{X}<mi>a</mi><mi>b</mi><mprescripts/><mi>c</mi><none/></mmultiscripts>",
         "{}_{c}x_{a}^{b}"),
        (f"{X}<mtext>&nbsp;if 5% &gt; </mtext>{Y}", r"x\text{ if 5\% >}y"),
        (f"{X}<mspace width='2em'/>{Y}<mspace linebreak='newline'/>{N}", r"x\quad y \\ 2"),
        (f"<menclose notation='box'>{X}</menclose>", r"\boxed{x}"),
        (f"<mstyle displaystyle='true'><mpadded>{X}<mphantom>{Y}</mphantom></mpadded></mstyle>", "x"),
        (f"<semantics>{X}<annotation encoding='text'>words</annotation></semantics>", "x"),
        (f"<maction>{X}{Y}</maction>", "x"),
        ("<mo>{</mo><mi>x</mi><mo>}</mo>", r"\{x\}"),
        ("<mo>mod</mo>", r"\operatorname{mod}"),
        ("<mo>max</mo>", r"\max"),
        ("x <!-- not this --> y", r"\text{x y}"),
        (f"<unknown>{X}</unknown>", "x"),
        ("", ""),
    ],
)  # fmt: skip
def test_construct(inner: str, latex: str) -> None:
    assert to_latex(f"<math>{inner}</math>") == latex
    prefixed = re.sub(r"<(/?)(?=[a-z])", r"<\1mml:", f"<math>{inner}</math>")
    assert to_latex(prefixed) == latex


def test_missing_and_surplus_tags() -> None:
    assert to_latex("<math><mfrac><mi>a</mi>") == r"\frac{a}{}"
    assert to_latex("<math></mrow></mfrac><mi>a</mi></math></math>") == "a"
    assert to_latex("<math><msup><mi>a</mi><mi>b</mi><mi>c</mi></msup></math>") == "a^{b}"
    assert to_latex("<math><mi>a<mi>b</math>") == "a"


def test_depth_is_bounded() -> None:
    deep = to_latex("<math>" + "<msqrt>" * 5000 + "<mi>x</mi>" + "</msqrt>" * 5000 + "</math>")
    assert 0 < deep.count(r"\sqrt") <= 5000
    wide = to_latex("<math>" + "<msqrt>" * (MAX_DEPTH - 10) + "<mi>x</mi></math>")
    assert wide.count(r"\sqrt") == MAX_DEPTH - 10
    assert "{x}" in wide


NAMES = (
    "math mrow mi mn mo msup msub mfrac msqrt mover munderover mtable mtr mtd mfenced mmultiscripts mspace"
)
soup = st.lists(
    st.sampled_from(NAMES.split()).flatmap(lambda name: st.sampled_from([f"<{name}>", f"</{name}>"]))
    | st.sampled_from(["x", "(", "&lt;", "∑", "<", "{", "<mprescripts/>", "<mfenced open=''>", "\u2062"]),
    max_size=60,
).map("".join)


@given(soup)
def test_any_markup(markup: str) -> None:
    latex = to_latex(markup)
    assert "\n" not in latex
    plain = re.sub(r"\\[{}]", "", latex)
    assert plain.count("{") == plain.count("}")


@pytest.mark.data
def test_against_the_tex_beside_it(shared_data: Path) -> None:
    """KaTeX and Wikipedia write both; spaces, braces and synonyms aside, most of it must agree."""
    squeeze = re.compile(r"[\s{}]|\\[,;!]|\\(?:left|right|displaystyle|mathrm|text|operatorname|limits)").sub
    same = {r"\le": r"\leq", r"\ge": r"\geq", r"\ne": r"\neq", r"\to": r"\rightarrow", r"\dots": r"\ldots"}
    n = n_equal = 0
    with (shared_data / "extraction" / "defuddle_fixtures.jsonl.zst").open("rb") as file:
        packed = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(file)
        html = "".join(json.loads(line)["html"] for line in io.TextIOWrapper(packed, encoding="utf-8"))
    for math in re.findall(r"<math\b.*?</math>", html, re.DOTALL):
        if tex := re.search(r'<annotation encoding="application/x-tex">(.*?)</annotation>', math, re.DOTALL):
            want = re.sub(r"\\[a-z]+", lambda m: same.get(m[0], m[0]), unescape(tex[1]))
            n += "begin" not in want
            n_equal += squeeze("", to_latex(math)) == squeeze("", want) and "begin" not in want
    assert n > 15
    assert n_equal / n > 0.8
