"""The stage `url_signals`: what an address looks like, and which lists it is in."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from pipeline.errors import PlanError
from pipeline.schema import URL, column, made, put
from pipeline.stage import Map
from pipeline.store import digest
from stages.filters.measured import Profile, known
from stages.filters.urls import lists
from stages.filters.urls.lists import Lists, UrlList
from stages.filters.urls.lookup import Match, match
from stages.filters.urls.phrases import search
from stages.urls import suffixes
from stages.urls.address import PARTS, Addresses, measure, take_apart
from stages.urls.normal import Buffer, letters

ADDRESS = column(
    "address",
    pa.struct(
        [
            *PARTS,
            column("matches", pa.list_(pa.string()), "names of lists, one for each entry that matches"),
            column("entries", pa.list_(pa.string()), "those entries, in the same order"),
            column("score", pa.float64(), "highest score that a list gives; null where none does"),
        ]
    ),
    "parts and signals of the address, and the lists it is in; null where url is null",
)
PROFILES = ("paper", "datatrove")
_EXACT = ("domains", "urls", "substrings", "words")
"""Formats that datatrove has."""


@dataclass(frozen=True, kw_only=True)
class UrlSignals(Map):
    """Take addresses apart, and look them up in lists.

    Source: Penedo et al. 2023 (RefinedWeb), arXiv:2306.01116, appendix G.1 (lists of domains, words in
        addresses); the public suffix list; RFC 3986 and the URL Standard for the parts.
    Differs: addresses that browsers refuse get null parts and are counted all the same.
    Not implemented: dot segments are not resolved; hosts in numbers other than a.b.c.d are names.
    Null: null url gives a null struct; an address without a host has a null host.
    Cost: 2 us an address, 4.5 us with 4.6 million domains, words and substrings; EasyList takes 6 us more.
    """

    version: ClassVar[int] = 2
    reads: ClassVar[pa.Schema] = pa.schema([URL])
    adds: ClassVar[pa.Schema] = pa.schema([ADDRESS])

    lists: tuple[UrlList, ...] = ()
    """Each {path, format, name, ...}; `url_rules` says what a match means."""
    private_suffixes: bool = False
    """Whether names under which companies give out sites (github.io, blogspot.com) are suffixes."""
    profile: Profile = "paper"
    """How entries are compared: `paper`, or `datatrove` (docs/urls.md tells them apart)."""

    def check(self) -> None:
        known(self.profile, PROFILES)
        suffixes.load(self.private_suffixes)
        odd = [x.format for x in self.lists if x.format not in _EXACT]
        if self.profile == "datatrove" and odd:
            raise PlanError(f"profile datatrove has no lists of format {odd[0]}, only {', '.join(_EXACT)}")
        self._loaded()

    def stamp(self) -> str:
        return digest(suffixes.path()) + lists.stamp(self.lists)

    def makes(self) -> pa.Schema:
        """The column, with the names of the lists for the rules that follow."""
        looked_up = {b"lists": json.dumps([*lists.names(self.lists)]).encode()}
        address = ADDRESS.with_metadata({**ADDRESS.metadata, **looked_up})
        return pa.schema([made(address, f"profile {self.profile}")])

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        urls = batch.column("url")
        addresses = take_apart(urls, self.private_suffixes)
        parts, text = measure(addresses)
        loaded = self._loaded()
        parts += _listed(self._matches(addresses, urls, text, loaded), loaded.names, len(batch))
        struct = pa.StructArray.from_arrays(parts, fields=list(ADDRESS.type), mask=urls.is_null())
        return put(batch, self.makes().field(0), struct)

    def _loaded(self) -> Lists:
        return lists.load(self.lists, self.profile == "datatrove")

    def _matches(
        self, addresses: Addresses, urls: pa.StringArray, text: Buffer, loaded: Lists
    ) -> Iterator[Match]:
        exact = self.profile == "datatrove"
        domains: dict[int, dict[int, list[str]]] = {number: defaultdict(list) for number in loaded.adblock}
        for hit in match(addresses, text, loaded.tables, exact):
            if hit.list in domains:
                domains[hit.list][hit.row].append(hit.entry)
            else:
                yield hit
        yield from match(addresses, text, loaded.scored, exact)
        searched = letters(addresses.urls.data, addresses.spans) if exact else text
        for row, pattern in loaded.phrases.find(searched):
            entry = loaded.phrases.patterns[pattern].decode(errors="replace")
            yield Match(row, loaded.phrase_lists[pattern], entry)
        for number, expression in loaded.expressions:
            for row in search(urls, expression).tolist():
                yield Match(row, number, expression)
        for number, rules in loaded.adblock.items():
            for row, rule in rules.match(addresses, domains[number]):
                yield Match(row, number, rule)


def _listed(matches: Iterable[Match], names: tuple[str, ...], n_rows: int) -> list[pa.Array]:
    """The columns `matches`, `entries` and `score`: different entries by list, in the order of their text."""
    different: dict[tuple[int, int, str], float] = {}
    for row, number, entry, score in matches:
        key = (row, number, entry)
        different[key] = float(np.fmax(different.get(key, np.nan), score))
    ordered = sorted(different)
    sizes = np.zeros(n_rows + 1, np.int32)
    scores = np.full(n_rows, np.nan)
    for key in ordered:
        sizes[key[0] + 1] += 1
        scores[key[0]] = np.fmax(scores[key[0]], different[key])
    offsets = pa.array(np.cumsum(sizes), pa.int32())
    texts = ([names[number] for _, number, _ in ordered], [entry for _, _, entry in ordered])
    columns = [pa.ListArray.from_arrays(offsets, pa.array(t, pa.string())) for t in texts]
    return [*columns, pa.array(scores, mask=np.isnan(scores))]
