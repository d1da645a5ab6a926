"""Files of a run: written under a temporary name, fsynced and renamed, so that existence means complete.

    documents/<source>/part-*.parquet       the documents and nothing else, for whatever opens a folder
    dropped/<source>/part-*.parquet         those that were dropped, with every column they ever had
    run.json                                where things are and what happened; written last
    _run/<source>/NN-<step>-<fingerprint>/  what belongs to the run: shards of each pass, keys, verdicts

The first two are hard links into the last: names under which a result is published, never copies. All of it
may lie on an object store (`pipeline.objects`): the functions here take its paths, too.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import PlanError
from pipeline.objects import scratch, transfer
from pipeline.objects.path import ObjectPath

WORK = Path("_run")
"""Where a run works. The field's readers (Arrow, Spark, Hive) pass over names with an underscore."""


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path that becomes `path`, fsynced, if the block ends well, and else is removed."""
    if isinstance(path, ObjectPath):
        with transfer.upload(path) as temporary:
            yield temporary
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(_temporary(path.name))
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def atomic_folder(path: Path, last: str) -> Iterator[Path]:
    """A temporary folder that becomes `path`, in place of what is there, if the block ends well.

    All of it is there when its file `last` is: an object store has no folders to rename.
    """
    if isinstance(path, ObjectPath):
        with transfer.upload_folder(path, last) as temporary:
            yield temporary
        return
    temporary = path.with_name(_temporary(path.name))
    temporary.mkdir(parents=True)
    try:
        yield temporary
        (path / last).unlink(missing_ok=True)  # first: what is half removed must not look complete
        shutil.rmtree(path, ignore_errors=True)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _temporary(name: str) -> str:
    # Random, not the process number: on a cluster two hosts may try the same shard with the same one.
    return f".{name}.{secrets.token_hex(8)}.tmp"


SESSION = ".session"
"""The folder in which an engine's queries spill: scratch, whatever a killed run has left of it."""
_TEMPORARY = re.compile(rf"\..+\.[0-9a-f]{{16}}\.tmp|{re.escape(SESSION)}")


def sweep(folder: Path) -> None:
    """Remove what killed runs left half written in a folder of `_run` or below: only names made here.

    A run that lies in there, with a `_run` of its own, is let be.
    """
    if isinstance(folder, ObjectPath):  # half an object is none
        return
    for root, folders, files in os.walk(folder):
        for name in filter(_TEMPORARY.fullmatch, files):
            (Path(root) / name).unlink(missing_ok=True)
        for name in filter(_TEMPORARY.fullmatch, folders):
            shutil.rmtree(Path(root) / name, ignore_errors=True)
        folders[:] = [n for n in folders if n != WORK.name and not _TEMPORARY.fullmatch(n)]


def write_json(path: Path, value: Any) -> None:
    """`value` as indented JSON, atomically."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """The value in a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def find_json(path: Path) -> Any | None:
    """The value in a JSON file; None if there is no such file."""
    try:
        return read_json(path)
    except FileNotFoundError:
        return None


def read_jsons(paths: Iterable[Path]) -> Iterator[Any]:
    """The values in JSON files, all of this machine or all of a store, in their order."""
    left = iter(paths)
    for first in left:
        paths = itertools.chain([first], left)
        if isinstance(first, ObjectPath):
            yield from map(json.loads, transfer.contents(map(ObjectPath, paths)))
        else:
            yield from map(read_json, paths)


def names(folder: Path) -> set[str]:
    """Names of the files in a folder; none where there is no folder."""
    if isinstance(folder, ObjectPath):
        return {name for name in folder.below() if "/" not in name}
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it, if it is there."""
    if isinstance(folder, ObjectPath):
        transfer.remove(folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def fetched(path: Path) -> Iterator[Path]:
    """A file of this machine that holds what `path` does: itself, or a copy while the block lasts."""
    if isinstance(path, ObjectPath):
        with transfer.fetched(path) as copy:
            yield copy
    else:
        yield path


@contextlib.contextmanager
def workplace(folder: Path) -> Iterator[Path]:
    """Where on this machine to work for `folder`: there, or in a temporary folder that goes at the end."""
    if not isinstance(folder, ObjectPath):
        yield folder
        return
    place = scratch.new(folder.name)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def fetch(paths: Sequence[Path], place: Path) -> list[Path]:
    """Files of this machine that hold what these do: themselves, or copies in a `workplace`."""
    objects = [path for path in paths if isinstance(path, ObjectPath)]
    copies = iter(transfer.fetch(objects, place / secrets.token_hex(4)) if objects else ())
    return [next(copies) if isinstance(path, ObjectPath) else path for path in paths]


def digest(*paths: Path | str) -> str:
    """SHA-256 of a file, hex; of several, the SHA-256 over theirs.

    Raises:
        PlanError: a file cannot be read.
    """
    digests = []
    for path in map(Path, paths):
        try:
            with path.open("rb") as file:
                digests.append(hashlib.file_digest(file, "sha256").hexdigest())
        except OSError as error:
            raise PlanError(f"cannot read {path}: {error.strerror}") from error
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def publish(files: Mapping[str, Path], folder: Path, ours: str = "part-*[0-9].parquet") -> None:
    """Make `folder` hold these files (name -> where it lies), as hard links, else as symbolic ones.

    Of what else is there, files named like `ours` go, for an earlier run has published them.
    """
    for name, file in files.items():
        target = folder / name
        if not (target.exists() and target.samefile(file)):
            folder.mkdir(parents=True, exist_ok=True)
            temporary = file.with_name(_temporary(name))  # where a killed run's are swept up
            try:
                temporary.hardlink_to(file)
            except OSError:  # a file system without them
                temporary.symlink_to(os.path.relpath(file, folder))
            temporary.replace(target)
    for old in folder.glob(ours):
        if old.name not in files:
            old.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
