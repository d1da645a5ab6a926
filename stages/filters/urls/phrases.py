"""Texts looked for anywhere in an address: fixed ones all at once, expressions one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import ahocorasick_rs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stages.text.buffers import Bytes
from stages.urls.normal import Buffer

PIECE = 1 << 16
"""Bytes searched at once: what is found in them lies in memory as Python objects, whatever somebody sends."""


class Phrases:
    """Fixed texts, found in one walk over many rows (Aho and Corasick 1975)."""

    def __init__(self, patterns: Sequence[bytes]):
        self.patterns = patterns

    @cached_property
    def _automaton(self) -> ahocorasick_rs.BytesAhoCorasick:
        # The automatic choice for many patterns is five times slower to search.
        implementation = ahocorasick_rs.Implementation.ContiguousNFA
        return ahocorasick_rs.BytesAhoCorasick(list(self.patterns), implementation=implementation)

    def find(self, rows: Buffer) -> Iterator[tuple[int, int]]:
        """(row, pattern) of all patterns that each row holds, each pair once, in order."""
        data, ends = rows
        if not self.patterns:
            return
        overlap = max(map(len, self.patterns)) - 1
        pairs = [np.empty(0, np.int64)]
        for start in range(0, len(data), PIECE):
            pairs.append(self._pairs(data[start : start + PIECE + overlap], start, ends))
        for pair in np.unique(np.concatenate(pairs)).tolist():
            yield divmod(pair, len(self.patterns))

    def _pairs(self, chunk: Bytes, start: int, ends: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """row * patterns + pattern; what reaches from one row into the next is none."""
        matches = self._automaton.find_matches_as_indexes(chunk.data, overlapping=True)
        if not matches:
            return np.empty(0, np.int64)
        pattern, first, behind = np.array(matches, np.int64).T
        row = np.searchsorted(ends, first + start, "right") - 1
        within = behind + start <= ends[row + 1]
        return np.unique(row[within] * len(self.patterns) + pattern[within])


def search(urls: pa.StringArray, expression: str, match_case: bool = False) -> npt.NDArray[np.int64]:
    """Rows in which a regular expression (RE2) matches somewhere. Linear in the text.

    Raises:
        pa.ArrowInvalid: RE2 does not take the expression (it has no look-around and no back references).
    """
    hit = pc.match_substring_regex(urls, expression, ignore_case=not match_case)
    return np.flatnonzero(pc.fill_null(hit, False).to_numpy(zero_copy_only=False))
