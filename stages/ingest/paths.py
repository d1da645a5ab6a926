"""Which files a `paths` setting means, in the order of their names, and how they are cut into splits."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import fsspec

from pipeline.errors import PlanError
from pipeline.stage import Split

SPLIT_BYTES = 64 << 20


def expand(paths: str | Sequence[str]) -> list[str]:
    """The files that `paths` names: a path, a pattern with `*`, `?`, `[…]` or `**`, or a list of them.

    Sorted and without duplicates. Local files keep the form in which they were written (a relative path stays
    relative), so that the column `file` does not depend on the machine; others are URLs.

    Raises:
        PlanError: a path or pattern that no file matches; all of them are named.
    """
    found: set[str] = set()
    nothing = []
    for pattern in [paths] if isinstance(paths, str) else paths:
        files = _remote(pattern) if "://" in pattern else _local(pattern)
        found.update(files)
        if not files:
            nothing.append(pattern)
    if nothing:
        folders = [p for p in nothing if Path(p).is_dir()]
        hint = f"; {folders[0]!r} is a folder: name its files, as in {folders[0]}/*" if folders else ""
        raise PlanError(f"no file matches {', '.join(map(repr, nothing))}{hint}")
    if not found:
        raise PlanError("names no file: it is empty")
    return sorted(found)


def _local(pattern: str) -> list[str]:
    plain = Path(pattern).is_file() or not glob.has_magic(pattern)
    names = [pattern] if plain else glob.glob(pattern, recursive=True)  # noqa: PTH207 (Path.glob is relative to a folder)
    return [os.path.normpath(n) for n in names if Path(n).is_file()]


def _remote(pattern: str) -> list[str]:
    try:
        system, path = fsspec.url_to_fs(pattern)
    except (ImportError, ValueError) as error:
        raise PlanError(f"{pattern!r}: {error}") from error
    names = system.glob(path) if glob.has_magic(path) else [path]
    return [system.unstrip_protocol(n) for n in names if system.isfile(n)]


def open_file(path: str) -> BinaryIO:
    """A file for reading bytes, seekable; local paths and whatever fsspec knows."""
    if "://" in path:
        file: BinaryIO = fsspec.open(path, "rb").open()
        return file
    return Path(path).open("rb")


def size_and_stamp(path: str) -> tuple[int, str]:
    """Bytes of a file, and what changes when its content does: modification time in ns, or etag."""
    if "://" not in path:
        stat = Path(path).stat()
        return stat.st_size, str(stat.st_mtime_ns)
    system, name = fsspec.url_to_fs(path)
    info = system.info(name)
    stamp = next((info[k] for k in ("ETag", "etag", "mtime", "LastModified") if k in info), "")
    return int(info["size"]), str(stamp)


def byte_splits(files: list[str], split_bytes: int) -> list[Split]:
    """Ranges of `split_bytes` bytes, and what is left; an empty file is one empty split."""
    splits = []
    for path in files:
        size, stamp = size_and_stamp(path)
        for start in range(0, max(size, 1), split_bytes):
            stop = min(start + split_bytes, size)
            splits.append(Split(path=path, start=start, stop=stop, size=size, stamp=stamp))
    return splits
