"""A recipe as segments: maps fused into one pass, cut only where a query must see everything.

Nothing here reads a document: columns are checked and folders named before a byte is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

from pipeline.errors import PlanError, Problem
from pipeline.schema import DROPPED_BY, REASONS
from pipeline.shards import fingerprint
from pipeline.stage import Map, Relate, Source, Split, Step, Stream
from pipeline.steps import Key, Named
from pipeline.store import WORK

TASK_BYTES = 64 << 20
"""Of files, that a task of the first pass reads."""
FILE_BYTES = 64 << 10
"""What a file or a part of one counts at least: opening it has a price, too."""
SHARD_BYTES = 256 << 20
"""Of text in a shard of any later pass, unless the recipe says otherwise."""


@dataclass(frozen=True, kw_only=True)
class Chain:
    """One source and the steps its documents go through."""

    source: Named
    steps: tuple[Named, ...]
    shared_from: int
    """Steps from this index on are the recipe's common ones: a relate among them sees all sources."""
    saves: frozenset[int] = frozenset()
    """Indices of steps after which documents are written though nothing demands it."""

    @property
    def named(self) -> tuple[Named, ...]:
        """The source and the steps."""
        return (self.source, *self.steps)


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A pass over the shards of one source."""

    folder: Path
    """Relative to the output."""
    reads: Named | None
    """The source, or None: the shards of the segment before."""
    verdicts: tuple[Key, ...]
    steps: tuple[Named, ...]
    schemas: tuple[pa.Schema, ...]
    """Columns after reading (and after the verdicts), and after each step."""
    dropped_schema: pa.Schema
    """Every column that documents of the source ever have: what was dropped, wherever, is one table."""
    keys: tuple[Key, ...]
    """Relate steps that stand at its end; their verdicts are applied by the next segment."""
    shared: bool
    """Whether those relate steps see the documents of all sources."""

    @property
    def names(self) -> list[str]:
        first = [self.reads.name] if self.reads else []
        return [*first, *(k.named.name for k in self.verdicts), *(s.name for s in self.steps)]


@dataclass(frozen=True, kw_only=True)
class Track:
    """The plan of one source: its splits and its segments."""

    source: str
    splits: tuple[tuple[Split, ...], ...]
    """What each task of the first segment reads: small files and parts of files together."""
    segments: tuple[Segment, ...]
    schemas: tuple[pa.Schema, ...]
    """Columns after the source and after each step: what `pipeline plan` prints."""
    fingerprints: tuple[str, ...]
    chain: Chain


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run will do with documents."""

    tracks: tuple[Track, ...]
    shard_bytes: int
    """Text that a pass after the first puts into a shard, about; and no task reads more of files."""


@dataclass
class _Cutter:
    """Walks a chain and closes a segment wherever documents have to lie on disk."""

    chain: Chain
    folders: list[Path]
    schemas: list[pa.Schema]
    dropped_schema: pa.Schema
    done: list[Segment] = field(default_factory=list)
    start: int = 0
    """Index of the first step not yet in a segment."""
    verdicts: tuple[Key, ...] = ()

    def close(self, stop: int, keys: Sequence[int], shared: bool) -> None:
        """End a segment before step `stop`; `keys` are the relate steps that follow it."""
        steps = self.chain.steps[self.start : stop]
        first = self.schemas[self.start]  # schemas[0] is the source's, schemas[i + 1] that after step i
        flows = (first, *self.schemas[self.start + 1 : stop + 1])
        made = tuple(Key(named=self.chain.steps[i], folder=self.folders[i + 1]) for i in keys)
        self.done.append(
            Segment(
                folder=self.folders[stop],
                reads=None if self.done else self.chain.source,
                verdicts=self.verdicts,
                steps=steps,
                schemas=flows,
                dropped_schema=self.dropped_schema,
                keys=made,
                shared=shared,
            )
        )
        self.verdicts, self.start = made, stop + len(keys)


def _union(schemas: Sequence[pa.Schema]) -> pa.Schema:
    fields: dict[str, pa.Field] = {}
    for schema in schemas:
        for column in schema:
            fields.setdefault(column.name, column)
    return pa.schema([*fields.values(), REASONS, DROPPED_BY])


def flow(chain: Chain, file: str) -> tuple[list[pa.Schema], list[Problem]]:
    """Columns after the source and after each step, and what does not fit."""
    schemas, problems = [_made(chain.source)], []
    types = {f.name: f.type for f in schemas[0]}
    for named in chain.steps:
        try:
            after = named.step.flow(schemas[-1])
            for column in after:
                if types.setdefault(column.name, column.type) != column.type:
                    raise PlanError(
                        f"makes column {column.name!r} as {column.type}, which was {types[column.name]}"
                    )
        except PlanError as error:
            problems.append(Problem(file, named.line_of(error), named.name, str(error)))
            # What it would have made is taken as made, so that one mistake is one message.
            made = _made(named)
            after = pa.schema([*(f for f in schemas[-1] if f.name not in made.names), *made])
        schemas.append(after)
    return schemas, problems


def _made(named: Named) -> pa.Schema:
    try:
        return named.step.makes()
    except PlanError:  # a file it names is missing: its own check has said so
        return named.step.adds


def measured_first(chain: Chain) -> Chain:
    """The chain with each map as early as it can stand: what `measure: all` asks for.

    A map passes filters and queries that neither read what it changes nor add what it reads, so that the
    ledger has every signal of every document.
    """
    steps, order = chain.steps, list[int]()
    for i, named in enumerate(steps):
        at, floor = i, chain.shared_from if i >= chain.shared_from else 0
        while isinstance(named.step, Map) and at > floor and _passes(named.step, steps[order[at - 1]].step):
            at -= 1
        order.insert(at, i)
    saves = frozenset(order.index(i) for i in chain.saves)
    return replace(chain, steps=tuple(steps[i] for i in order), saves=saves)


def _passes(step: Map, before: Step) -> bool:
    changes = {*step.makes().names, *step.removes} & set(before.needs().names)
    wants = set(step.needs().names) & set(before.makes().names)
    return not changes and not wants and not isinstance(before, Map | Stream)


def track(chain: Chain, splits: Sequence[tuple[Split, ...]], prints: Sequence[str], file: str) -> Track:
    """Cut one chain into segments. `prints` holds a fingerprint for the source and each step."""
    schemas, problems = flow(chain, file)
    assert not problems
    names = [chain.source.use, *(step.name for step in chain.steps)]
    folders = [WORK / chain.source.name / f"{i:02d}-{n}-{prints[i]}" for i, n in enumerate(names)]
    cutter = _Cutter(chain=chain, folders=folders, schemas=schemas, dropped_schema=_union(schemas))
    i, n = 0, len(chain.steps)
    while i < n:
        if isinstance(chain.steps[i].step, Relate):
            keys = _together(chain, i)
            cutter.close(i, keys, shared=i >= chain.shared_from)
            i += len(keys)
        else:
            i += 1
            if i - 1 in chain.saves and i < n and not isinstance(chain.steps[i].step, Relate):
                cutter.close(i, (), shared=False)
    cutter.close(n, (), shared=False)
    return Track(
        source=chain.source.name,
        splits=tuple(splits),
        segments=tuple(cutter.done),
        schemas=tuple(schemas),
        fingerprints=tuple(prints),
        chain=chain,
    )


def _together(chain: Chain, i: int) -> list[int]:
    """Relate steps from `i` on whose keys can be made in one pass: none reads what another adds."""
    group, made = [], set[str]()
    for j in range(i, len(chain.steps)):
        step = chain.steps[j].step
        same_side = (j >= chain.shared_from) == (i >= chain.shared_from)
        if not isinstance(step, Relate) or not same_side or made & set(step.needs().names):
            break
        group.append(j)
        made |= set(step.makes().names)
    return group


def make(chains: Sequence[Chain], file: str = "recipe", shard_bytes: int = SHARD_BYTES) -> Plan:
    """The plan of a checked recipe: lists the sources' splits, names the folders."""
    splits = [_splits(c.source) for c in chains]
    cut = () if shard_bytes == SHARD_BYTES else (shard_bytes,)
    prints = [
        [_print(c.source, [(s.path, s.start, s.stop, s.size) for s in p], *cut)]
        for c, p in zip(chains, splits, strict=True)
    ]
    for chain, mine in zip(chains, prints, strict=True):
        for named in chain.steps[: chain.shared_from]:
            mine.append(_print(named, mine[-1]))
    for j in range(len(chains[0].steps) - chains[0].shared_from):
        everyone = [mine[-1] for mine in prints]
        for chain, mine in zip(chains, prints, strict=True):
            named = chain.steps[chain.shared_from + j]
            upstream = [mine[-1], *everyone] if isinstance(named.step, Relate) else [mine[-1]]
            mine.append(_print(named, *upstream))
    return Plan(
        tracks=tuple(
            track(c, together(p, min(TASK_BYTES, shard_bytes)), f, file)
            for c, p, f in zip(chains, splits, prints, strict=True)
        ),
        shard_bytes=shard_bytes,
    )


def merged(folder: Path) -> Path:
    """Where small shards of the last segment are put together: in its folder, to go with it."""
    return folder / "together"


def together(splits: Sequence[Split], n_bytes: int) -> list[tuple[Split, ...]]:
    """Splits in a row as what one task reads: about so many bytes of files, so that small files share one."""
    parts = Counter(split.path for split in splits)
    groups: list[list[Split]] = []
    room = 0.0
    for split in splits:
        weight = max(split.size / parts[split.path], FILE_BYTES)
        if not groups or weight > room:
            groups.append([])
            room = n_bytes
        groups[-1].append(split)
        room -= weight
    return [tuple(group) for group in groups]


def _print(named: Named, *upstream: object) -> str:
    return fingerprint(named.use, named.step.version, named.step, named.step.stamp(), *upstream)


def _splits(source: Named) -> list[Split]:
    assert isinstance(source.step, Source)
    return source.step.splits()
