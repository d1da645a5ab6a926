"""The decorators of compiled code: Numba, GIL released, cached on disk by the content of the source."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numba import njit
from numba.core.caching import IndexDataCacheFile

Function = TypeVar("Function", bound=Callable[..., Any])
Int: TypeAlias = int | np.int64
"""A number inside compiled code. What comes from an unsigned array is made `np.int64` first: Numba adds
uint64 and int64 to a float64, as NumPy does."""


_njit: Any = njit
_compile = _njit(nogil=True, _nrt=False)
"""Without Numba's run time no references are counted, which costs more than reading a byte; nor can a kernel
allocate: arrays to write to are passed in."""


def device(function: Function) -> Function:
    """A part of kernels, compiled into each that calls it. From Python it works too, for tests."""
    compiled: Any = _compile(function)
    part: Function = compiled
    return part


def kernel(function: Function) -> Function:
    """What Python calls: compiled on its first call, or loaded from the cache.

    Numba knows a cached kernel by the file it stands in alone, while what it calls is compiled into it: after
    an edit there, kernels elsewhere would go on with the old code. So the cache is named by the content of
    the package the kernel stands in, and of every package of ours that this one imports from.
    Where nothing can be written (a read-only installation), each process compiles anew.
    """
    compiled: Any = _compile(function)
    try:
        compiled.enable_caching()
        cached = compiled._cache._impl
        cached.locator.ensure_cache_path()
    except (RuntimeError, OSError):
        return device(function)
    mark = stamp(function.__module__.rpartition(".")[0])
    path, name = cached.locator.get_cache_path(), f"{cached.filename_base}-{mark}"
    file: Any = IndexDataCacheFile
    compiled._cache._cache_file = file(path, name, mark)
    entry: Function = compiled
    return entry


_OURS = re.compile(rb"^(?:from|import) ((?:stages|classifiers)(?:\.\w+)*)", re.MULTILINE)


def stamp(package: str) -> str:
    """What the names of the cached kernels of a package end with, as long as no source of theirs changes."""
    reached, left = set[str](), [package, "stages.text"] if package else ["stages.text"]
    while left:
        if (name := left.pop()) not in reached:
            reached.add(name)
            left += _content(name)[1]
    return hashlib.sha256("".join(_content(name)[0] for name in sorted(reached)).encode()).hexdigest()[:16]


@cache
def _content(package: str) -> tuple[str, list[str]]:
    """A hash over the package's Python files, and the packages of ours that they import from."""
    sources = {f.name: f.read_bytes() for f in files(package).iterdir() if f.name.endswith(".py")}
    joined = b"\0".join(name.encode() + b"\0" + sources[name] for name in sorted(sources))
    named = {m.decode() for text in sources.values() for m in _OURS.findall(text)}
    return hashlib.sha256(joined).hexdigest(), sorted({_package(name) for name in named})


def _package(name: str) -> str:
    """The package that an imported name of ours is, or stands in."""
    spec = find_spec(name)
    return name if spec is not None and spec.submodule_search_locations else name.rpartition(".")[0]
