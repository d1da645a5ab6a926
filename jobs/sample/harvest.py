"""Which files of this machine can become documents, and in which order they are tried.

A file has a stable name, relative to the root it lies under (`stdlib/json/decoder.py`, `site/numpy/…`), so a
sample depends on what is installed and not on where.
"""

from __future__ import annotations

import math
import os
import re
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline import keyed

OURS = frozenset({"pipeline", "stages", "classifiers", "mixtures", "jobs", "tests"})
SITE_FOLDERS = frozenset({"site-packages", "dist-packages"})
TEST_FOLDERS = frozenset({"test", "tests", "testing", "idle_test"})
CODE = re.compile(
    r".*\.(py[ixd]?|pxi|[ch]|cc|[ch]pp|cuh?|f|f90|js|ts|css|sh|sql|java|r|cmake)", re.IGNORECASE
)
MODULE = re.compile(r"(?!test_|conftest)[A-Za-z0-9_]+\.py")
README = re.compile(r"readme.*|.*\.md", re.IGNORECASE)
PLAINTEXT = re.compile(
    r"(licen[sc]e|copying|copyright|notice|authors|thanks|news|history|changelog).*|.*\.rst", re.IGNORECASE
)
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
    """Sources that may make a document of it."""


@dataclass(frozen=True)
class Candidate:
    """A file, or a part of one, that a document can be made of."""

    name: str
    """Root and relative path with forward slashes; a part of a file follows `#`."""
    path: str
    package: str
    """The package that wrote it. What a package gives grows with the square root of its number of files."""
    twin: str
    """The name below a vendoring package, so that copies of one file are chosen together."""


@dataclass(frozen=True)
class Root:
    """A folder of this machine and the name it goes by."""

    name: str
    path: Path


def roots() -> list[Root]:
    """The running interpreter's library and every folder that it imports installed packages from."""
    site = dict.fromkeys(Path(path) for path in sys.path if Path(path).name in SITE_FOLDERS)
    return [Root("stdlib", Path(sysconfig.get_paths()["stdlib"])), *(Root("site", path) for path in site)]


def survey(folders: Iterable[Root]) -> dict[str, File]:
    """Stable name -> file, of every file that some source may use."""
    files: dict[str, File] = {}
    for root in folders:
        for name, entry in _walk(str(root.path), f"{root.name}/"):
            if name not in files and (sources := sources_of(name)):
                files[name] = File(entry.path, entry.stat().st_size, sources)
    return files


def _walk(folder: str, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:  # what is not there, or nobody may read, has nothing to give
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            ours = prefix == "site/" and (entry.name in OURS or entry.name.startswith("corpusmill-"))
            if not (
                ours or entry.name in SITE_FOLDERS or entry.name[0] == "." or entry.name == "__pycache__"
            ):
                yield from _walk(entry.path, f"{prefix}{entry.name}/")
        elif entry.is_file() and entry.name.isprintable():
            yield prefix + entry.name, entry


def sources_of(name: str) -> tuple[str, ...]:
    """The sources that may make a document of the file of that name."""
    _, *folders, file = name.split("/")
    if name == TOPICS:
        return ("plaintext",)
    if CODE.fullmatch(file):
        if file.startswith("__editable__"):  # written by an installer, and says where
            return ()
        tested = not TEST_FOLDERS.isdisjoint(folders)
        return ("code",) if tested or not MODULE.fullmatch(file) else ("reference", "code")
    if file == "METADATA" and folders[-1:] and folders[-1].endswith(".dist-info"):
        return ("readme",)
    if README.fullmatch(file):
        return ("readme",)
    return ("plaintext",) if PLAINTEXT.fullmatch(file) else ()


def candidate(name: str, path: str) -> Candidate:
    """`name` with its package and twin."""
    root, rest = name.split("/", 1)
    if root != "site":
        return Candidate(name, path, root, rest)
    twin = VENDORED.sub("", rest)
    package = re.sub(r"-[^/-]*\.dist-info$", "", twin.split("/")[0]).lower().removesuffix(".py")
    return Candidate(name, path, f"metadata {package}" if rest.endswith("/METADATA") else package, twin)


def order(candidates: Iterable[Candidate], source: str, seed: int) -> list[Candidate]:
    """`candidates` in the order in which they are tried, a keyed draw.

    A weighted draw without replacement (Efraimidis & Spirakis 2006) where all n files of a package weigh
    sqrt(n) together: many authors, and yet more of those who wrote more.
    """
    candidates = list(candidates)
    size = Counter(c.package for c in candidates)

    def place(one: Candidate) -> tuple[float, str]:
        u = (keyed.key(seed, "sample", source, one.twin) + 1) / 2**64
        return -math.log(u) * math.sqrt(size[one.package]), one.name

    return sorted(candidates, key=place)
