"""A YAML file with its lines: what is wrong with it is gathered, each problem with where it stands.

pydantic validates here, at the boundary, and nowhere else: workers never import it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, get_args, get_type_hints

import yaml
from pydantic import TypeAdapter, ValidationError

from pipeline.errors import ConfigError, Problem
from pipeline.registry import suggest
from pipeline.yaml_file import MAX_PROBLEMS, parse, printable

_BRANCH = re.compile(r"(constrained-)?(str|float|int|none|bool)$|(dict|list|tuple|literal)\[|[A-Z]")
"""What pydantic puts into a path for a branch of a union; no setting is named so."""

_BOUNDS = {
    "greater_than_equal": "at least {ge}",
    "greater_than": "over {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "under {lt}",
    "too_short": "at least {min_length} long",
    "too_long": "at most {max_length} long",
    "string_too_short": "at least {min_length} characters long",
    "string_too_long": "at most {max_length} characters long",
}
"""Kinds of problem that are bounds at a field (`pipeline.bounds`), and how a message words them."""

Where = tuple[str | int, ...]
"""Keys and indices from the root of the file to a value."""


@dataclass
class Reader:
    """One YAML file, its lines, and the problems found so far."""

    file: str
    root: yaml.Node | None = None
    problems: list[Problem] = field(default_factory=list)
    _pairs: dict[int, dict[str, tuple[yaml.Node, yaml.Node]]] = field(default_factory=dict)
    """Of a mapping node seen before: its keys and values by key."""

    def load(self) -> Any:
        """The file's values; a key that stands twice is noted.

        Raises:
            ConfigError: it cannot be read, or is not YAML of a size that recipes have.
        """
        self.root, values, repeated = parse(self.file)
        self.problems += repeated
        return values

    def line(self, where: Where) -> int:
        """Line (from 1) of the deepest node on the path."""
        node, line = self.root, 1
        for part in where:
            if isinstance(node, yaml.MappingNode):
                if id(node) not in self._pairs:
                    # The last of a key counts: what `<<` brings stands before what overrides it.
                    self._pairs[id(node)] = {k.value: (k, v) for k, v in node.value}
                hit = self._pairs[id(node)].get(str(part))
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                hit = (node.value[part], node.value[part])
            else:
                hit = None
            if hit is None:
                break
            line, node = hit[0].start_mark.line + 1, hit[1]
        return line

    def problem(self, where: Where, message: str, at: str | None = None) -> None:
        """Note one; `at` names the place if the path does not say it well.

        Raises:
            ConfigError: there are so many that nobody would read on.
        """
        name = printable(at if at is not None else ".".join(map(str, where)) or "recipe")
        for part in message.splitlines():
            problem = Problem(self.file, self.line(where), name, part)
            if problem not in self.problems:
                self.problems.append(problem)
        if len(self.problems) >= MAX_PROBLEMS:
            raise ConfigError(self.problems)

    def mapping(self, value: Any, where: Where, known: Sequence[str]) -> dict[str, Any]:
        """`value` if it is a mapping with known keys; what is not gets noted and left out."""
        if not isinstance(value, dict):
            self.problem(where, f"must be a mapping, not {shown(value)}")
            return {}
        for key in value:
            if key not in known:
                hint = suggest(printable(str(key)), known) or f"; known: {', '.join(known)}"
                self.problem((*where, str(key)), f"unknown key{hint}")
        return {k: v for k, v in value.items() if k in known}

    def settings(self, kind: type[Any], settings: Any, where: Where) -> Any:
        """An instance of the dataclass `kind`, or None when something is wrong with the settings."""
        if settings is None:
            settings = {}
        if not isinstance(settings, dict):
            self.problem(where, f"must be a mapping of settings, not {shown(settings)}")
            return None
        before = len(self.problems)
        self._odd(settings, where)
        if len(self.problems) > before:
            return None
        try:
            return TypeAdapter(kind).validate_json(json.dumps(settings), strict=True)
        except ValidationError as error:
            for path, problems in _by_path(error).items():
                self._explain(path, problems, kind, where)
            return None

    def _odd(self, value: Any, where: Where) -> None:
        """Note what YAML made of the text that no setting is: a date, .nan, a key that is no text."""
        if isinstance(value, dict):
            for key, inner in value.items():
                if not isinstance(key, str):
                    self.problem(where, f"key {shown(key)} is not text; write it in quotes")
                self._odd(inner, (*where, str(key)))
        elif isinstance(value, list):
            for i, inner in enumerate(value):
                self._odd(inner, (*where, i))
        elif isinstance(value, float) and not math.isfinite(value):
            self.problem(where, f"{value} is not a number one can compare with")
        elif not isinstance(value, str | int | float | bool | None):
            self.problem(where, f"YAML reads this as a {type(value).__name__}; write it in quotes")

    def _explain(self, path: Where, problems: Sequence[Any], kind: type[Any], where: Where) -> None:
        """Note what is wrong at one place: several problems are those of the branches of a union."""
        wrong, given, at = problems[0]["type"], problems[0]["input"], ".".join(map(str, path))
        if wrong in ("unexpected_keyword_argument", "extra_forbidden"):
            known = _settings_at(kind, path[:-1])
            hint = suggest(printable(str(path[-1])), known) or f"; known: {', '.join(known)}"
            self.problem((*where, *path), f"unknown setting{hint}", at)
            return
        if wrong in ("missing", "missing_argument"):
            self.problem(where, "is required", at)
            return
        hint = ""
        if isinstance(given, bool):
            hint = "; YAML reads no, off, yes, on as true or false: write it in quotes"
        elif isinstance(given, str) and _is_number(given):
            value = float(given)
            plain = int(value) if value.is_integer() else value
            hint = f"; write {plain} without quotes (YAML reads 1e3 as text, 1.0e+3 as a number)"
        bounds = [p for p in problems if p["type"] in _BOUNDS]
        if bounds:  # of the right type for one branch: that others want another type is beside the point
            problems = [*bounds, *(p for p in problems if p["type"] == "literal_error")]
        wanted = " or ".join(dict.fromkeys(map(_wanted, problems)))
        self.problem((*where, *path), f"must be {wanted}, not {shown(given)}{hint}", at)


def _by_path(error: ValidationError) -> dict[Where, list[Any]]:
    """The problems by where they stand in the file: pydantic also names the branch of a union."""
    problems: dict[Where, list[Any]] = {}
    for problem in error.errors():
        path = tuple(part for part in problem["loc"] if not _BRANCH.match(str(part)))
        problems.setdefault(path, []).append(problem)
    return problems


def _wanted(problem: Any) -> str:
    """What would be right: `at least 1`, `a valid integer`."""
    if bound := _BOUNDS.get(problem["type"]):
        return bound.format(
            **{k: f"{v:.15g}" for k, v in problem["ctx"].items() if isinstance(v, int | float)}
        )
    message: str = problem["msg"]
    return message.removeprefix("Input should be ")


def _settings_at(kind: Any, path: Where) -> list[str]:
    """Names of the settings of the dataclass that `path` leads to from the dataclass `kind`."""
    for part in path:
        kind = _dataclass_in(get_type_hints(kind).get(str(part))) or kind
    return [f.name for f in fields(kind)]


def _dataclass_in(hint: Any) -> Any:
    """The first dataclass in a type such as `tuple[Phase, ...] | None`."""
    return hint if is_dataclass(hint) else next(filter(None, map(_dataclass_in, get_args(hint))), None)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def shown(value: Any) -> str:
    """A value as JSON where it is some, cut to what fits a message."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except TypeError:  # keys that are dates, say
        text = str(value)
    return printable(text[:80])
