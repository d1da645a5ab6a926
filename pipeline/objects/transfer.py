"""Whole objects to a store and from it, moved there and removed: many at once, in few requests."""

from __future__ import annotations

import contextlib
import itertools
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.errors import RunError
from pipeline.objects import scratch
from pipeline.objects.path import ObjectPath

AT_ONCE = 16
"""Objects on their way at a time. s3fs holds each in memory, up to 100 MiB."""
SMALL_AT_ONCE = 64
"""The same of requests without a body to speak of."""
CHUNK = 1000
"""Objects that S3 removes in one request."""


@contextlib.contextmanager
def upload(path: ObjectPath) -> Iterator[Path]:
    """A file of this machine that becomes the object, if the block ends well."""
    temporary = scratch.new(path.name)
    try:
        yield temporary
        path.call("put_file", str(temporary), str(path))
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def upload_folder(path: ObjectPath, last: str) -> Iterator[Path]:
    """A folder of this machine that becomes what lies below `path`; its file `last` comes last."""
    temporary = scratch.new(path.name)
    temporary.mkdir()
    try:
        yield temporary
        remove(path)
        files = [p for p in sorted(temporary.rglob("*")) if p.is_file() and p.name != last]
        objects = [path.joinpath(*p.relative_to(temporary).parts) for p in files]
        if files:
            path.call("put", list(map(str, files)), list(map(str, objects)), batch_size=AT_ONCE)
        path.call("put_file", str(temporary / last), str(path / last))
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def fetched(path: ObjectPath) -> Iterator[Path]:
    """The object as a file of this machine, as long as the block lasts."""
    temporary = scratch.new(path.name)
    try:
        path.call("get_file", str(path), str(temporary))
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def fetch(paths: Sequence[ObjectPath], folder: Path) -> list[Path]:
    """The objects as files in a folder of this machine, in their order."""
    folder.mkdir(parents=True)
    files = [folder / f"{i:07d}{path.suffix}" for i, path in enumerate(paths)]
    if paths:
        urls, names = list(map(str, paths)), list(map(str, files))
        paths[0].call("get", urls, names, batch_size=AT_ONCE)
    return files


def contents(paths: Iterable[ObjectPath]) -> Iterator[bytes]:
    """What small objects hold, in their order."""
    left = iter(paths)
    while some := list(itertools.islice(left, CHUNK)):
        urls = list(map(str, some))
        held = some[0].call("cat", urls, batch_size=SMALL_AT_ONCE, max_concurrency=1)
        yield from (held[url.partition("://")[2]] for url in urls)


def move(objects: Mapping[ObjectPath, ObjectPath]) -> None:
    """Give objects other names (from -> to): a copy on the side of the store, then the first is removed.

    A kill leaves some under both names, never under none.
    """
    left = iter(objects.items())
    while some := list(itertools.islice(left, CHUNK)):
        before, after = [str(a) for a, _ in some], [str(b) for _, b in some]
        some[0][0].call("copy", before, after, batch_size=SMALL_AT_ONCE)
        some[0][0].call("rm", before)


def remove(folder: ObjectPath, names: Sequence[str] | None = None) -> None:
    """Remove all objects below, or those of these names.

    Raises:
        RunError: some are still there.
    """
    gone = folder.below() if names is None else names
    if gone:
        folder.call("rm", [str(folder / name) for name in gone])
        if left := set(gone) & set(folder.below()):  # s3fs does not report those it was refused
            raise RunError(f"{folder / min(left)} cannot be removed: may these credentials do that?")
