"""Checkpoints: complete or absent, checked by digest when read, and never mixed between trainings.

    checkpoints/step-00000500/state.pt          tensors: model, optimizer, what was consumed
    checkpoints/step-00000500/checkpoint.json   step, plan, settings, digest of state.pt

No pickled code is read: torch.load(weights_only=True) refuses anything but tensors and plain containers.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch

from jobs.train.config import TrainSettings
from pipeline.errors import PlanError, RunError
from pipeline.store import digest, read_json, write_json

State = dict[str, Any]


class ForeignCheckpoint(RunError):
    """The checkpoint belongs to another plan or other settings."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Which training it is: resuming needs it to be the same."""

    plan: str
    """Digest of the token folder's account and of the mixture."""
    settings: dict[str, Any]
    """All settings but those of the run."""

    @classmethod
    def of(cls, plan: str, settings: TrainSettings) -> Self:
        """The training that `settings` make of `plan`."""
        named = {k: v for k, v in dataclasses.asdict(settings).items() if k != "run"}
        return cls(plan=plan, settings=named)

    def require(self, other: Identity, path: Path) -> None:
        """Raise ForeignCheckpoint, with both sides of every difference, unless `other` is the same."""
        mine, theirs = (dict(_flat({"plan": i.plan, **i.settings})) for i in (self, other))
        names = [n for n in {**mine, **theirs} if mine.get(n) != theirs.get(n)]
        if names:
            lines = [f"  {n}: {theirs.get(n)!r} in the checkpoint, {mine.get(n)!r} now" for n in names]
            raise ForeignCheckpoint(
                f"{path} is of another training:\n" + "\n".join(lines)
                + "\nset these back to resume it, or train into another folder"
            )  # fmt: skip


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each setting under its dotted name, as `model.d_model`."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one training, oldest first."""

    folder: Path
    identity: Identity
    keep: int = 2

    def save(self, step: int, state: State, **facts: Any) -> None:
        """Write one atomically, with `facts` in its JSON, then remove all but the newest `keep`.

        A folder appears under its name only when it is complete and on disk.
        """
        final = self._path(step)
        partial = final.with_name(f".{final.name}.tmp")
        for left in self.folder.glob(".step-*.tmp"):  # of a process that was killed while saving
            shutil.rmtree(left)
        partial.mkdir(parents=True)
        with (partial / "state.pt").open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        about = {"step": step, "plan": self.identity.plan, "settings": self.identity.settings}
        write_json(partial / "checkpoint.json", {**about, **facts, "sha256": digest(partial / "state.pt")})
        if final.exists():  # a damaged one that was passed over
            shutil.rmtree(final)
        partial.rename(final)
        _sync(self.folder)
        for old in self.paths()[: -self.keep]:
            shutil.rmtree(old)

    def paths(self) -> list[Path]:
        """Folders of complete checkpoints, oldest first."""
        return sorted(self.folder.glob("step-*"))

    def newest(self) -> tuple[Path, dict[str, Any]] | None:
        """Folder and JSON of the newest checkpoint whose bytes are as they were written; None without any.

        Raises:
            ForeignCheckpoint: the newest is of another training.
            RunError: there are checkpoints, but all of them are damaged.
        """
        for path in reversed(self.paths()):
            if about := _about(path):
                self.identity.require(Identity(plan=about["plan"], settings=about["settings"]), path)
                return path, about
        if self.paths():
            raise RunError(f"all checkpoints in {self.folder} are damaged; remove the folder to begin anew")
        return None

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}"


def load(path: Path) -> State:
    """The tensors of a checkpoint, on the CPU."""
    state: State = torch.load(path / "state.pt", map_location="cpu", weights_only=True)
    return state


def _about(path: Path) -> dict[str, Any] | None:
    """The JSON of a checkpoint, or None if it or the tensors beside it are not what was written."""
    try:
        about: dict[str, Any] = read_json(path / "checkpoint.json")
        return about if about["sha256"] == digest(path / "state.pt") else None
    except (PlanError, OSError, ValueError, KeyError):
        return None


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
