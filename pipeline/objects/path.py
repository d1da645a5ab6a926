"""Paths of an object store: names as `pathlib` has them, contents through fsspec."""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path, PosixPath
from typing import Any, Self

from pipeline.errors import PlanError, RunError

PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
"""Scheme -> the package that fsspec needs for it."""
FOREIGN = {"botocore.exceptions": "BotoCoreError", "aiohttp": "ClientError"}
"""Errors of libraries below fsspec that are no OSError."""


class ObjectPath(PosixPath):
    """`s3://bucket/key` as a path. What it does not have, the system's calls among it, fails aloud."""

    __slots__ = ()

    def __str__(self) -> str:
        scheme, *rest = self.parts
        return f"{scheme}//{'/'.join(rest)}"

    def __fspath__(self) -> str:
        raise TypeError(f"{self} is no file of this machine")

    def call(self, method: str, *args: Any, **more: Any) -> Any:
        """A method of fsspec's file system.

        Raises:
            FileNotFoundError, FileExistsError: as files have them.
            RunError: the store cannot be reached, or refuses.
        """
        import fsspec  # not before there is such a path

        scheme = self.parts[0].rstrip(":")
        try:
            # Listings are never remembered: other machines write, too.
            return getattr(fsspec.filesystem(scheme, use_listings_cache=False), method)(*args, **more)
        except (FileNotFoundError, FileExistsError):
            raise
        except _errors() as error:
            why = str(error) or type(error).__name__
            raise RunError(
                f"{self}: {why}; is it there, and are the credentials in the environment?"
            ) from error

    def exists(self, **_: Any) -> bool:
        """Whether there is such an object, or any below."""
        return bool(self.call("exists", str(self)))

    def is_file(self, **_: Any) -> bool:
        """Whether there is such an object."""
        return bool(self.call("isfile", str(self)))

    def is_dir(self, **_: Any) -> bool:
        """Whether there are objects below."""
        return bool(self.call("isdir", str(self)))

    def below(self) -> list[str]:
        """Names of all objects below, relative, sorted: one request for each thousand."""
        start = len(str(self).partition("//")[2]) + 1
        return sorted(name[start:] for name in self.call("find", str(self)) if len(name) >= start)

    def glob(self, pattern: str, **_: Any) -> Generator[Self, None, None]:
        """Objects below whose names match, `*` within a part of them."""
        depth = pattern.count("/")
        for name in self.below():
            if name.count("/") == depth and Path(name).match(pattern):
                yield self / name

    def open(self, mode: str = "rb", *_: Any, **__: Any) -> Any:
        """For reading ranges of it, each as one request."""
        if mode != "rb":
            raise TypeError(f"{self} is written with `pipeline.store.atomic`")
        return self.call("open", str(self), "rb", cache_type="none")

    def read_text(self, *_: Any, **__: Any) -> str:
        """All of it."""
        # One request: for several at a time s3fs would ask for the size first.
        content: bytes = self.call("cat_file", str(self), max_concurrency=1)
        return content.decode()

    def unlink(self, missing_ok: bool = True) -> None:
        """Remove it; a store does not say whether it was there."""
        self.call("rm_file", str(self))

    def mkdir(self, *_: Any, **__: Any) -> None:
        """Nothing: a store has no folders."""

    def absolute(self) -> Self:
        """It is."""
        return self

    resolve = absolute  # type: ignore[assignment]

    def relative_to(self, *other: Any, **more: Any) -> Path:  # type: ignore[override]
        """What follows is a plain path, and no URL."""
        return Path(*super().relative_to(*other, **more).parts)


def _errors() -> tuple[type[Exception], ...]:
    return (OSError, *(getattr(sys.modules[m], name) for m, name in FOREIGN.items() if m in sys.modules))


def location(text: str | Path) -> Path:
    """A path of this machine, or of an object store if it is a URL.

    Raises:
        PlanError: no such store can be written, or what does so is not installed; says what to install.
    """
    if "://" not in str(text):
        return Path(text)
    import fsspec

    scheme = str(text).partition("://")[0]
    if scheme not in PACKAGES:
        known = ", ".join(f"{s}://" for s in PACKAGES)
        raise PlanError(f"cannot be written as {scheme}://: a local or mounted folder can, and {known}")
    try:
        fsspec.get_filesystem_class(scheme)
    except ImportError:
        package = PACKAGES[scheme]
        extra = " (or corpusmill[remote])" if package == "s3fs" else ""
        raise PlanError(f"{scheme}:// needs the package {package}: pip install {package}{extra}") from None
    path = ObjectPath(text)
    if len(path.parts) < 3:
        raise PlanError(f"{text} is a bucket: name a folder in it, such as {scheme}://bucket/runs/first")
    if set("*?[") & set(str(path)):
        raise PlanError(f"{text}: no *, ? and [ in the name, please: fsspec takes it for a pattern")
    return path
