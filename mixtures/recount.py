"""The proof behind `pipeline mix verify`: every index of a schedule, walked and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixtures.schedule import Schedule

BLOCK = 1 << 18
"""Indices at a time; about 30 MB of arrays."""


@dataclass(frozen=True, kw_only=True)
class Recount:
    """What a schedule yields."""

    total: tuple[int, ...]
    """Sequences of each source over the whole run."""
    prefix: tuple[int, ...]
    """The same among the first so many sequences."""
    uneven: int
    """Sequences that came again before all of their source had come, or were left out: 0 in a sound run."""

    def equal(self, schedule: Schedule, trained: Sequence[int] | None) -> bool:
        """Whether the plan was counted, and training has read what it had to by now."""
        as_planned = self.total == schedule.totals() and not self.uneven
        return as_planned and (trained is None or self.prefix == tuple(trained))


def recount(schedule: Schedule, prefix: int) -> Recount:
    """Walk all indices, and count those below `prefix` apart. Memory: 4 bytes for each sequence there is."""
    n_sources = len(schedule.sources)
    seen = [np.zeros(n, np.int32) for n in schedule.n_sequences]
    counted, early = np.zeros(n_sources, np.int64), np.zeros(n_sources, np.int64)
    for start in range(0, len(schedule), BLOCK):
        indices = np.arange(start, min(start + BLOCK, len(schedule)))
        source, sequence = schedule.at(indices)
        counted += np.bincount(source, minlength=n_sources)
        early += np.bincount(source[indices < prefix], minlength=n_sources)
        for s, counts in enumerate(seen):
            np.add.at(counts, sequence[source == s], 1)
    uneven = 0
    for counts, total in zip(seen, counted.tolist(), strict=True):
        if len(counts):
            least = total // len(counts)
            uneven += int(((counts < least) | (counts > least + (total % len(counts) > 0))).sum())
    return Recount(total=tuple(counted.tolist()), prefix=tuple(early.tolist()), uneven=uneven)
