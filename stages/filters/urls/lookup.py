"""Addresses against tables: hosts by their endings, pages by their beginnings, words one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stages.text.buffers import Bytes, Offsets, byte
from stages.text.hashing import xxh64
from stages.text.kernel import Int, device, kernel
from stages.text.unicode import ALNUM, MARK, REPLACEMENT, char_class, decode
from stages.urls.address import Addresses
from stages.urls.normal import Buffer, page
from stages.urls.split import START, STOP, Spans
from stages.urls.table import Hashes, Kind, Table, position

MAX_PARTS = 16
"""Labels of a host, from the right, and parts of a path, from the left, that are looked up."""

Hits = npt.NDArray[np.int64]
"""int64 [room, 4]: row, place in the table, and the bytes that match: start, stop."""
Seen = npt.NDArray[np.int32]
"""int32 [entries]: the last row, counted from 1, that an entry was found in."""
Find = Callable[[Hashes, Hits], Int]
"""Writes as many matches as there is room for, and returns how many there are."""


class Match(NamedTuple):
    """An entry of a list that an address matches."""

    row: int
    list: int
    entry: str
    score: float = np.nan


def match(addresses: Addresses, text: Buffer, tables: Mapping[Kind, Table], exact: bool) -> Iterator[Match]:
    """All matches, unordered, each once.

    `exact` compares as datatrove does: whole hosts and registered domains, addresses and words as they stand.
    """
    urls, spans, hosts, domains = addresses
    finds: dict[Kind, tuple[Bytes, Find]] = {}
    names, ends = hosts.data, hosts.offsets
    finds["domain"] = names, lambda h, out: _hosts(names, ends, domains, exact, h, out)
    if exact:
        finds["page"] = urls.data, lambda h, out: _exact(urls.data, urls.offsets, urls.valid, h, out)
        finds["word"] = urls.data, lambda h, out: _raw_words(urls.data, spans, h, out, _unseen(h))
    else:
        finds["word"] = text[0], lambda h, out: _words(*text, h, out, _unseen(h))
    if not exact and tables.keys() & {"page", "folder"}:
        pages, bounds = page(urls.data, spans, names, ends)
        finds["page"] = pages, lambda h, out: _pages(pages, bounds, h, out)
        finds["folder"] = pages, lambda h, out: _folders(pages, bounds, h, out)
    for kind, table in tables.items():
        yield from _matches_of(table, len(spans), *finds[kind])


def _unseen(hashes: Hashes) -> Seen:
    return np.zeros(len(hashes), np.int32)


def _matches_of(table: Table, n_rows: int, data: Bytes, find: Find) -> Iterator[Match]:
    hits = np.empty((2 * n_rows + 64, 4), np.int64)
    # It counts on where there is no room, so a second time is enough.
    if (n := int(find(table.hashes, hits))) > len(hits):
        hits = np.empty((n, 4), np.int64)
        find(table.hashes, hits)
    for row, entry, start, stop in hits[:n].tolist():
        score = float(table.scores[entry]) if len(table.scores) else np.nan
        yield Match(row, int(table.lists[entry]), data[start:stop].tobytes().decode(errors="replace"), score)


@device
def _write_matches(hashes: Hashes, data: Bytes, start: Int, stop: Int, row: Int, out: Hits, n: Int) -> Int:
    """Write each entry that is `data[start:stop]`, if there is room; how many matches there are now."""
    h = xxh64(data, start, stop, np.uint64(0))
    entry = position(hashes, h)
    while 0 <= entry < len(hashes) and hashes[np.uint64(entry)] == h:
        if n < len(out):
            out[n, 0], out[n, 1], out[n, 2], out[n, 3] = row, entry, start, stop
        n += 1
        entry += 1
    return n


@device
def _write_matches_once(
    hashes: Hashes, data: Bytes, start: Int, stop: Int, row: Int, out: Hits, n: Int, seen: Seen
) -> Int:
    """As `_write_matches`, but an entry once a row: a word may be repeated without end."""
    entry = position(hashes, xxh64(data, start, stop, np.uint64(0)))
    # The row's number is the mark: nothing is cleared between rows.
    if entry < 0 or seen[np.uint64(entry)] == row + 1:
        return n
    seen[np.uint64(entry)] = row + 1
    return _write_matches(hashes, data, start, stop, row, out, n)


@kernel
def _hosts(
    data: Bytes, offsets: Offsets, domains: npt.NDArray[np.int32], exact: bool, hashes: Hashes, out: Hits
) -> Int:
    n: Int = np.int64(0)
    for row in range(len(offsets) - 1):
        start, stop = np.int64(offsets[row]), np.int64(offsets[row + 1])
        if start < stop and exact:
            domain = np.int64(domains[row, 1])
            if domain >= 0:
                n = _write_matches(hashes, data, domain, stop, row, out, n)
            if domain > start:
                n = _write_matches(hashes, data, start, stop, row, out, n)
        elif start < stop:
            pos, labels = stop, 0
            while pos > start and labels < MAX_PARTS:
                pos -= 1
                if pos == start or byte(data, pos - 1) == ord("."):
                    labels += 1
                    n = _write_matches(hashes, data, pos, stop, row, out, n)
    return n


@kernel
def _pages(data: Bytes, ends: npt.NDArray[np.int64], hashes: Hashes, out: Hits) -> Int:
    n: Int = np.int64(0)
    for row in range(len(ends) - 1):
        if ends[row] < ends[row + 1]:
            n = _write_matches(hashes, data, ends[row], ends[row + 1], row, out, n)
    return n


@kernel
def _folders(data: Bytes, ends: npt.NDArray[np.int64], hashes: Hashes, out: Hits) -> Int:
    n: Int = np.int64(0)
    for row in range(len(ends) - 1):
        start, stop = ends[row], ends[row + 1]
        pos, n_parts = start, 0
        while pos < stop and n_parts < MAX_PARTS:
            pos += 1
            if pos == stop or byte(data, pos) == ord("/") or byte(data, pos) == ord("?"):
                n_parts += 1
                n = _write_matches(hashes, data, start, pos, row, out, n)
    return n


@kernel
def _exact(data: Bytes, offsets: Offsets, valid: npt.NDArray[np.bool_], hashes: Hashes, out: Hits) -> Int:
    n: Int = np.int64(0)
    for row in range(len(valid)):
        if valid[row]:
            n = _write_matches(hashes, data, np.int64(offsets[row]), np.int64(offsets[row + 1]), row, out, n)
    return n


@kernel
def _words(data: Bytes, ends: npt.NDArray[np.int64], hashes: Hashes, out: Hits, seen: Seen) -> Int:
    n: Int = np.int64(0)
    for row in range(len(ends) - 1):
        pos: Int = ends[row]
        stop = ends[row + 1]
        start: Int = np.int64(-1)
        while pos < stop:
            code, after = decode(data, pos, stop)
            inside = bool(char_class(code) & (ALNUM | MARK)) or (code == REPLACEMENT and after == pos + 1)
            if inside and start < 0:
                start = pos
            if start >= 0 and not inside:
                n = _write_matches_once(hashes, data, start, pos, row, out, n, seen)
                start = np.int64(-1)
            pos = after
        if start >= 0:
            n = _write_matches_once(hashes, data, start, stop, row, out, n, seen)
    return n


@kernel
def _raw_words(data: Bytes, spans: Spans, hashes: Hashes, out: Hits, seen: Seen) -> Int:
    n: Int = np.int64(0)
    for row in range(len(spans)):
        start: Int = np.int64(spans[row, START])
        stop = np.int64(spans[row, STOP])
        for pos in range(start, stop + 1):
            char = byte(data, pos) if pos < stop else np.int64(0)
            if not (ord("a") <= (char | 32) <= ord("z") or ord("0") <= char <= ord("9")):
                if start < pos:
                    n = _write_matches_once(hashes, data, start, pos, row, out, n, seen)
                start = np.int64(pos + 1)
    return n
