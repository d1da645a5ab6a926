"""The files that a `paths` setting names, sorted, and how they are cut into splits."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from pipeline.errors import PlanError, RunError
from pipeline.stage import Split
from stages.ingest.remote import RemoteFile, describe_all, matching
from stages.ingest.stores import Info

SPLIT_BYTES = 64 << 20
FILE = "file://"


def expand(paths: str | Sequence[str]) -> list[str]:
    """The files that `paths` names: a path, a pattern with `*`, `?`, `[…]` or `**`, or a list of them.

    Sorted and without duplicates. Local files keep the form in which they were written (a relative path stays
    relative), so that the column `file` does not depend on the machine; others are URLs.

    Raises:
        PlanError: a path or pattern that no file matches; all of them are named.
    """
    patterns = [paths] if isinstance(paths, str) else paths
    files = _by_pattern(patterns)
    if nothing := [p for p in patterns if not files[p]]:
        folders = [p for p in nothing if Path(p).is_dir()]
        hint = f"; {folders[0]!r} is a folder: name its files, as in {folders[0]}/*" if folders else ""
        raise PlanError(f"no file matches {', '.join(map(repr, nothing))}{hint}")
    if not files:
        raise PlanError("names no file: it is empty")
    return sorted({name for names in files.values() for name in names})


def matches(patterns: Sequence[str]) -> list[str]:
    """As `expand`, but a pattern may match nothing."""
    return sorted({name for names in _by_pattern(patterns).values() for name in names})


def _by_pattern(patterns: Sequence[str]) -> dict[str, list[str]]:
    local = {p: _local(p) for p in patterns if not is_remote(p)}
    return local | _remote([p for p in patterns if is_remote(p)])


def _local(pattern: str) -> list[str]:
    if pattern.startswith(FILE):
        return [FILE + name for name in _local(pattern.removeprefix(FILE))]
    plain = Path(pattern).is_file() or not glob.has_magic(pattern)
    names = [pattern] if plain else glob.glob(pattern, recursive=True)  # noqa: PTH207 (Path.glob is relative to a folder)
    return [os.path.normpath(n) for n in names if Path(n).is_file()]


def _remote(patterns: list[str]) -> dict[str, list[str]]:
    """The files that each pattern matches."""
    plain = [p for p in patterns if not is_pattern(p)]
    try:
        files = {p: matching(p) for p in patterns if is_pattern(p)}
        return files | {p: [p] if info else [] for p, info in zip(plain, describe_all(plain), strict=True)}
    except RunError as error:
        raise PlanError(str(error)) from error


def is_pattern(url: str) -> bool:
    """Whether a URL means all files that match it."""
    # In an HTTP URL a question mark begins the query.
    return any(c in url for c in "*[") if url.startswith("http") else glob.has_magic(url)


def is_remote(path: str) -> bool:
    """Whether it is a URL of what does not lie on this machine."""
    return "://" in path and not path.startswith(FILE)


def local_path(path: str) -> Path:
    """A path of this machine, which may be written as a file:// URL."""
    return Path(path.removeprefix(FILE))


def open_file(path: str) -> BinaryIO:
    """A file for reading bytes, seekable; local paths, HTTP, and whatever fsspec knows."""
    if is_remote(path):
        return cast(BinaryIO, RemoteFile(path))
    return local_path(path).open("rb")


def open_split(split: Split) -> BinaryIO:
    """The file of a split. A remote one must be the one that was planned.

    Raises:
        RunError: it has changed, as far as that shows, or cannot be read.
    """
    if is_remote(split.path):
        return cast(BinaryIO, RemoteFile(split.path, Info(size=split.size, stamp=split.stamp)))
    return open_file(split.path)


def size_and_stamp(path: str) -> tuple[int, str]:
    """Bytes of a file, and what changes when its content does: modification time in ns, or etag."""
    (info,) = _described([path])
    return info.size, info.stamp


def _described(paths: list[str]) -> Iterator[Info]:
    remote = [p for p in paths if is_remote(p)]
    infos = dict(zip(remote, describe_all(remote), strict=True))
    for path in paths:
        if path not in infos:
            stat = local_path(path).stat()
            yield Info(size=stat.st_size, stamp=str(stat.st_mtime_ns))
        elif (info := infos[path]) is None:
            raise PlanError(f"{path}: no such file")
        else:
            yield info


def byte_splits(files: list[str], split_bytes: int) -> list[Split]:
    """Ranges of `split_bytes` bytes, and what is left; an empty file is one empty split.

    So is a file on a server that sends no ranges of it.
    """
    splits = []
    for path, info in zip(files, _described(files), strict=True):
        size, step = info.size, split_bytes if info.ranged else max(info.size, 1)
        for start in range(0, max(size, 1), step):
            stop = min(start + step, size)
            splits.append(Split(path=path, start=start, stop=stop, size=size, stamp=info.stamp))
    return splits
