"""Files of a run: written under a temporary name, fsynced and renamed, so that existence means complete.

    documents/<source>/part-*.parquet       the documents and nothing else, for whatever opens a folder
    dropped/<source>/part-*.parquet         those that were dropped, with every column they ever had
    run.json                                where things are and what happened; written last
    _run/<source>/NN-<step>-<fingerprint>/  what belongs to the run: shards of each pass, keys, verdicts

The first two are hard links into the last: names under which a result is published, never copies.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import PlanError

WORK = Path("_run")
"""Where a run works. The field's readers (Arrow, Spark, Hive) pass over names with an underscore."""


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path that becomes `path`, fsynced, if the block ends well, and else is removed."""
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
def atomic_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that becomes `path`, in place of what is there, if the block ends well."""
    temporary = path.with_name(_temporary(path.name))
    temporary.mkdir(parents=True)
    try:
        yield temporary
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
