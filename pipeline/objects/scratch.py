"""Files of this machine on their way to a store or from it: in TMPDIR, named after their process."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import socket
import tempfile
from functools import cache
from pathlib import Path

from pipeline.errors import RunError

NAME = re.compile(r"([0-9a-f]{8})-(\d+)-(\d+)")
"""What `process` gives, where the system says when a process began."""


@cache
def machine() -> str:
    """8 hex digits: what has these numbers of processes, since when. Two containers are two machines."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts += [Path("/proc/sys/kernel/random/boot_id").read_text()]
        parts += [str(Path("/proc/self/ns/pid").readlink())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def process() -> str:
    """This process, as no other is ever called: machine, number and when it began."""
    return f"{machine()}-{os.getpid()}-{_began(os.getpid())}"


def is_dead(name: str) -> bool:
    """Whether `process` once gave this name to one of this machine that is no more."""
    if (given := NAME.fullmatch(name)) is None:
        return False
    where, number, began = given.groups()
    return where == machine() and _began(int(number)) != began


def _began(number: int) -> str:
    """Ticks after the system's start; '' for none, and where the system does not say."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]  # a zombie is dead, though its parent has not looked


def _folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"corpusmill-scratch-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise RunError(f"{folder} belongs to another user: set TMPDIR to a folder of your own")
    return folder


def new(name: str) -> Path:
    """A path that nothing has, whose name ends like `name`."""
    return _folder() / f"{process()}.{secrets.token_hex(8)}.{name}"


def sweep() -> None:
    """Remove what processes of this machine have left that were killed."""
    for left in _folder().iterdir():
        if is_dead(left.name.partition(".")[0]):
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)
