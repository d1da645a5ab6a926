"""Models as named arrays in one file, without pickle, the same bytes for the same arrays."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import PlanError
from pipeline.store import atomic


def save(path: Path, **arrays: Any) -> None:
    """Write the file."""
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load(path: Path, what: str, *names: str) -> list[Any]:
    """The arrays of these names.

    Raises:
        PlanError: it is no such file; `what` it should be.
    """
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise PlanError(f"{path}: no file of {what}")
            file.seek(0)
            with np.load(file, allow_pickle=False) as data:
                return [data[name] for name in names]
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise PlanError(f"{path}: no file of {what} ({error})") from error
