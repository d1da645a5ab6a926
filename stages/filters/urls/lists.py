"""Lists of addresses on disk: what the recipe says of them, and what becomes of them in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

from pipeline.errors import PlanError
from pipeline.registry import suggest
from pipeline.store import digest
from stages.filters.urls import formats
from stages.filters.urls.adblock import AdblockRules
from stages.filters.urls.files import ENDINGS, lines
from stages.filters.urls.phrases import Phrases
from stages.urls.table import Block, Kind, Table, build

Format: TypeAlias = Literal["domains", "urls", "prefixes", "substrings", "words", "ut1", "adblock", "scored"]
UT1_FILES = ("domains", "urls", "expressions")


@dataclass(frozen=True, kw_only=True)
class UrlList:
    """A list in a file (plain, .gz, .zst) or, `ut1`, a folder. Blank lines and # or ! lines are skipped."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    path: str
    """The file; for `ut1` the folder of one category, or of all."""
    format: Format
    """What a line is, and what it matches (docs/urls.md)."""
    name: str | None = None
    """What rules call it; null: the name of the file or folder, up to its first dot."""
    select: tuple[str, ...] = ()
    """`ut1`: the categories wanted of a folder of all; empty: every one."""
    key: str = "url"
    """`scored`: the column with the address."""
    score: str = "score"
    """`scored`: the column with its score."""
    by: Literal["url", "domain"] = "url"
    """`scored`: whether the key is an address or a domain."""

    def parts(self) -> dict[str, list[Path]]:
        """Name -> files, in order.

        Raises:
            PlanError: a file or category is missing.
        """
        path = Path(self.path)
        if self.format != "ut1":
            if not path.is_file():
                raise PlanError(f"no such list: {path}")
            return {self.name or path.name.split(".")[0]: [path]}
        if not path.is_dir():
            raise PlanError(f"no such folder: {path} (ut1 lists are folders)")
        if files := _ut1_files(path):
            return {self.name or path.name: files}
        # A category under a second name is a link; only asked for by that name is it wanted twice.
        categories = {p.name: _ut1_files(p) for p in sorted(path.iterdir()) if p.is_dir()}
        known = [n for n, files in categories.items() if files]
        for name in self.select:
            if name not in known:
                raise PlanError(f"{path}: no category {name!r}{suggest(name, known)}")
        wanted = self.select or tuple(n for n in known if not (path / n).is_symlink())
        if not wanted:
            raise PlanError(f"{path}: no file named {', '.join(UT1_FILES)} in it or in its folders")
        return {n: categories[n] for n in wanted}


def _ut1_files(folder: Path) -> list[Path]:
    return [p for n in UT1_FILES for e in ENDINGS if (p := folder / f"{n}{e}").is_file()]


@dataclass(frozen=True, kw_only=True)
class Lists:
    """All lists of a step, ready to be matched. A list's number is the place of its name."""

    names: tuple[str, ...]
    tables: dict[Kind, Table]
    scored: dict[Kind, Table]
    """The tables of lists that have scores."""
    phrases: Phrases
    phrase_lists: tuple[int, ...]
    """Number of each phrase's list."""
    expressions: tuple[tuple[int, str], ...]
    """List and regular expression."""
    adblock: dict[int, AdblockRules] = field(default_factory=dict)


def names(lists: Sequence[UrlList]) -> dict[str, tuple[UrlList, list[Path]]]:
    """Every name with its setting and files, in order.

    Raises:
        PlanError: a file is missing, or a name stands twice.
    """
    by_name: dict[str, tuple[UrlList, list[Path]]] = {}
    for setting in lists:
        for name, files in setting.parts().items():
            if name in by_name:
                raise PlanError(f"two lists are named {name!r}: give one of them another name")
            by_name[name] = setting, files
    return by_name


def stamp(lists: Sequence[UrlList]) -> str:
    """Digest of the content of all files."""
    return digest(*(path for _, files in names(lists).values() for path in files))


def load(lists: tuple[UrlList, ...], exact: bool) -> Lists:
    """The lists, kept for the next batch as long as no file changes; `exact` as in `lookup.match`.

    Raises:
        PlanError: a file is missing or no list of its format.
    """
    files = [p for _, paths in names(lists).values() for p in paths]
    return _load(lists, exact, tuple((p, s.st_size, s.st_mtime_ns) for p in files if (s := p.stat())))


@lru_cache(maxsize=2)
def _load(lists: tuple[UrlList, ...], exact: bool, _stamps: tuple[tuple[Path, int, int], ...]) -> Lists:
    named = names(lists)
    blocks: list[Block] = []
    scored: list[Block] = []
    phrases: list[tuple[int, bytes]] = []
    expressions: list[tuple[int, str]] = []
    adblock: dict[int, AdblockRules] = {}
    for number, (name, (setting, files)) in enumerate(named.items()):
        before = sum(len(b.hashes) for b in blocks) + len(phrases) + len(expressions) + len(scored)
        for path in files:
            match setting.format if setting.format != "ut1" else path.name.split(".")[0]:
                case "substrings":
                    phrases += ((number, text) for text in formats.substrings(path, exact))
                case "expressions":
                    expressions += ((number, text) for text in formats.expressions(path))
                case "adblock":
                    adblock[number], hosts = AdblockRules.read(text for _, text in lines(path))
                    blocks += _numbered(number, formats.named_hosts(hosts))
                case "scored":
                    scored += _numbered(number, formats.scored(path, setting.key, setting.score, setting.by))
                case kind:
                    blocks += _numbered(number, _hashed(path, kind, setting.format == "ut1", exact))
        count = sum(len(b.hashes) for b in blocks) + len(phrases) + len(expressions) + len(scored)
        if count == before and not (number in adblock and adblock[number].rules):
            raise PlanError(f"list {name!r} ({setting.path}) holds no entry of format {setting.format}")
    return Lists(
        names=tuple(named),
        tables=_tables(blocks),
        scored=_tables(scored),
        phrases=Phrases([text for _, text in phrases]),
        phrase_lists=tuple(n for n, _ in phrases),
        expressions=tuple(expressions),
        adblock=adblock,
    )


def _numbered(number: int, entries: Iterator[formats.Entries]) -> Iterator[Block]:
    return (Block(number, *e) for e in entries)


def _hashed(path: Path, kind: str, ut1: bool, exact: bool) -> Iterator[formats.Entries]:
    if kind == "domains":
        return formats.domains(path)
    if kind == "words":
        return formats.words(path, exact)
    return formats.pages(path, "folder" if ut1 or kind == "prefixes" else "page", exact)


def _tables(blocks: Sequence[Block]) -> dict[Kind, Table]:
    kinds = sorted({b.kind for b in blocks if len(b.hashes)})
    return {kind: build([b for b in blocks if b.kind == kind]) for kind in kinds}
