"""The cache of compiled code must never be older than the source, and may be missing."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ENTRY = """
from mill.part import part
from stages.text.kernel import compiled, kernel

@kernel
def entry(x: int) -> int:
    return part(x)

if __name__ == "mill.entry":
    print(entry(1), sum(compiled(entry).stats.cache_hits.values()))
"""
PART = """
from stages.text.kernel import device

@device
def part(x: int) -> int:
    return x + {add}
"""
TABLE = """
import os
import numpy as np
from mill import other
from stages.text.kernel import constants, device

def build():
    assert not os.environ.get("BUILT"), "built, though what it is for was compiled"
    return np.array([3, 4]), np.array([5, 6])

_FIRST, _SECOND = constants(2, build)

@device
def part(x: int) -> int:
    return _FIRST[0] + other.more(x)
"""
OTHER = """
from stages.text.kernel import device

@device
def more(x: int) -> int:
    return x + 4
"""


@pytest.fixture
def mill(tmp_path: Path) -> Path:
    folder = tmp_path / "mill"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "entry.py").write_text(ENTRY)
    (folder / "part.py").write_text(PART.format(add=1))
    (folder / "other.py").write_text(OTHER)
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
    value, hits = map(int, done.stdout.split())
    is_kept = "XDG_CACHE_HOME" not in environment
    assert done.stderr.count("compiling kernels, once for an installation") == (is_kept and not hits)
    return value, hits


def test_a_kernel_follows_what_it_calls(mill: Path) -> None:
    assert run(mill) == (2, 0)
    assert run(mill) == (2, 1)
    stat = (mill / "part.py").stat()
    (mill / "part.py").write_text(PART.format(add=2))
    os.utime(mill / "part.py", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert run(mill) == (3, 0)


def test_processes_that_start_together_compile_once(mill: Path) -> None:
    with ThreadPoolExecutor() as pool:
        ran = list(pool.map(lambda _: run(mill), range(3)))
    assert sorted(ran) == [(2, 0), (2, 1), (2, 1)]


def test_what_only_loads_kernels_builds_no_tables(mill: Path) -> None:
    """What a kernel names is put in its place when it is compiled, wherever it stands."""
    (mill / "part.py").write_text(TABLE)
    assert run(mill) == (8, 0)
    assert run(mill, BUILT="1") == (8, 1)


def test_a_process_that_calls_no_kernel_has_no_numba() -> None:
    """Reading a recipe is to be quick: the modules of all stages are imported for it."""
    code = "import sys; from pipeline.registry import find, stages; [find('stages', n) for n in stages()]"
    heavy = ["numba", "pandas", "awkward", "trafilatura", "requests", "fsspec", "torch", "scipy"]
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print([m for m in {heavy} if m in sys.modules])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def test_where_nothing_can_be_written_each_process_compiles(mill: Path) -> None:
    (mill / "__pycache__").write_text("a file where the cache would be")
    nowhere = str(mill / "__pycache__")
    assert run(mill, XDG_CACHE_HOME=nowhere, PYTHONDONTWRITEBYTECODE="1") == (2, 0)
