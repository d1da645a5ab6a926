"""Token folder and mixture to batches: a pure function of (plan, seed, step), so nothing needs resuming."""

# B sequences, T positions

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jobs.train.model import IGNORED
from mixtures.schedule import Schedule
from pipeline.errors import RunError
from pipeline.shards import fingerprint
from pipeline.store import digest
from stages.tokens.format import TokenFolder


class Batch(NamedTuple):
    """One rank's part of the batch of a step."""

    tokens_BT: Tensor
    """int64"""
    targets_BT: Tensor
    """int64, IGNORED where there is nothing to learn"""
    source_B: Tensor
    """int64, positions in the schedule's sources"""


def targets_of(tokens_BT: Tensor, end_of_text: int) -> Tensor:
    """The next token of the row; ignored at the last position and in padding (end-of-text twice in a row).

    End-of-text after text counts: that is how a model learns to stop.
    """
    targets_BT = torch.full_like(tokens_BT, IGNORED)
    targets_BT[:, :-1] = tokens_BT[:, 1:]
    targets_BT[(tokens_BT == end_of_text) & (targets_BT == end_of_text)] = IGNORED
    return targets_BT


@dataclass(frozen=True, kw_only=True)
class Loader:
    """The batches of a training, or one rank's equal part of each."""

    folder: TokenFolder
    schedule: Schedule
    n_sequences: int
    """Sequences of a batch over all ranks."""
    rank: int = 0
    world: int = 1

    def __post_init__(self) -> None:
        if self.n_sequences % self.world:
            raise RunError(f"a batch of {self.n_sequences} sequences has no {self.world} equal parts")

    @property
    def steps(self) -> int:
        """Whole batches in the schedule."""
        return len(self.schedule) // self.n_sequences

    def indices(self, step: int) -> npt.NDArray[np.int64]:
        """Places in the schedule of this rank's part of the batch of `step` (from 0)."""
        each = self.n_sequences // self.world
        first = step * self.n_sequences + self.rank * each
        return np.arange(first, first + each)

    def batch(self, step: int) -> Batch:
        """This rank's part of the batch of `step`."""
        sources, sequences = self.schedule.at(self.indices(step))
        rows = np.empty((len(sources), self.folder.sequence_length), np.int64)
        for s in np.unique(sources):
            here = sources == s
            rows[here] = self.folder.sequences(self.schedule.sources[s], sequences[here])
        tokens_BT = torch.from_numpy(rows)
        source_B = torch.from_numpy(sources.astype(np.int64))
        return Batch(tokens_BT, targets_of(tokens_BT, self.folder.end_of_text), source_B)

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """The batches of steps [start, stop), each read while the one before is trained on."""
        with ThreadPoolExecutor(1, "loader") as pool:
            coming = pool.submit(self.batch, start) if start < stop else None
            for step in range(start, stop):
                assert coming
                batch = coming.result()
                coming = pool.submit(self.batch, step + 1) if step + 1 < stop else None
                yield batch


def open_data(tokens: Path, mixture: Path) -> tuple[TokenFolder, Schedule, str]:
    """Token folder, schedule, and the digest of both: what a checkpoint is bound to.

    Raises:
        RunError: the mixture was planned for other sequences than the folder holds.
    """
    folder, schedule = TokenFolder.open(tokens), Schedule.load(mixture / "mixture.json")
    planned = dict(zip(schedule.sources, schedule.n_sequences, strict=True))
    there = {name: folder.n_sequences(name) for name in schedule.sources}
    if planned != there:
        raise RunError(f"{mixture} was planned for {planned} sequences, but {tokens} holds {there}")
    return folder, schedule, fingerprint(digest(tokens / "tokens.json"), digest(mixture / "mixture.json"))
