"""What a module says about itself, read from its syntax tree: nothing is imported, so nothing is run."""

from __future__ import annotations

import ast
import gc
import itertools
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

TRIPLE = re.compile(r'"""(.*?)"""', re.DOTALL)
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
MAX_SIGNATURE = 300
MAX_ENTRIES = 200


@dataclass(frozen=True)
class Entry:
    """A class or function with its docstring."""

    kind: str
    name: str
    """Dotted below the module: `JSONDecoder.decode`."""
    signature: str
    doc: str


@dataclass(frozen=True)
class Module:
    """A module's docstring and those of what it defines, in the order of its source."""

    doc: str
    entries: tuple[Entry, ...]

    def n_prose(self) -> int:
        """Characters of docstrings, without their examples' prompts."""
        lines = (line for doc in (self.doc, *(e.doc for e in self.entries)) for line in doc.splitlines())
        return sum(len(line.strip()) for line in lines if not line.lstrip().startswith((">>>", "...")))


def parse(source: str) -> ast.Module | None:
    """The syntax tree; None where this interpreter cannot read it (templates, other versions of Python)."""
    collecting = gc.isenabled()
    gc.disable()  # trees have no cycles, and looking for some takes as long as parsing
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the compiler thinks of other people's escapes
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the parser's own limits are the last two
        return None
    finally:
        if collecting:
            gc.enable()


def read(source: str, min_prose: int) -> Module | None:
    """The documentation of a module, or None where it is shorter than `min_prose` characters."""
    # Parsing costs 0.2 s/MB; a glance at the quotes spares most of the files that explain nothing.
    if sum(map(len, TRIPLE.findall(source))) < min_prose or (tree := parse(source)) is None:
        return None
    try:
        module = Module(_doc(tree), tuple(itertools.islice(_entries(tree, ""), MAX_ENTRIES)))
    except RecursionError:  # a default value nested deeper than the interpreter can print
        return None
    return module if module.n_prose() >= min_prose else None


def _entries(parent: ast.Module | ast.ClassDef, prefix: str) -> Iterator[Entry]:
    for node in parent.body:
        if isinstance(node, ast.ClassDef):
            if doc := _doc(node):
                bases = ", ".join(map(ast.unparse, node.bases))
                yield Entry("class", prefix + node.name, _cut(f"({bases})" if bases else ""), doc)
            yield from _entries(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (doc := _doc(node)):
            returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
            signature = _cut(f"({ast.unparse(node.args)}){returns}")
            yield Entry("method" if prefix else "function", prefix + node.name, signature, doc)


def _doc(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    # A string literal may hold what no text may: halves of surrogate pairs, control characters.
    text = (ast.get_docstring(node) or "").encode("utf-8", "replace").decode()
    return CONTROL.sub("", text)


def _cut(signature: str) -> str:
    return signature if len(signature) <= MAX_SIGNATURE else signature[: MAX_SIGNATURE - 1] + "…"


def topics(source: str) -> dict[str, str]:
    """The texts of `pydoc_data/topics.py`: topic -> chapter of the language reference."""
    tree = parse(source)
    for node in tree.body if tree else []:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            return {str(k): str(v) for k, v in ast.literal_eval(node.value).items()}
    return {}
