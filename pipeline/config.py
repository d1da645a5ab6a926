"""A recipe (YAML) as checked steps. Every problem found is named with its line, all together.

pydantic validates here, at the boundary, and nowhere else: workers never import it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from pipeline.act import Act
from pipeline.errors import ConfigError, PlanError, Problem
from pipeline.plan import Chain, flow
from pipeline.registry import UnknownName, find, names, suggest
from pipeline.stage import Source, Step
from pipeline.verdicts import Named

Where = tuple[str | int, ...]
STEP_KEYS = ("use", "with", "name", "save")
SOURCE_KEYS = (*STEP_KEYS[:2], "steps")
TOP_KEYS = ("name", "source", "sources", "steps", "output", "engine")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A recipe that can be planned: its names exist, its settings have their types, its columns fit."""

    file: str
    name: str
    output: Path
    chains: tuple[Chain, ...]
    acts: tuple[Act, ...]
    """In the order they run."""
    engine: Mapping[str, Mapping[str, Any]]


@dataclass
class Reader:
    """One YAML file, its lines, and the problems found so far."""

    file: str
    root: yaml.Node | None = None
    problems: list[Problem] = field(default_factory=list)

    def load(self) -> Any:
        """The file's values.

        Raises:
            ConfigError: it cannot be read, is not YAML, or a key stands twice.
        """
        try:
            text = Path(self.file).read_text(encoding="utf-8")
            self.root = yaml.compose(text, Loader=yaml.SafeLoader)
            values = yaml.safe_load(text)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError([Problem(self.file, 1, "file", str(error))]) from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            message = getattr(error, "problem", None) or str(error)
            line = mark.line + 1 if mark else 1
            raise ConfigError([Problem(self.file, line, "yaml", message)]) from error
        self.problems += self._repeated(self.root)
        return values

    def _repeated(self, node: yaml.Node | None) -> Iterator[Problem]:
        if isinstance(node, yaml.MappingNode):
            seen: dict[str, int] = {}
            for key, value in node.value:
                line = key.start_mark.line + 1
                if key.value in seen:
                    message = f"stands twice, first in line {seen[key.value]}; YAML would keep the last"
                    yield Problem(self.file, line, key.value, message)
                seen[key.value] = line
                yield from self._repeated(value)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                yield from self._repeated(item)

    def line(self, where: Where) -> int:
        """Line (from 1) of the deepest node on the path."""
        node, line = self.root, 1
        for part in where:
            if isinstance(node, yaml.MappingNode):
                hit = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                hit = (node.value[part], node.value[part])
            else:
                hit = None
            if hit is None:
                break
            line, node = hit[0].start_mark.line + 1, hit[1]
        return line

    def problem(self, where: Where, message: str, at: str | None = None) -> None:
        """Note one; `at` names the place if the path does not say it well."""
        name = at if at is not None else ".".join(map(str, where)) or "recipe"
        self.problems.append(Problem(self.file, self.line(where), name, message))

    def mapping(self, value: Any, where: Where, known: Sequence[str]) -> dict[str, Any]:
        """`value` if it is a mapping with known keys; what is not gets noted and left out."""
        if not isinstance(value, dict):
            self.problem(where, f"must be a mapping, not {_shown(value)}")
            return {}
        for key in value:
            if key not in known:
                hint = suggest(str(key), known) or f"; known: {', '.join(known)}"
                self.problem((*where, str(key)), f"unknown key{hint}")
        return {k: v for k, v in value.items() if k in known}

    def settings(self, kind: type[Any], settings: Any, where: Where) -> Any:
        """An instance of the dataclass `kind`, or None when something is wrong with the settings."""
        if settings is None:
            settings = {}
        if not isinstance(settings, dict):
            self.problem(where, f"must be a mapping of settings, not {_shown(settings)}")
            return None
        found = len(self.problems)
        self._odd(settings, where)
        if len(self.problems) > found:
            return None
        try:
            return TypeAdapter(kind).validate_json(json.dumps(settings), strict=True)
        except ValidationError as error:
            known = [f.name for f in fields(kind)]
            for problem in error.errors():
                self._explain(problem, known, where)
            return None

    def _odd(self, value: Any, where: Where) -> None:
        """Note what YAML made of the text that no setting is: a date, .nan, a key that is no text."""
        if isinstance(value, dict):
            for key, inner in value.items():
                if not isinstance(key, str):
                    self.problem(where, f"key {_shown(key)} is not text; write it in quotes")
                self._odd(inner, (*where, str(key)))
        elif isinstance(value, list):
            for i, inner in enumerate(value):
                self._odd(inner, (*where, i))
        elif isinstance(value, float) and not math.isfinite(value):
            self.problem(where, f"{value} is not a number one can compare with")
        elif not isinstance(value, str | int | float | bool | None):
            self.problem(where, f"YAML reads this as a {type(value).__name__}; write it in quotes")

    def _explain(self, problem: Any, known: Sequence[str], where: Where) -> None:
        # pydantic names the branch of a union in the path; only what stands in the file counts.
        branch = ("str", "float", "int", "none")
        path = tuple(p for p in problem["loc"] if p not in branch and not str(p)[:1].isupper())
        name, given = path[-1] if path else "", problem["input"]
        at = ".".join(map(str, path))
        if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            hint = suggest(str(name), known) or f"; known: {', '.join(known)}"
            return self.problem((*where, *path), f"unknown setting{hint}", at)
        if problem["type"] in ("missing", "missing_argument"):
            return self.problem(where, "is required", at)
        hint = ""
        if isinstance(given, bool):
            hint = "; YAML reads no, off, yes, on as true or false: write it in quotes"
        elif isinstance(given, str) and _is_number(given):
            hint = f"; write {float(given)} without quotes (YAML wants a point before the exponent)"
        message = f"{problem['msg'].lower()}, not {_shown(given)}{hint}"
        return self.problem((*where, *path), message, at)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:80]


def read(file: str, output: Path | None = None) -> Recipe:
    """Read and check a recipe; `output` replaces the one it names.

    Raises:
        ConfigError: with every problem found.
    """
    reader = Reader(file)
    values = reader.load()
    acts = names("acts")
    top = reader.mapping(values, (), (*TOP_KEYS, *acts))
    name = top.get("name", Path(file).stem)
    if not isinstance(name, str):
        reader.problem(("name",), f"must be text, not {_shown(name)}")
        name = "recipe"
    chains = _chains(reader, top, name)
    made = _acts(reader, top, [c.source.name for c in chains])
    where = output or top.get("output")
    if not isinstance(where, str | Path):
        reader.problem(("output",), "is required: the folder the run is written to")
    elif "://" in str(where):
        reader.problem(("output",), "must be a local or mounted folder")
    if reader.problems:
        raise ConfigError(reader.problems)
    engine = top.get("engine", {})
    return Recipe(
        file=file, name=name, output=Path(str(where)), chains=tuple(chains), acts=made, engine=engine
    )


def _chains(reader: Reader, top: dict[str, Any], name: str) -> list[Chain]:
    given: dict[Where, tuple[str, Any]] = {}
    if ("source" in top) == ("sources" in top):
        reader.problem((), "needs either source: (one) or sources: (several, by name)")
    elif "source" in top:
        given[("source",)] = (name, top["source"])
    elif not isinstance(top["sources"], dict) or not top["sources"]:
        reader.problem(("sources",), "must be a mapping of names to sources")
    else:
        given = {("sources", str(k)): (str(k), v) for k, v in top["sources"].items()}
    shared, saves = _steps(reader, top.get("steps", []), ("steps",))
    chains = []
    for where, (source_name, value) in given.items():
        found = len(reader.problems)
        source = reader.mapping(value, where, SOURCE_KEYS)
        named = _step(reader, source, where, source_name, Source)
        own, own_saves = _steps(reader, source.get("steps", []), (*where, "steps"))
        if named is None or None in own or None in shared or len(reader.problems) > found:
            continue  # what flows where cannot be said
        steps = _unique([*own, *shared])
        at = len(own)
        saved = own_saves | {at + i for i in saves}
        chain = Chain(source=named, steps=steps, shared_from=at, saves=frozenset(saved))
        problems = flow(chain, reader.file)[1]
        reader.problems += [p for p in problems if p not in reader.problems]
        chains.append(chain)
    return chains


def _unique(steps: Sequence[Named | None]) -> tuple[Named, ...]:
    """A step used twice is told apart by a number: gopher_rules, gopher_rules-2."""
    seen: dict[str, int] = {}
    out = []
    for named in steps:
        assert named
        n = seen[named.name] = seen.get(named.name, 0) + 1
        out.append(named if n == 1 else replace(named, name=f"{named.name}-{n}"))
    return tuple(out)


def _steps(reader: Reader, values: Any, where: Where) -> tuple[list[Named | None], set[int]]:
    if not isinstance(values, list):
        reader.problem(where, f"must be a list of steps, not {_shown(values)}")
        return [None], set()
    out, saves = [], set()
    for i, value in enumerate(values):
        given = reader.mapping(value, (*where, i), STEP_KEYS)
        out.append(_step(reader, given, (*where, i), given.get("name"), Step))
        if given.get("save", False) is True:
            saves.add(i)
        elif "save" in given and given["save"] is not False:
            reader.problem((*where, i, "save"), "must be true or false")
    return out, saves


def _step(reader: Reader, given: dict[str, Any], where: Where, name: Any, kind: type[Step]) -> Named | None:
    use = given.get("use")
    if not isinstance(use, str):
        reader.problem(where, "needs use: and the name of a stage (`pipeline stages` lists them)")
        return None
    try:
        stage = find("stages", use)
    except UnknownName as error:
        reader.problem((*where, "use"), str(error), use)
        return None
    if issubclass(stage, Source) != (kind is Source):
        what = "is a source; it stands under source:" if kind is not Source else "is not a source"
        reader.problem((*where, "use"), what, use)
        return None
    settings = given.get("with") or {}
    if kind is Source and isinstance(settings, dict) and "source" in {f.name for f in fields(stage)}:
        settings = {"source": name, **settings}
    step = reader.settings(stage, settings, (*where, "with") if "with" in given else where)
    if step is None:
        return None
    try:
        step.check()
    except PlanError as error:
        reader.problem((*where, "with") if "with" in given else where, str(error), use)
        return None
    if name is not None and not (isinstance(name, str) and name.replace("-", "_").isidentifier()):
        reader.problem((*where, "name"), "must be a word: letters, digits, _ and -")
        return None
    return Named(name=name or use, use=use, step=step, line=reader.line((*where, "use")))


def _acts(reader: Reader, top: dict[str, Any], sources: list[str]) -> tuple[Act, ...]:
    made: dict[str, Act] = {}
    wanted = [a for a in names("acts") if a in top]
    for act in wanted:
        settings = top[act]
        instance = reader.settings(find("acts", act), settings, (act,))
        if instance is None:
            continue
        try:
            if not reader.problems:
                instance.check(sources)
        except PlanError as error:
            reader.problem((act,), str(error))
        for other in instance.requires:
            if other not in top:
                reader.problem((act,), f"needs a section {other}: as well")
        made[act] = instance
    ordered: list[Act] = []
    while left := [a for n, a in made.items() if a not in ordered]:
        ready = [a for a in left if all(made.get(b) in (None, *ordered) for b in a.after)]
        assert ready, "acts come after each other in a circle"
        ordered += ready
    return tuple(ordered)
