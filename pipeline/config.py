"""A recipe as checked steps: its names exist, its settings have their types, its columns fit."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError, PlanError
from pipeline.objects.path import ObjectPath, location
from pipeline.plan import SHARD_BYTES, Chain, flow, measured_first
from pipeline.reader import Reader, Where, shown
from pipeline.registry import UnknownName, find, names
from pipeline.section import Section
from pipeline.stage import Source, Step
from pipeline.steps import Named

STEP_KEYS = ("use", "with", "name", "save")
SOURCE_KEYS = (*STEP_KEYS[:2], "steps")
MAX_STEPS = 1000
WORD = "must be a word: letters, digits, _ and -"
TOP_KEYS = ("name", "source", "sources", "steps", "measure", "output", "engine", "shard_bytes")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A recipe that can be planned: its names exist, its settings have their types, its columns fit."""

    file: str
    name: str
    output: Path
    chains: tuple[Chain, ...]
    sections: tuple[Section, ...]
    """In the order they run."""
    engine: Mapping[str, Mapping[str, Any]]
    shard_bytes: int = SHARD_BYTES


def read(file: str, output: Path | None = None) -> Recipe:
    """Read and check a recipe; `output` replaces the one it names.

    Raises:
        ConfigError: with every problem found.
    """
    reader = Reader(file)
    values = reader.load()
    sections = names("sections")
    top = reader.mapping(values, (), (*TOP_KEYS, *sections))
    if reader.problems and not top:
        raise ConfigError(reader.problems)  # all the rest would be missing
    name = _name(reader, file, top)
    chains = _chains(reader, top, name)
    several = top.get("sources")
    made = _sections(reader, top, [*several] if isinstance(several, dict) else [name])
    _check_columns(reader, made, chains)
    where = _output(reader, output or top.get("output"), made)
    engine = reader.mapping(top.get("engine", {}), ("engine",), tuple(names("engines")))
    for key, settings in engine.items():
        if not isinstance(settings, dict):
            reader.problem(("engine", key), f"must be a mapping of settings, not {shown(settings)}")
    shard_bytes = top.get("shard_bytes", SHARD_BYTES)
    if type(shard_bytes) is not int or shard_bytes < 1:  # true is an int, too
        reader.problem(("shard_bytes",), f"must be a number of bytes, at least 1, not {shown(shard_bytes)}")
    if reader.problems:
        raise ConfigError(reader.problems)
    return Recipe(
        file=file,
        name=name,
        output=where,
        chains=tuple(chains),
        sections=made,
        engine=engine,
        shard_bytes=shard_bytes,
    )


def _output(reader: Reader, where: Any, sections: Sequence[Section]) -> Path:
    if not isinstance(where, str | Path):
        reader.problem(("output",), "is required: the folder the run is written to")
    elif "\0" in str(where):
        reader.problem(("output",), f"is no name of a folder: {shown(where)}")
    else:
        return _location(reader, where, sections)
    return Path()


def _location(reader: Reader, where: str | Path, sections: Sequence[Section]) -> Path:
    try:
        output = location(where)
    except PlanError as error:
        reader.problem(("output",), str(error))
        return Path(str(where))
    if isinstance(output, ObjectPath):
        for section in sections:
            reader.problem(
                (section.name,), f"needs a local or mounted folder as output, not {output}, for now"
            )
    return output


def _name(reader: Reader, file: str, top: Mapping[str, Any]) -> str:
    """The recipe's name: what it says, else its file's, where all that is no letter or digit becomes `-`."""
    name = top.get("name", re.sub(r"[^\w-]+", "-", Path(file).stem).strip("-") or "recipe")
    if not isinstance(name, str):
        reader.problem(("name",), f"must be text, not {shown(name)}")
        return "recipe"
    if "source" in top and not _is_word(name):
        reader.problem(("name",), WORD)  # it is the name of the one source as well
        return "recipe"
    return name


def _is_word(name: Any) -> bool:
    return isinstance(name, str) and name != "" and f"x{name}".replace("-", "_").isidentifier()


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
    if top.get("measure", "all") != "all":
        reader.problem(("measure",), "must be all, or not be there: then steps run as they are written")
    chains = []
    for where, (source_name, value) in given.items():
        source = reader.mapping(value, where, SOURCE_KEYS)
        named = _step(reader, source, where, source_name, Source)
        own, own_saves = _steps(reader, source.get("steps", []), (*where, "steps"))
        if named is None:
            continue
        steps, n_own = [*own, *shared], len(own)
        known = list(itertools.takewhile(lambda step: step is not None, steps))
        saved = own_saves | {n_own + i for i in saves}
        chain = Chain(source=named, steps=_unique(named, known), shared_from=n_own, saves=frozenset(saved))
        problems = flow(chain, reader.file)[1]
        reader.problems += [p for p in problems if p not in reader.problems]
        if len(known) == len(steps) and not problems:  # else what flows after it cannot be said
            chains.append(measured_first(chain) if top.get("measure") == "all" else chain)
    return chains


def _unique(source: Named, steps: Sequence[Named | None]) -> tuple[Named, ...]:
    """What has the name of a step before it, or of the source, gets a number: gopher_rules, gopher_rules-2.

    Accounts are kept by name.
    """
    taken = {source.name}
    out = []
    for named in steps:
        assert named
        numbered = (f"{named.name}-{n}" for n in itertools.count(2))
        name = next(n for n in itertools.chain([named.name], numbered) if n not in taken)
        taken.add(name)
        out.append(named if name == named.name else replace(named, name=name))
    return tuple(out)


def _steps(reader: Reader, values: Any, where: Where) -> tuple[list[Named | None], set[int]]:
    if not isinstance(values, list):
        reader.problem(where, f"must be a list of steps, not {shown(values)}")
        return [None], set()
    if len(values) > MAX_STEPS:
        reader.problem(where, f"has {len(values):,} steps; at most {MAX_STEPS:,} can be planned")
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
    place = (*where, "with") if "with" in given else where
    step = reader.settings(stage, settings, place)
    if step is None:
        return None
    try:
        step.check()
    except PlanError as error:
        setting = str(error).partition(":")[0]
        reader.problem((*place, setting) if setting in settings else place, str(error), use)
    if name is not None and not _is_word(name):
        reader.problem(where if kind is Source else (*where, "name"), WORD)
        return None
    lines = {setting: reader.line((*place, setting)) for setting in settings}
    return Named(name=name or use, use=use, step=step, line=reader.line((*where, "use")), lines=lines)


def _sections(reader: Reader, top: dict[str, Any], sources: list[str]) -> tuple[Section, ...]:
    made: dict[str, Section] = {}
    for name in [s for s in names("sections") if s in top]:
        section = _section(reader, name, top[name])
        if section is None:
            continue
        try:
            section.check(sources)
        except PlanError as error:
            reader.problem((name,), str(error))
        for other in section.requires:
            if other not in top:
                reader.problem((name,), f"needs a section {other}: as well")
        made[name] = section
    ordered: list[Section] = []
    while left := [s for s in made.values() if s not in ordered]:
        ready = [s for s in left if all(made.get(b) in (None, *ordered) for b in s.after)]
        assert ready, "sections come after each other in a circle"
        ordered += ready
    return tuple(ordered)


def _section(reader: Reader, name: str, value: Any) -> Section | None:
    kind, settings = find("sections", name), value
    where: Where = (name,)
    if kind.kinds:
        given = reader.mapping(value, where, STEP_KEYS[:2])
        use = given.get("use")
        try:
            kind = find(kind.kinds, str(use))
        except UnknownName as error:
            known = ", ".join(names(kind.kinds))
            reader.problem((*where, "use"), str(error) if use else f"is required: one of {known}", name)
            return None
        settings = given.get("with")
        where = (*where, "with") if "with" in given else where
    section: Section | None = reader.settings(kind, settings, where)
    return section


def _check_columns(reader: Reader, sections: Sequence[Section], chains: Sequence[Chain]) -> None:
    """Note what a section reads and documents do not have."""
    for section in sections:
        for chain in chains:
            try:
                section.check_columns(flow(chain, reader.file)[0][-1])
            except PlanError as error:
                reader.problem((section.name,), f"documents of {chain.source.name!r}: {error}")
