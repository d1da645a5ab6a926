"""Names to things, through entry points: how the kernel finds stages, sections, engines, commands ….

It never imports them. Resolved on the driver only; steps travel to workers pickled.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError


class UnknownName(PipelineError):
    """No such stage, section, engine or command."""

    exit_code = 2


def suggest(name: str, known: Iterable[str]) -> str:
    """'; did you mean …?' for the closest known name, or '' if none is close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


@cache
def stages() -> dict[str, str]:
    """Registered stages in catalogue order: name -> 'module:Class'.

    Each entry point of the group is a whole table, so that adding a stage needs no new installation.
    """
    table: dict[str, str] = {}
    for point in sorted(entry_points(group="pipeline.stages"), key=lambda p: p.name):
        for name, target in point.load().items():
            if name in table:
                raise PipelineError(f"stage {name!r} is registered twice: {table[name]} and {target}")
            table[name] = target
    return table


@cache
def names(kind: str) -> dict[str, str]:
    """What stands in the group `pipeline.<kind>` (sections, engines, fits …): name -> 'module:object'."""
    return {p.name: p.value for p in entry_points(group=f"pipeline.{kind}")}


def find(kind: str, name: str) -> Any:
    """The object registered under `name`; `kind` is stages, sections, engines, commands, fits ….

    Raises:
        UnknownName: with the closest known name.
    """
    table = stages() if kind == "stages" else names(kind)
    if name not in table:
        raise UnknownName(f"no {kind.removesuffix('s')} {name!r}{suggest(name, table)}")
    module, _, attribute = table[name].partition(":")
    return getattr(import_module(module), attribute)


def first_line(kind: str, name: str) -> str:
    """What an object that is registered says of itself first, read from its source: nothing is imported.

    Of what is no class and no function, its module's first line.
    """
    module, _, attribute = (stages() if kind == "stages" else names(kind))[name].partition(":")
    spec = find_spec(module)
    tree = ast.parse(Path(spec.origin).read_bytes()) if spec and spec.origin else ast.Module([], [])
    definitions = (ast.FunctionDef, ast.ClassDef)
    found = (node for node in tree.body if isinstance(node, definitions) and node.name == attribute)
    return (ast.get_docstring(next(found, tree)) or "").partition("\n")[0]
