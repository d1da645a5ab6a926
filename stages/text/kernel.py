"""The decorators of compiled code: Numba, GIL released, cached on disk by the content of the source.

Nothing is compiled, loaded or imported before it is called: a process that reads a recipe never sees Numba,
and one that finds its kernels in the cache never builds the tables that were compiled into them.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property, partial, update_wrapper
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])
Int: TypeAlias = int | np.int64
"""A number inside compiled code. What comes from an unsigned array is made `np.int64` first: Numba adds
uint64 and int64 to a float64, as NumPy does."""


class Later:
    """Stands in a module for what is made when it is asked for; `put_in_place` puts it where this stood."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    @cached_property
    def made(self) -> Any:
        """What it stands for."""
        return self._make()


class _Compiled(Later):
    """A function that is compiled, or loaded from the cache, when it is first called."""

    def __init__(self, function: Callable[..., Any], make: Callable[[Callable[..., Any]], Any]) -> None:
        super().__init__(lambda: make(function))
        update_wrapper(self, function)

    def __call__(self, *arguments: Any) -> Any:
        return self.made(*arguments)


def device(function: Function) -> Function:
    """A part of kernels, compiled into each that calls it. From Python it works too, for tests."""
    return cast(Function, _Compiled(function, _dispatcher))


def kernel(function: Function) -> Function:
    """What Python calls: compiled on its first call, or loaded from the cache."""
    return cast(Function, _Compiled(function, _cached))


def compiled(function: Callable[..., Any]) -> Any:
    """Numba's own object for a kernel or a part of one."""
    return cast(_Compiled, function).made


def constants(n: int, make: Callable[[], Sequence[Any]]) -> Any:
    """Names for `n` arrays: compiled code that names one has it as a constant. Python asks for `.made`."""
    made = Later(make)
    return tuple(Later(partial(_nth, made, i)) for i in range(n))


def _nth(made: Later, i: int) -> Any:
    return made.made[i]


def put_in_place(function: Callable[..., Any]) -> None:
    """Put what a function's globals have stand-ins for in their place: Numba takes no stand-ins."""
    named = {*_names(function.__code__)}
    places = [function.__globals__]
    places += [vars(value) for name in named if isinstance(value := places[0].get(name), ModuleType)]
    for place in places:
        for name in named:
            if isinstance(value := place.get(name), Later):
                place[name] = value.made


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _dispatcher(function: Callable[..., Any]) -> Any:
    import numba

    njit: Any = numba.njit
    # Without Numba's run time no references are counted, which costs more than reading a byte; nor can a
    # kernel allocate: arrays to write to are passed in.
    made = njit(nogil=True, _nrt=False)(function)
    compiler = made._compiler
    compile_ = compiler.compile

    def compile_in_place(*signature: Any) -> Any:
        put_in_place(function)  # not before: what is loaded from the cache needs none of it
        return compile_(*signature)

    compiler.compile = compile_in_place
    return made


@cache
def _announce() -> None:
    """Say, once in a process, what takes so long."""
    sys.stderr.write("compiling kernels, once for an installation (`pipeline warm` does it beforehand)\n")


def _cached(function: Callable[..., Any]) -> Any:
    """A dispatcher with a cache on disk.

    Numba knows a cached kernel by the file it stands in alone, while what it calls is compiled into it: after
    an edit there, kernels elsewhere would go on with the old code. So the cache is named by the content of
    the package the kernel stands in, and of every package of ours that this one imports from.
    Where nothing can be written (a read-only installation), each process compiles anew.
    """
    from numba.core.caching import IndexDataCacheFile

    made = _dispatcher(function)
    try:
        made.enable_caching()
        cached = made._cache._impl
        cached.locator.ensure_cache_path()
    except (RuntimeError, OSError):
        return made
    mark = stamp(function.__module__.rpartition(".")[0])
    path, name = cached.locator.get_cache_path(), f"{cached.filename_base}-{mark}"
    file: Any = IndexDataCacheFile
    made._cache._cache_file = file(path, name, mark)
    compile_, in_place = made.compile, made._compiler.compile

    def compile_once(signature: Any) -> Any:
        with _alone(Path(path, f"{name}.lock")):  # the others find it in the cache
            return compile_(signature)

    def compile_aloud(*signature: Any) -> Any:
        _announce()
        return in_place(*signature)

    made.compile, made._compiler.compile = compile_once, compile_aloud
    return made


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes from the same work; where there are no locks, all do it."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            fcntl.flock(stack.enter_context(path.open("w")), fcntl.LOCK_EX)
        yield


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
