"""The decorators of compiled code: Numba, GIL released, cached on disk by the content of the source."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
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
    this package and of the package the kernel stands in, which are all that a kernel may call.
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


def stamp(package: str) -> str:
    """What the names of the cached kernels of a package end with, as long as no source of theirs changes."""
    return _content("stages.text") + (_content(package) if package else "")


@cache
def _content(package: str) -> str:
    """8 hex digits of a hash over the package's Python files."""
    sources = {f.name: f.read_bytes() for f in files(package).iterdir() if f.name.endswith(".py")}
    joined = b"\0".join(name.encode() + b"\0" + sources[name] for name in sorted(sources))
    return hashlib.sha256(joined).hexdigest()[:8]
