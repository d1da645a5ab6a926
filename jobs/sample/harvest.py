"""Which files of this machine can become documents, and in which order they are tried.

A file has a stable name, relative to the root it lies under (`stdlib/json/decoder.py`, `site/numpy/…`,
`man/de/man1/…`), so a sample depends on what is installed and not on where.
"""

from __future__ import annotations

import math
import os
import re
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline import keyed

MAX_BYTES = 200_000
"""Larger files are mostly generated tables, and one of them would outweigh a hundred documents."""
MAX_MODULE_BYTES = 80_000
"""Of a module whose docstrings are read: parsing is what a sample costs."""
MIN_BYTES = 200

OURS = frozenset({"pipeline", "stages", "classifiers", "mixtures", "jobs", "tests"})
SKIPPED_FOLDERS = frozenset({"__pycache__", "site-packages", "dist-packages"})
TEST_FOLDERS = frozenset({"test", "tests", "testing", "idle_test"})
CODE = re.compile(
    r".*\.(py[ixd]?|pxi|[ch]|cc|[ch]pp|cuh?|f|f90|js|ts|css|sh|sql|java|r|cmake)", re.IGNORECASE
)
MODULE = re.compile(r"(?!test_|conftest)[A-Za-z0-9_]+\.py")
PROSE = re.compile(
    r"(readme|licen[sc]e|copying|copyright|notice|authors|news|history|changelog).*|.*\.(md|rst)",
    re.IGNORECASE,
)
DOC = re.compile(r"copyright|(readme|news|faq|todo|authors|thanks|bugs).*|.*\.(txt|md|rst)", re.IGNORECASE)
TOPICS = "stdlib/pydoc_data/topics.py"
"""The language reference as a dictionary of texts."""

# A folder that holds other people's packages: what comes before it says who copied, not who wrote.
VENDORED = re.compile(r"(?:^|.*/)(?:_?vendor|_?vendored|externals?)/(?=.*/)")


@dataclass(frozen=True)
class File:
    """A file of this machine."""

    path: str
    n_bytes: int
    sources: tuple[str, ...]
    """Those that may make a document of it."""


@dataclass(frozen=True)
class Found:
    """A file, or a part of one, that a document can be made of."""

    name: str
    """Root and relative path with forward slashes; a part of a file follows `#`."""
    path: str
    group: str
    """Who wrote it: a package, or a manual's language. What a group gives grows with the root of its size."""
    twin: str
    """The name below a vendoring package, so that copies of one file are chosen together."""
    tier: int = 0
    """Higher tiers are tried when the lower ones are used up."""


@dataclass(frozen=True)
class Root:
    """A folder of this machine and the name it goes by."""

    name: str
    path: Path
    links: bool = True
    """Take links to files: package managers may link whole packages, manuals link mere aliases."""


def roots() -> list[Root]:
    """The running interpreter's library, its installed packages, and the system's manuals."""
    paths = sysconfig.get_paths()
    site = dict.fromkeys(Path(paths[k]) for k in ("purelib", "platlib"))
    return [
        Root("stdlib", Path(paths["stdlib"])),
        *(Root("site", path) for path in site),
        Root("man", Path("/usr/share/man"), links=False),
        Root("doc", Path("/usr/share/doc"), links=False),
    ]


def survey(places: Iterable[Root]) -> dict[str, File]:
    """Stable name -> file, of every file that some source may use."""
    files: dict[str, File] = {}
    for root in places:
        for name, entry in _walk(root, str(root.path), f"{root.name}/"):
            if name not in files and (sources := takers(name)):
                files[name] = File(entry.path, entry.stat().st_size, sources)
    return files


def _walk(root: Root, folder: str, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:  # what is not there, or nobody may read, has nothing to give
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            ours = prefix == "site/" and (entry.name in OURS or entry.name.startswith("corpusmill-"))
            if not (ours or entry.name in SKIPPED_FOLDERS or entry.name[0] == "."):
                yield from _walk(root, entry.path, f"{prefix}{entry.name}/")
        elif entry.is_file(follow_symlinks=root.links) and entry.name.isprintable():
            yield prefix + entry.name, entry


def takers(name: str) -> tuple[str, ...]:
    """The sources that may make a document of the file of that name."""
    root, *folders, file = name.split("/")
    if root == "man":
        return ("manual",) if folders and folders[-1].startswith("man") else ()
    if root == "doc":
        return ("manual",) if DOC.fullmatch(file.removesuffix(".gz")) else ()
    tested = not TEST_FOLDERS.isdisjoint(folders)
    if CODE.fullmatch(file):
        if name == TOPICS:
            return ("manual",)
        if file.startswith("__editable__"):  # written by an installer, and says where
            return ()
        return ("code",) if tested or not MODULE.fullmatch(file) else ("reference", "code")
    if root == "stdlib":
        return ("manual",) if file.endswith(".txt") and not tested else ()
    described = file == "METADATA" and folders[-1:] and folders[-1].endswith(".dist-info")
    return ("readme",) if described or PROSE.fullmatch(file) else ()


def found(name: str, path: str, tier: int = 0) -> Found:
    """`name` with its group and twin."""
    root, rest = name.split("/", 1)
    if root == "site":
        twin = VENDORED.sub("", rest)
        group = re.sub(r"-[^/-]*\.dist-info$", "", twin.split("/")[0]).lower().removesuffix(".py")
        if rest.endswith("/METADATA"):
            group = f"metadata {group}"
        return Found(name, path, group, twin, tier)
    if root == "man":
        first = rest.split("/")[0]
        return Found(name, path, f"man {'en' if first.startswith('man') else first}", rest, tier)
    group = "copyright" if rest.endswith("/copyright") else root
    return Found(name, path, group, rest, tier)


def order(things: Iterable[Found], source: str, seed: int) -> list[Found]:
    """`things` in the order in which they are tried: lower tiers first, then by a keyed draw.

    A weighted draw without replacement (Efraimidis & Spirakis 2006) where all of a group of n weigh
    sqrt(n): many authors, and yet more of those who wrote more.
    """
    things = list(things)
    size = Counter((t.group, t.tier) for t in things)

    def place(thing: Found) -> tuple[int, float, str]:
        u = (keyed.key(seed, "sample", source, thing.twin) + 1) / 2**64
        return thing.tier, -math.log(u) * math.sqrt(size[thing.group, thing.tier]), thing.name

    return sorted(things, key=place)
