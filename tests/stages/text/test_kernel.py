"""The cache of compiled code must never be older than the source, and may be missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ENTRY = """
from mill.part import part
from stages.text.kernel import kernel

@kernel
def entry(x: int) -> int:
    return part(x)

if __name__ == "mill.entry":
    print(entry(1), sum(entry.stats.cache_hits.values()))
"""
PART = """
from stages.text.kernel import device

@device
def part(x: int) -> int:
    return x + {add}
"""


@pytest.fixture
def mill(tmp_path: Path) -> Path:
    folder = tmp_path / "mill"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "entry.py").write_text(ENTRY)
    (folder / "part.py").write_text(PART.format(add=1))
    return folder


def run(mill: Path, **environment: str) -> tuple[int, int]:
    """(what the kernel gives, how often it came from the cache) in a fresh process."""
    paths = [str(mill.parent), str(Path(__file__).parents[3])]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import mill.entry"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    value, hits = done.stdout.split()
    return int(value), int(hits)


def test_a_kernel_follows_what_it_calls(mill: Path) -> None:
    assert run(mill) == (2, 0)
    assert run(mill) == (2, 1)
    stat = (mill / "part.py").stat()
    (mill / "part.py").write_text(PART.format(add=2))
    os.utime(mill / "part.py", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert run(mill) == (3, 0)


def test_where_nothing_can_be_written_each_process_compiles(mill: Path) -> None:
    (mill / "__pycache__").write_text("a file where the cache would be")
    nowhere = str(mill / "__pycache__")
    assert run(mill, XDG_CACHE_HOME=nowhere, PYTHONDONTWRITEBYTECODE="1") == (2, 0)
