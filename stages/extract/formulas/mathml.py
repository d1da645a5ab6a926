"""Presentation MathML to LaTeX, for formulas that do not carry their LaTeX with them."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from stages.extract.formulas.texsymbols import (
    ACCENTS,
    FUNCTIONS,
    LIMITS,
    SYMBOLS,
    UNDER,
    VARIANTS,
    WIDE,
    symbol,
    text,
)

MAX_DEPTH = 100
"""Elements nested deeper become children of this level: nothing here recurses further."""

_TOKEN = re.compile(r"<(/?)([a-zA-Z][\w:-]{0,30})([^<>]*)>|([^<]+)|<")
_ATTRIBUTE = re.compile(r"(?<![\w-])([a-z]{1,20})\s*+=\s*+(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
_VOID = frozenset(("mspace", "mprescripts", "none", "malignmark", "maligngroup", "mglyph"))
_UNSEEN = frozenset(("annotation", "annotation-xml", "mphantom"))
_CONTROL_WORD = re.compile(r"\\[a-zA-Z]+\Z")
_ATOM = re.compile(r"[^\\]|\\[a-zA-Z]+|\\.")
_SPACES = re.compile(r"\s+")
_EM = re.compile(r"(-?\d*\.?\d+)\s*(em|ex|px|pt|mu)")
_OPEN, _CLOSE = frozenset("([{⟨⌊⌈"), frozenset(")]}⟩⌋⌉,;")
_INFIX = frozenset("+-=<>")
_MATRIX = {("(", ")"): "pmatrix", ("[", "]"): "bmatrix", ("{", "}"): "Bmatrix", ("|", "|"): "vmatrix",
           ("‖", "‖"): "Vmatrix", ("{", ""): "cases"}  # fmt: skip
_PROSE = {"\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u200b": ""}


@dataclass
class _Node:
    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[_Node] = field(default_factory=list)
    text: str = ""


def to_latex(markup: str) -> str:
    """LaTeX of a `<math>` element; unknown elements count as `<mrow>`.

    Source: MathML Core and MathML 3, chapter 3. Linear in the length of `markup`, well-formed or not.
    """
    return " ".join(_row(_parse(markup).children).split())


def _parse(markup: str) -> _Node:
    stack = [_Node("math")]
    first, *rest = markup.split("<!--")
    for match in _TOKEN.finditer(first + "".join(part.partition("-->")[2] for part in rest)):
        end, name, attributes, words = match.groups()
        if words and words.strip(" \t\r\n"):
            stack[-1].text += html.unescape(words)
            if stack[-1].name not in _LEAVES:
                stack[-1].children.append(_Node("mtext", text=html.unescape(words)))
        if not name:
            continue
        name = name.rpartition(":")[2].lower()
        if end:
            open_at = next((i for i in range(len(stack) - 1, 0, -1) if stack[i].name == name), 0)
            del stack[open_at or len(stack) :]
            continue
        values = {m[1]: html.unescape(m[2] or m[3] or m[4] or "") for m in _ATTRIBUTE.finditer(attributes)}
        node = _Node(name, values)
        stack[-1].children.append(node)
        if name not in _VOID and not attributes.endswith("/") and len(stack) < MAX_DEPTH:
            stack.append(node)
    return stack[0]


def _latex(node: _Node) -> str:
    if node.name in _UNSEEN:
        return ""
    rule = _RULES.get(node.name)
    return rule(node) if rule else _row(node.children)


def _join(parts: Sequence[str]) -> str:
    """One after the other, with a space where a letter would lengthen the command before it."""
    joined: list[str] = []
    for part in filter(None, parts):
        if joined and part[0].isalpha() and _CONTROL_WORD.search(joined[-1]):
            joined.append(" ")
        joined.append(part)
    return "".join(joined)


def _row(nodes: Sequence[_Node]) -> str:
    nodes = list(_fenced_tables(nodes))
    parts, operand = [], False  # whether something stands before that an infix operator can join
    for node in nodes:
        part = _latex(node)
        if node.name == "mo" and part:
            char = node.text.strip()
            infix = operand and (char in _INFIX or (part[0] == "\\" and char not in _OPEN | _CLOSE))
            operand = char in _CLOSE or part in ("!", "'", r"\prime")
            parts.append(f" {part} " if infix and part not in LIMITS else part)
        else:
            operand = operand or bool(part)
            parts.append(part)
    return _join(parts)


def _fenced_tables(nodes: Sequence[_Node]) -> Iterator[_Node]:
    """The nodes, with a table between brackets made one matrix."""
    pos = 0
    while pos < len(nodes):
        fence, table, after = ([*nodes[pos : pos + 3], _Node(""), _Node("")])[:3]
        table = table.children[0] if table.name == "mrow" and len(table.children) == 1 else table
        if fence.name == "mo" and table.name == "mtable":
            closed = _MATRIX.get((fence.text.strip(), after.text.strip())) if after.name == "mo" else None
            kind = closed or _MATRIX.get((fence.text.strip(), ""))
            if kind:
                yield _Node("mtable", {"kind": kind}, table.children)
                pos += 3 if closed or (after.name == "mo" and not after.text.strip()) else 2
                continue
        yield nodes[pos]
        pos += 1


def _group(latex: str) -> str:
    """A node as an argument or a base: braces unless it is one atom."""
    latex = latex.strip()
    return latex if _ATOM.fullmatch(latex) else f"{{{latex}}}"


def _argument(node: _Node) -> str:
    return f"{{{_latex(node).strip()}}}"


def _arguments(node: _Node, n: int) -> list[_Node]:
    return [*node.children, *(_Node("mrow") for _ in range(n))][:n]


def _identifier(node: _Node) -> str:
    name = "".join(node.text.split())
    if name in FUNCTIONS:
        return "\\" + name
    command = VARIANTS.get(node.attributes.get("mathvariant", ""), "")
    if len(name) > 1 and not command and name.isascii() and name.isalpha():
        command = "mathrm"
    latex = _join([symbol(char) for char in name])
    if command == "mathrm" and not (name.isascii() and name.isalpha()):
        return latex  # upright Greek and signs have no command of their own
    return f"\\{command}{{{latex}}}" if command and latex else latex


def _operator(node: _Node) -> str:
    name = "".join(node.text.split())
    if name in FUNCTIONS:
        return "\\" + name
    if len(name) > 1 and name.isalpha() and name.isascii():
        return f"\\operatorname{{{name}}}"
    return _join([symbol(char) for char in name])


def _words(node: _Node) -> str:
    words = "".join(_PROSE.get(char, char) for char in node.text.strip(" \t\r\n"))
    if len(words) == 1 and words in SYMBOLS and not words.isascii():
        return symbol(words)
    return f"\\text{{{text(_SPACES.sub(' ', words))}}}" if words else ""


def _space(node: _Node) -> str:
    if node.attributes.get("linebreak") == "newline":
        return r" \\ "
    match = _EM.match(node.attributes.get("width", ""))
    width = float(match[1]) * {"em": 1, "ex": 0.5, "mu": 1 / 18}.get(match[2], 0.1) if match else 0.0
    return r"\quad " if width >= 0.9 else r"\;" if width >= 0.25 else r"\," if width > 0 else ""


def _scripts(node: _Node) -> str:
    base, *scripts = _arguments(node, 3 if node.name in ("msubsup", "munderover") else 2)
    if node.name in ("msub", "munder"):
        scripts.append(_Node("mrow"))
    elif node.name in ("msup", "mover"):
        scripts.insert(0, _Node("mrow"))
    return _group(_latex(base)) + _sub_sup(*(_latex(script).strip() for script in scripts))


def _sub_sup(sub: str, sup: str) -> str:
    if sup and not sup.replace(r"\prime", "").strip():
        sup, primes = "", "'" * sup.count(r"\prime")
    else:
        primes = ""
    return primes + (f"_{{{sub}}}" if sub else "") + (f"^{{{sup}}}" if sup else "")


def _stacked(node: _Node) -> str:
    """`<munder>`, `<mover>`, `<munderover>`: limits, an accent, or one thing over another."""
    base, *around = _arguments(node, 3 if node.name == "munderover" else 2)
    latex = _latex(base).strip()
    if latex in LIMITS or latex.startswith((r"\operatorname", r"\overbrace", r"\underbrace")):
        return _scripts(node)
    sides = (True, False) if len(around) == 2 else (node.name == "munder",)
    for script, is_under in zip(around, sides, strict=True):
        char = "".join(script.text.split()) if script.name in ("mo", "mi", "mtext") else ""
        accent = (UNDER if is_under else ACCENTS).get(char)
        if accent:
            accent = accent if _ATOM.fullmatch(latex) else WIDE.get(accent, accent)
            latex = f"\\{accent}{{{latex}}}"
        elif over := _latex(script).strip():
            latex = f"\\{'underset' if is_under else 'overset'}{{{over}}}{{{latex}}}"
    return latex


def _fraction(node: _Node) -> str:
    above, below = _arguments(node, 2)
    if re.match(r"0(?![.\d])|0+\.?0*\D*\Z", node.attributes.get("linethickness", "1")):
        return f"{{{_latex(above)} \\atop {_latex(below)}}}"
    return rf"\frac{_argument(above)}{_argument(below)}"


def _root(node: _Node) -> str:
    if node.name == "msqrt":
        return rf"\sqrt{{{_row(node.children)}}}"
    radicand, degree = _arguments(node, 2)
    return rf"\sqrt[{_latex(degree).strip()}]{_argument(radicand)}"


def _enclosed(node: _Node) -> str:
    notation, inner = node.attributes.get("notation", ""), _row(node.children)
    for word, command in (("box", "boxed"), ("radical", "sqrt"), ("top", "overline"), ("bottom", "underline"),
                          ("strike", "cancel")):  # fmt: skip
        if word in notation:
            return f"\\{command}{{{inner}}}"
    return inner


def _between_fences(node: _Node) -> str:
    left, right = (node.attributes.get(key, default) for key, default in (("open", "("), ("close", ")")))
    commas = "".join(node.attributes.get("separators", ",").split())
    table = node.children[0] if len(node.children) == 1 else _Node("")
    if table.name == "mtable" and (kind := _MATRIX.get((left, right))):
        return _table(_Node("mtable", {"kind": kind}, table.children))
    inner: list[str] = []
    for i, child in enumerate(node.children):
        inner += [symbol(commas[min(i, len(commas)) - 1])] if i and commas else []
        inner.append(_latex(child))
    fences = (_join([symbol(char) for char in fence]) or "." for fence in (left, right))
    before, after = (fence + " " if fence[0] == "\\" and fence[1:].isalpha() else fence for fence in fences)
    return rf"\left{before}{_join(inner)}\right{after}"


def _table(node: _Node) -> str:
    rows = []
    for row in node.children:
        cells = row.children[1:] if row.name == "mlabeledtr" else row.children
        rows.append(" & ".join(_row(cell.children).strip() for cell in cells if cell.name == "mtd"))
    sides = node.attributes.get("columnalign", "").split()
    kind = node.attributes.get("kind") or ("aligned" if sides[:2] == ["right", "left"] else "matrix")
    return rf"\begin{{{kind}}} " + r" \\ ".join(rows) + rf" \end{{{kind}}}"


def _multiscripts(node: _Node) -> str:
    base, *scripts = _arguments(node, max(1, len(node.children)))
    names = [script.name for script in scripts]
    pos = names.index("mprescripts") if "mprescripts" in names else len(scripts)
    sides = []
    for side in (scripts[pos + 1 :], scripts[:pos]):
        latex = [_latex(script).strip() for script in side]
        sides.append(_sub_sup(_join(latex[::2]), _join(latex[1::2])))
    return ("{}" + sides[0] if sides[0] else "") + _group(_latex(base)) + sides[1]


_RULES: dict[str, Callable[[_Node], str]] = {
    "mi": _identifier, "mn": _operator, "mo": _operator, "mtext": _words, "ms": _words, "mspace": _space,
    "mglyph": lambda node: _words(_Node("mtext", text=node.attributes.get("alt", ""))),
    "msub": _scripts, "msup": _scripts, "msubsup": _scripts, "mmultiscripts": _multiscripts,
    "munder": _stacked, "mover": _stacked, "munderover": _stacked, "mfrac": _fraction, "msqrt": _root,
    "mroot": _root, "menclose": _enclosed, "mfenced": _between_fences, "mtable": _table,
    "semantics": lambda node: _row(node.children[:1]), "maction": lambda node: _row(node.children[:1]),
}  # fmt: skip
_LEAVES = frozenset(("mi", "mn", "mo", "mtext", "ms", "annotation", "annotation-xml"))
