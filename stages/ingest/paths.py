"""The files that a `paths` setting names, sorted, and how they are cut into splits.

What reads remote files is imported when there is one: its libraries take longer to load than most files.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import xxhash

from pipeline.errors import PlanError, RunError
from pipeline.stage import Split
from stages.ingest.info import Info
from stages.ingest.patterns import local_files

SPLIT_BYTES = 64 << 20
STAMP_BYTES = 64 << 10
"""Bytes at the beginning, in the middle and at the end of a local file that its stamp is a hash of."""
FILE = "file://"
VARIABLE = re.compile(r"\$\w+|\$\{\w+\}")
BRACES = re.compile(r"\{[^{}]*,[^{}]*\}")


def expand(paths: str | Sequence[str]) -> list[str]:
    """The files that `paths` names: a path, a pattern with `*`, `?`, `[…]` or `**`, or a list of them.

    Sorted and without duplicates. Local files keep the form in which they were written (a relative path stays
    relative), so that the column `file` does not depend on the machine; others are URLs. For the same reason
    nothing is expanded that a shell would: `~`, `$HOME`, `{a,b}`.

    Raises:
        PlanError: a path or pattern that no file matches; all of them are named.
    """
    patterns = [paths] if isinstance(paths, str) else paths
    files = _by_pattern(patterns)
    if nothing := [p for p in patterns if not files[p]]:
        hints = dict.fromkeys(hint for p in nothing if (hint := _hint(p)))
        raise PlanError("; ".join([f"no file matches {', '.join(map(repr, nothing))}", *hints]))
    if not files:
        raise PlanError("names no file: it is empty")
    return sorted({name for names in files.values() for name in names})


def _hint(pattern: str) -> str:
    """What may be wrong with a path that is no file; '' if that is not known."""
    if is_remote(pattern) or not pattern:
        return ""
    path = pattern.removeprefix(FILE)
    if Path(path).is_dir():
        return f"{pattern!r} is a folder: name its files, as in {pattern.rstrip('/')}/*"
    if path.startswith("~"):
        return "'~' is not expanded: write the path of the folder"
    if variable := VARIABLE.search(path):
        return f"{variable[0]!r} is not expanded: write what it stands for"
    if BRACES.search(path):
        return "braces are not expanded: write a list of patterns"
    if glob.has_magic(path) and glob.glob(path):  # noqa: PTH207
        return f"{pattern!r} matches folders only: name their files, as in {pattern.rstrip('/')}/*"
    return ""


def matches(patterns: Sequence[str]) -> list[str]:
    """As `expand`, but a pattern may match nothing."""
    return sorted({name for names in _by_pattern(patterns).values() for name in names})


def _by_pattern(patterns: Sequence[str]) -> dict[str, list[str]]:
    local = {p: _local(p) for p in patterns if not is_remote(p)}
    return local | _remote([p for p in patterns if is_remote(p)])


def _local(pattern: str) -> list[str]:
    if pattern.startswith(FILE):
        return [FILE + name for name in _local(pattern.removeprefix(FILE))]
    return [os.path.normpath(name) for name in local_files(pattern)]


def _remote(patterns: list[str]) -> dict[str, list[str]]:
    """The files that each pattern matches."""
    if not patterns:
        return {}
    from stages.ingest.remote import describe_all, matching

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
        return _open_remote(path)
    return local_path(path).open("rb")


def open_split(split: Split) -> BinaryIO:
    """The file of a split. A remote one must be the one that was planned.

    Raises:
        RunError: it has changed, as far as that shows, or cannot be read.
    """
    if is_remote(split.path):
        return _open_remote(split.path, Info(size=split.size, stamp=split.stamp))
    return open_file(split.path)


def _open_remote(path: str, planned: Info | None = None) -> BinaryIO:
    from stages.ingest.remote import RemoteFile

    return cast(BinaryIO, RemoteFile(path, planned))


def size_and_stamp(path: str) -> tuple[int, str]:
    """Bytes of a file, and what changes when its content does.

    Of a local file the time when it was modified, in ns, and a hash of its first, middle and last 64 KiB: a
    copy may bring its time with it. Of a remote one its etag.
    """
    (info,) = described([path])
    return info.size, info.stamp


def described(paths: list[str]) -> Iterator[Info]:
    """Size and stamp of each file.

    Raises:
        PlanError: one is not there, or cannot be read.
    """
    infos: dict[str, Info | None] = {}
    if remote := [p for p in paths if is_remote(p)]:
        from stages.ingest.remote import describe_all

        infos = dict(zip(remote, describe_all(remote), strict=True))
    for path in paths:
        if path not in infos:
            yield _looked_into(path)
        elif (info := infos[path]) is None:
            raise PlanError(f"{path}: no such file")
        else:
            yield info


def _looked_into(path: str) -> Info:
    try:
        handle = os.open(local_path(path), os.O_RDONLY)
        try:
            stat = os.fstat(handle)
            last, hashed = max(stat.st_size - STAMP_BYTES, 0), xxhash.xxh3_64()
            for start in sorted({0, last // 2, last}):
                hashed.update(os.pread(handle, STAMP_BYTES, start))
        finally:
            os.close(handle)
    except OSError as error:
        raise PlanError(f"{path}: cannot be read: {error.strerror}") from error
    return Info(size=stat.st_size, stamp=f"{stat.st_mtime_ns}-{hashed.hexdigest()}")


def byte_splits(files: list[str], split_bytes: int) -> list[Split]:
    """Ranges of `split_bytes` bytes, and what is left; an empty file is one empty split.

    So is a file on a server that sends no ranges of it.
    """
    splits = []
    for path, info in zip(files, described(files), strict=True):
        size, step = info.size, split_bytes if info.ranged else max(info.size, 1)
        for start in range(0, max(size, 1), step):
            stop = min(start + step, size)
            splits.append(Split(path=path, start=start, stop=stop, size=size, stamp=info.stamp))
    return splits
