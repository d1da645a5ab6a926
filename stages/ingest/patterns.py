"""Files of this machine that match a pattern: glob, with a `**` that no symlink leads round in circles."""

from __future__ import annotations

import glob
import os
from collections import Counter
from pathlib import Path

MAX_WAYS = 40
"""Symlinks that lead to one folder in more ways are taken for a circle."""


def local_files(pattern: str) -> list[str]:
    """The files that match, in no order; symlinked files and folders are followed.

    `**` stands for any number of folders whose names begin with no dot. Where symlinks lead from a folder
    back to one that holds it, the files of each folder are found once: by the path with the fewest symlinks.
    """
    if Path(pattern).is_file() or not glob.has_magic(pattern):
        return [pattern] if Path(pattern).is_file() else []
    names, circle = _matches(pattern)
    files = [name for name in names if Path(name).is_file()]
    return _once(files) if circle else files


def _matches(pattern: str) -> tuple[list[str], bool]:
    """What matches, and whether symlinks led in a circle."""
    parts = pattern.split("/")
    if "**" not in parts:
        return glob.glob(pattern), False  # noqa: PTH207 (Path.glob is relative to a folder)
    deep = parts.index("**")
    top = "/".join(parts[:deep]) or ("/" if pattern.startswith("/") else "")
    rest = "/".join(_without_deep(parts[deep + 1 :]) or ["*"])
    matches, circle = [], False
    for start in glob.glob(top) if glob.has_magic(top) else [top]:  # noqa: PTH207
        folders = _followed(start)
        circle |= folders is None
        for folder in _each_once(start) if folders is None else folders:
            within, round_again = _matches(os.path.join(glob.escape(folder), rest))  # noqa: PTH118
            matches += within
            circle |= round_again
    return matches, circle


def _without_deep(parts: list[str]) -> list[str]:
    """What follows `**/**/…`, which means the same as `**`."""
    while parts[:1] == ["**"]:
        parts = parts[1:]
    return parts


def _followed(top: str) -> list[str] | None:
    """`top` and all folders below, by every path that leads there; None if that goes round in circles."""
    found, ways = [], Counter[tuple[int, int]]()
    pending = [(top, frozenset[tuple[int, int]]())]
    while pending:
        folder, above = pending.pop()
        if (here := _identity(folder)) is None:
            continue
        ways[here] += 1
        if here in above or ways[here] > MAX_WAYS:
            return None
        found.append(folder)
        pending += [(entry.path, above | {here}) for entry in _folders(folder)]
    return found


def _each_once(top: str) -> list[str]:
    """`top` and all folders below, each by one path, with as few symlinks as can be."""
    found, seen = [], set()
    pending, links = [top], list[str]()
    while pending or links:
        folder = pending.pop() if pending else links.pop(0)
        here = _identity(folder)
        if here is None or here in seen:
            continue
        seen.add(here)
        found.append(folder)
        for entry in _folders(folder):
            (links if entry.is_symlink() else pending).append(entry.path)
    return found


def _identity(folder: str) -> tuple[int, int] | None:
    try:
        stat = os.stat(folder or ".")  # noqa: PTH116
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def _folders(folder: str) -> list[os.DirEntry[str]]:
    """The folders in one, by name, without those that are hidden or cannot be looked into."""
    try:
        with os.scandir(folder or ".") as entries:
            found = [e for e in entries if not e.name.startswith(".") and e.is_dir()]
    except OSError:
        return []
    return sorted(found, key=lambda e: e.name)


def _once(files: list[str]) -> list[str]:
    """Those of each real folder by one path: its own, or else the first."""
    best: dict[str, tuple[bool, str]] = {}
    real = {folder: os.path.realpath(folder) for folder in map(os.path.dirname, files)}
    for name in files:
        folder, file = os.path.split(name)
        linked = os.path.abspath(folder) != real[folder]  # noqa: PTH100
        place = f"{real[folder]}/{file}"
        best[place] = min(best.get(place, (True, name)), (linked, name))
    return [name for _, name in best.values()]
