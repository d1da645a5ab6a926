"""No test may pass because it looked at nothing: one whose every assertion stands in a loop needs another.

A loop that is sure to run is none here: over a literal, a constant `range`, or a name or zip of such.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
Function = ast.FunctionDef | ast.Lambda
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)
EXPECTS = ("raises", "warns", "fail")
"""What asserts without the word, beside functions whose names begin with it."""
ITERATES = ("list", "tuple", "set", "sorted", "reversed", "enumerate", "iter", "dict", "map", "permutations")
"""Calls that give something where their last argument does."""
Values = Mapping[str, list[ast.expr]]
"""name -> all that is assigned to it"""


def assigned(body: list[ast.stmt]) -> dict[str, list[ast.expr]]:
    """What is assigned to plain names, loops and branches included, but no functions."""
    values: dict[str, list[ast.expr]] = {}
    for node in (n for statement in body for n in walk(statement)):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            values.setdefault(node.targets[0].id, []).append(node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            values.setdefault(node.target.id, []).append(node.value)
    return values


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """A node and what lies in it, without the functions and classes there."""
    yield node
    if not isinstance(node, Function | ast.ClassDef):
        yield from (inner for child in ast.iter_child_nodes(node) for inner in walk(child))


def called(call: ast.Call) -> str:
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")


def holds_something(node: ast.expr, values: Values) -> bool:
    """Whether an iterable is seen, without running anything, to have an element."""

    def sure(inner: ast.expr) -> bool:
        return holds_something(inner, values)

    match node:
        case ast.List() | ast.Tuple() | ast.Set():
            return any(not isinstance(e, ast.Starred) or sure(e.value) for e in node.elts)
        case ast.Dict():
            return any(k is not None or sure(v) for k, v in zip(node.keys, node.values, strict=True))
        case ast.Constant():
            return isinstance(node.value, str | bytes) and len(node.value) > 0
        case ast.Name():
            others = {k: v for k, v in values.items() if k != node.id}
            given = values.get(node.id, [])
            return bool(given) and all(holds_something(value, others) for value in given)
        case ast.BinOp(op=ast.Add() | ast.BitOr()):
            return sure(node.left) or sure(node.right)
        case ast.BinOp(op=ast.Mult(), left=left, right=ast.Constant(value=int(n))):
            return n > 0 and sure(left)
        case ast.IfExp():
            return sure(node.body) and sure(node.orelse)
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            return all(sure(g.iter) and not g.ifs for g in node.generators)
        case ast.Call():
            return call_holds_something(node, sure)
    return False


def call_holds_something(node: ast.Call, sure: Callable[[ast.expr], bool]) -> bool:
    match called(node), node.args:
        case "range", args if all(isinstance(a, ast.Constant) for a in args):
            return len(range(*map(ast.literal_eval, args))) > 0
        case "zip", args:
            strict = any(k.arg == "strict" and getattr(k.value, "value", False) for k in node.keywords)
            return (any if strict else all)(map(sure, args))
        case "product", args:
            return all(map(sure, args))
        case "items" | "keys" | "values" | "split", []:
            return isinstance(node.func, ast.Attribute) and sure(node.func.value)
        case name, [*_, last] if name in ITERATES:
            return sure(last)
    return False


def vacuous(test: ast.expr, values: Values) -> bool:
    """Whether an asserted expression holds of nothing: all, not any, or an empty list of what is wrong."""
    match test:
        case ast.Call(args=[inner]) if called(test) == "all":
            return isinstance(inner, COMPREHENSIONS) and not all_run(inner.generators, values)
        case ast.UnaryOp(op=ast.Not(), operand=ast.Call(args=[inner]) as call) if called(call) == "any":
            return isinstance(inner, COMPREHENSIONS) and not all_run(inner.generators, values)
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[ast.List(elts=[]) | ast.Dict(keys=[])]):
            return isinstance(left, COMPREHENSIONS) and not all_run(left.generators, values)
        case ast.BoolOp(op=ast.And()):
            return all(vacuous(part, values) for part in test.values)
    return False


def all_run(generators: list[ast.comprehension], values: Values) -> bool:
    """Whether each `for` of a comprehension has something to go through; what its `if` drops is meant."""
    return all(holds_something(g.iter, values) for g in generators)


def assertions(node: ast.AST, asserting: set[str], values: Values, runs: bool = True) -> Iterator[bool]:
    """For each assertion in a node whether it is sure to be reached with something to look at."""

    def inside(*nodes: ast.AST, runs: bool) -> Iterator[bool]:
        return (reached for inner in nodes for reached in assertions(inner, asserting, values, runs))

    match node:
        case ast.FunctionDef() | ast.Lambda() | ast.ClassDef():
            return
        case ast.Assert():
            yield runs and not vacuous(node.test, values)
        case ast.Call() if called(node).startswith("assert") or called(node) in asserting:
            yield runs
    match node:
        case ast.For():
            yield from inside(node.iter, runs=runs)
            yield from inside(*node.body, *node.orelse, runs=runs and holds_something(node.iter, values))
        case ast.While():
            yield from inside(*node.body, runs=runs and isinstance(node.test, ast.Constant))
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            yield from inside(node.generators[0].iter, runs=runs)
            elements = (n for n in ast.iter_child_nodes(node) if not isinstance(n, ast.comprehension))
            yield from inside(*elements, runs=runs and all_run(node.generators, values))
        case _:
            yield from inside(*ast.iter_child_nodes(node), runs=runs)


def unguarded(source: str) -> list[str]:
    """Names of the tests of a module that assert, and only where there may be nothing to look at."""
    tree = ast.parse(source)
    functions = [f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef)]
    asserting = {f.name for f in functions if any(isinstance(n, ast.Assert) for n in ast.walk(f))}
    asserting |= {*EXPECTS}
    found = []
    for test in (f for f in functions if f.name.startswith("test_")):
        values = assigned(tree.body) | assigned(test.body)
        reached = [r for statement in test.body for r in assertions(statement, asserting, values)]
        if reached and not any(reached):
            found.append(test.name)
    return found


def test_every_test_has_an_assertion_outside_of_loops() -> None:
    files = {path: path.read_text(encoding="utf-8") for path in sorted(TESTS.rglob("test_*.py"))}
    assert len(files) > 150
    assert {
        f"{p.relative_to(TESTS)}:{name}" for p, source in files.items() for name in unguarded(source)
    } == set()


@pytest.mark.parametrize(
    ("body", "is_found"),
    [
        ("for x in f(): assert x", True),
        ("while f(): assert x", True),
        ("for x in f():\n  with pytest.raises(E): g(x)", True),
        ("for x in f(): assert_close(x, 1)", True),
        ("for x in f(): agrees(x)", True),
        ("xs = [agrees(x) for x in f()]", True),
        ("assert all(x for x in f())", True),
        ("assert not any(x for x in f())", True),
        ("assert [x for x in f()] == []", True),
        ("for x in (1, 2):\n  for y in f(): assert y", True),
        ("for x in range(0): assert x", True),
        ("xs = f()\n for x in xs: assert x", True),
        ("for x in [y for y in (1, 2) if f(y)]: assert x", True),
        ("for x in zip((1, 2), f()): assert x", True),
        ("for x in f(): assert x\n assert len(f()) == 3", False),
        ("for x in f(): assert x\n with pytest.raises(E): g()", False),
        ("for x in (1, 2): assert x", False),
        ("for x in CASES: assert x", False),
        ("for x, y in CASES.items(): assert x", False),
        ("xs = [1, 2] * 3\n for x in xs: assert x", False),
        ("for x in zip((1, 2), f(), strict=True): assert x", False),
        ("assert all(x for x in (1, 2))", False),
        ("assert [x for x in f()] == [1]", False),
        ("for x in agreed(): assert x", False),
        ("assert [x for x in agreed() if not x] == []", False),
        ("f()", False),
    ],
)
def test_what_is_found(body: str, is_found: bool) -> None:
    source = f"CASES = {{1: 2}}\ndef agrees(x): assert x\ndef agreed(): assert f()\ndef test_it():\n {body}\n"
    assert unguarded(source) == ["test_it"] * is_found
