"""The public suffix list: where in a host name the part begins that somebody registered."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import idna
import numpy as np
import numpy.typing as npt
import xxhash

from pipeline.errors import PlanError
from stages.text.buffers import Bytes, Offsets, byte
from stages.text.hashing import xxh64
from stages.text.kernel import Int, device, kernel
from stages.urls.table import Hashes, position

RULE, WILDCARD, EXCEPTION = (np.uint64(i) for i in (101, 102, 103))
"""Seeds of the hashes: a rule, what follows `*.` and what follows `!`."""
MAX_LABELS = 16
"""Labels looked at, from the right; no rule has more than 5."""


class Suffixes(NamedTuple):
    """Hashes of the rules, sorted."""

    hashes: Hashes


def path() -> Path:
    """The list that is installed; its date is the version of the package."""
    return Path(str(files("publicsuffixlist"))) / "public_suffix_list.dat"


@lru_cache(maxsize=4)
def load(private: bool) -> Suffixes:
    """The rules of registries, and with `private` those of companies (blogspot.com, github.io).

    Raises:
        PlanError: the list is not installed.
    """
    try:
        text = path().read_text(encoding="utf-8")
    except (OSError, ModuleNotFoundError) as error:
        raise PlanError("no public suffix list: pip install publicsuffixlist") from error
    hashes = {xxhash.xxh64_intdigest(name.encode(), int(seed)) for seed, name in _rules(text, private)}
    return Suffixes(np.array(sorted(hashes), np.uint64))


def _rules(text: str, private: bool) -> Iterator[tuple[np.uint64, str]]:
    for line in text.splitlines():
        if "===BEGIN PRIVATE" in line and not private:
            return
        rule = line.split()[0].lower() if line.strip() and not line.startswith("//") else ""
        seed = WILDCARD if rule.startswith("*.") else EXCEPTION if rule.startswith("!") else RULE
        name = rule.removeprefix("*.").removeprefix("!")
        if name:
            yield seed, ".".join(_ascii(label) for label in name.split("."))


def _ascii(label: str) -> str:
    return label if label.isascii() else idna.encode(label).decode()


def find(hosts: Bytes, offsets: Offsets, suffixes: Suffixes) -> npt.NDArray[np.int32]:
    """int32 [rows, 2]: where the public suffix and the registered domain of each host start; -1 has none.

    A host whose ending is in no rule has no suffix, unlike in the list's own algorithm, where any last label
    is one: `localhost` and `printer.lan` are no registered domains. A host that is a suffix has no domain.
    """
    spans = np.full((len(offsets) - 1, 2), -1, np.int32)
    _find(hosts, offsets, suffixes.hashes, spans)
    return spans


@kernel
def _find(hosts: Bytes, offsets: Offsets, hashes: Hashes, out: npt.NDArray[np.int32]) -> None:
    for row in range(len(offsets) - 1):
        start, stop = np.int64(offsets[row]), np.int64(offsets[row + 1])
        suffix, domain = _suffix(hosts, start, stop, hashes)
        out[row, 0], out[row, 1] = suffix, domain


@device
def _suffix(data: Bytes, start: Int, stop: Int, hashes: Hashes) -> tuple[Int, Int]:
    """The longest rule wins, an exception over all; it makes a suffix of what follows its first label."""
    none = np.int64(-1)
    label, wild = stop, False
    suffix: Int = none
    domain: Int = none
    for _ in range(MAX_LABELS):
        pos = label - 1 if label < stop else stop
        while pos > start and byte(data, pos - 1) != ord("."):
            pos -= 1
        # One table for three kinds of rule: the seed of the hash tells them apart.
        if position(hashes, xxh64(data, pos, stop, EXCEPTION)) >= 0:
            return label if label < stop else none, pos
        here = xxh64(data, pos, stop, RULE)
        if wild or position(hashes, here) >= 0:
            suffix, domain = pos, none
        elif domain == none and suffix != none:
            domain = pos
        wild = bool(position(hashes, xxh64(data, pos, stop, WILDCARD)) >= 0)
        label = pos
        if pos == start:
            break
    return suffix, domain
