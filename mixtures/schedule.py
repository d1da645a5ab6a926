"""The exact order in which sequences are seen: a pure function of (plan, seed, index).

Nothing is stored for a sequence and nothing is carried from one index to the next, so a run resumes, or
changes its number of workers, by asking for other indices.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from pipeline import keyed
from pipeline.store import read_json

Ints = npt.NDArray[np.int64]

CLOCK_BITS = 31
"""A phase lasts 2^31 ticks, whatever its number of sequences."""
MAX_DRAWS = 1 << 32
"""A phase draws fewer times than this from each source: tick x draws stays within 64 bits."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What stands at each index of a run.

    Within a phase the k-th of n draws of a source stands at the middle of the k-th of n equal parts of the
    phase, and all draws are merged by that time, ties in the order of the sources. So after any t sequences
    of a phase source i has had t * n_i / sum(n) of them to within (number of sources + 1) / 2.

    The d-th draw of a source over the whole run is of epoch d // n, and each epoch is a permutation of its
    own: no sequence comes a second time before all have come once.
    """

    seed: int
    sources: tuple[str, ...]
    n_sequences: tuple[int, ...]
    """Sequences that each source has."""
    draws: tuple[tuple[int, ...], ...]
    """Draws of each source in each phase."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """From a `mixture.json`."""
        plan = read_json(path)
        return cls(
            seed=plan["seed"],
            sources=tuple(plan["sources"]),
            n_sequences=tuple(plan["n_sequences"]),
            draws=tuple(tuple(phase["draws"]) for phase in plan["phases"]),
        )

    def __len__(self) -> int:
        return int(self._ends[-1])

    def totals(self) -> tuple[int, ...]:
        """Draws of each source over the whole run."""
        return tuple(sum(column) for column in zip(*self.draws, strict=True))

    def at(self, indices: Ints) -> tuple[npt.NDArray[np.int32], Ints]:
        """(position in `sources` int32 [n], sequence of that source int64 [n]) for `indices` int64 [n].

        In any order, repeats allowed; memory is proportional to n alone.

        Raises:
            IndexError: an index below 0 or beyond the last.
        """
        if len(indices) and not 0 <= indices.min() <= indices.max() < len(self):
            raise IndexError(f"indices {indices.min()} to {indices.max()} of {len(self)} sequences")
        source = np.empty(len(indices), np.int32)
        draw = np.empty(len(indices), np.int64)
        phases = np.searchsorted(self._ends, indices, side="right")
        for phase in np.unique(phases):
            here = np.flatnonzero(phases == phase)
            draws = self._draws[phase]
            source[here], k = _merge(draws, indices[here] - (self._ends[phase] - draws.sum()))
            draw[here] = k + self._draws[:phase].sum(axis=0)[source[here]]
        return source, self._sequence(source, draw)

    def _sequence(self, source: npt.NDArray[np.int32], draw: Ints) -> Ints:
        out = np.empty(len(draw), np.int64)
        for s in np.unique(source):
            here, n = np.flatnonzero(source == s), self.n_sequences[s]
            epochs, places = np.divmod(draw[here], n)
            for epoch in np.unique(epochs):
                now = epochs == epoch
                key = keyed.key(self.seed, self.sources[s], int(epoch))
                out[here[now]] = keyed.permute(places[now], n, key)
        return out

    @cached_property
    def _draws(self) -> Ints:
        return np.array(self.draws, np.int64)

    @cached_property
    def _ends(self) -> Ints:
        return np.cumsum(self._draws.sum(axis=1), dtype=np.int64)


def _merge(draws: Ints, rank: Ints) -> tuple[npt.NDArray[np.int32], Ints]:
    """(source, k) of the draws that stand at `rank` int64 [n] when all of a phase are merged by time."""
    time = _tick(draws, rank)
    source = np.full(len(rank), -1, np.int32)
    k = np.zeros(len(rank), np.int64)
    ahead = rank - sum(_drawn(n, time - 1) for n in draws)
    for s, n in enumerate(draws):
        before = _drawn(n, time - 1)
        now = _drawn(n, time) - before
        mine = (source < 0) & (ahead < now)
        source[mine] = s
        k[mine] = (before + ahead)[mine]
        ahead -= now
    return source, k


def _tick(draws: Ints, rank: Ints) -> Ints:
    """The first tick at whose end more than `rank` draws have been made."""
    # A source is never more than half a draw from its pace, which leaves few ticks to search among.
    pace = float(1 << CLOCK_BITS) / float(draws.sum())
    last = (1 << CLOCK_BITS) - 1
    low = np.clip(((rank - len(draws)) * pace).astype(np.int64) - 2, 0, last)
    high = np.clip(((rank + len(draws) + 1) * pace).astype(np.int64) + 2, 0, last)
    while (low < high).any():
        middle = (low + high) >> 1
        enough = sum(_drawn(n, middle) for n in draws) > rank
        high = np.where(enough, middle, high)
        low = np.where(enough, low, np.minimum(middle + 1, high))
    return low


def _drawn(n: int, tick: Ints) -> Ints:
    """How many of a source's `n` draws stand at `tick` or before.

    Draw k stands at ((2k + 1) << 30) // n, which is at most `tick` if 2k + 1 <= ((tick + 1) n - 1) >> 30.
    """
    return ((((tick + 1) * n - 1) >> (CLOCK_BITS - 1)) + 1) >> 1
