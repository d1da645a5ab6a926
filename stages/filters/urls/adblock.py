"""Adblock Plus filter rules as far as they speak of documents: read, indexed by a literal, matched."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa

from stages.filters.urls.phrases import Phrases, search
from stages.urls.address import Addresses
from stages.urls.split import FRAGMENT, HOST, HOST_STOP, START

MAX_CHARS = 8_192
"""Characters of an address that rules look at."""
_COSMETIC = re.compile(r"#@?[?$%]*@?#|\$@?\$")
_OPTIONS = re.compile(r"\$((?:~?[\w-]+(?:=[^,\s]*)?)(?:,~?[\w-]+(?:=[^,\s]*)?)*)$")
_REGEX = re.compile("/.+/")
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_DOCUMENT = re.compile("document|doc|popup|all")
_RESOURCE = re.compile(
    "script|image|img|stylesheet|css|object|object-subrequest|xmlhttprequest|xhr|subdocument|frame|ping|beacon|"
    "websocket|webrtc|media|font|other|background|xbl|dtd"
)
_FIRST_PARTY = frozenset(("~third-party", "~3p", "first-party", "1p", "strict1p"))
_THIRD_PARTY = frozenset(("third-party", "3p", "strict3p", "~first-party", "~1p"))


@dataclass
class AdblockRule:
    """One filter. `chunks` stand between its wildcards."""

    text: str
    chunks: list[str]
    at_host: bool = False
    at_start: bool = False
    at_end: bool = False
    regex: bool = False
    exception: bool = False
    important: bool = False
    match_case: bool = False
    only_on: frozenset[str] = frozenset()
    not_on: frozenset[str] = frozenset()

    @property
    def literal(self) -> str:
        """The longest text that every match holds, in lower case."""
        parts = [part for chunk in self.chunks for part in chunk.split("^")]
        return max(parts, key=len, default="").lower()

    @property
    def domain(self) -> str | None:
        """The host, if the rule says no more than `||host^`."""
        plain = self.at_host and len(self.chunks) == 1 and not self.at_end and self.chunks[0].endswith("^")
        special = self.exception or self.important or self.only_on or self.not_on
        name = self.chunks[0][:-1].lower() if plain and not special else ""
        return name if _HOST.fullmatch(name) else None

    @cached_property
    def _compiled(self) -> list[re.Pattern[str]]:
        flags = re.ASCII if self.match_case else re.ASCII | re.IGNORECASE
        texts = [re.escape(p).replace(r"\^", r"(?:[^\w\-.%]|\Z)") for p in self.chunks]
        if self.at_end:
            texts[-1] += r"\Z"
        return [re.compile(t, flags) for t in texts]

    def matches(self, url: str, host: tuple[int, int]) -> bool:
        """Whether it matches an address whose host stands at `host`; linear for each chunk.

        The leftmost place of each chunk leaves the most room for the next, so nothing is tried twice.
        """
        if not self._on(url[host[0] : host[1]].lower()):
            return False
        first, *rest = self._compiled
        match = None
        if self.at_start or self.at_host:
            begins = [0] if self.at_start else _label_starts(url, *host)
            match = next((m for b in begins if (m := first.match(url, b))), None)
        else:
            match = first.search(url)
        for chunk in rest:
            match = chunk.search(url, match.end()) if match else None
        return match is not None

    def _on(self, host: str) -> bool:
        """Whether `domain=` allows the site. The site of a document is its own host."""
        if not (self.only_on or self.not_on):
            return True
        labels = host.rstrip(".").split(".")
        for i in range(len(labels)):  # the most specific name decides
            name = ".".join(labels[i:])
            if name in self.not_on:
                return False
            if name in self.only_on:
                return True
        return not self.only_on


def _label_starts(url: str, start: int, stop: int) -> list[int]:
    return [start, *(i + 1 for i in range(start, stop) if url[i] == ".")] if start < stop else []


def parse(line: str) -> AdblockRule | str:
    """A rule, or why the line is none for documents.

    `comment`, `cosmetic` (hides elements), `resource` (speaks of scripts, images, ... alone), `third_party`
    (speaks of what other sites embed: a document is not embedded), `unsupported` (does not block but change).
    """
    if line.startswith(("!", "[", "# ")) or line == "#":
        return "comment"
    if _COSMETIC.search(line):
        return "cosmetic"
    rule = AdblockRule(text=line, chunks=[])
    rule.exception = line.startswith("@@")
    pattern = line.removeprefix("@@").encode().decode("latin-1")  # see `AdblockRules._hits`
    options = None if _REGEX.fullmatch(pattern) else _OPTIONS.search(pattern)
    if options:
        pattern = pattern[: options.start()]
        if why := _options(rule, options[1].split(",")):
            return why
    if _REGEX.fullmatch(pattern):
        rule.regex, rule.chunks = True, [pattern[1:-1]]
        return rule
    return _anchored(rule, pattern)


def _anchored(rule: AdblockRule, pattern: str) -> AdblockRule | str:
    rule.at_host = pattern.startswith("||")
    rule.at_start = pattern.startswith("|") and not rule.at_host
    pattern = pattern[2 if rule.at_host else int(rule.at_start) :]
    rule.at_end = pattern.endswith("|")
    pattern = pattern[: -1 if rule.at_end else None]
    if pattern.startswith("*"):
        rule.at_host = rule.at_start = False
    if pattern.endswith("*"):
        rule.at_end = False
    rule.chunks = [p for p in pattern.split("*") if p]
    restricted = rule.only_on or rule.exception
    if not rule.chunks and restricted:
        rule.chunks = [""]
    return rule if rule.chunks else "unsupported"


def _options(rule: AdblockRule, options: Sequence[str]) -> str:
    """Write what a rule's options say; why it is none for documents, or ''."""
    types = set()
    for option in options:
        name, _, value = option.lower().partition("=")
        if name in _THIRD_PARTY:
            return "third_party"
        if name in ("domain", "from"):
            sites = value.split("|")
            rule.only_on = frozenset(s for s in sites if s and s[0] != "~")
            rule.not_on = frozenset(s[1:] for s in sites if s.startswith("~"))
        elif name == "match-case":
            rule.match_case = True
        elif name == "important":
            rule.important = True
        elif _DOCUMENT.fullmatch(name) or _RESOURCE.fullmatch(name):
            types.add(name)
        elif name[:1] == "~" and _DOCUMENT.fullmatch(name[1:]):
            return "resource"
        elif not (name in _FIRST_PARTY or (name[:1] == "~" and _RESOURCE.fullmatch(name[1:]))):
            return "unsupported"
    return "resource" if types and not any(_DOCUMENT.fullmatch(t) for t in types) else ""


@dataclass
class AdblockRules:
    """The rules of one list."""

    rules: list[AdblockRule] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, lines: Iterable[str]) -> tuple[AdblockRules, list[str]]:
        """The rules that need more than a look-up, and the hosts of those that do not."""
        made, hosts = cls(), []
        for line in lines:
            rule = parse(line)
            if isinstance(rule, str):
                made.skipped[rule] += 1
            elif name := rule.domain:
                hosts.append(name)
            elif rule.regex and not _takes(rule.chunks[0]):
                made.skipped["unsupported"] += 1
            else:
                made.rules.append(rule)
        return made, hosts

    @cached_property
    def _index(self) -> tuple[Phrases, list[list[AdblockRule]], list[AdblockRule]]:
        """Texts, the rules that need each, and those that need none."""
        by_text: dict[str, list[AdblockRule]] = {}
        always = []
        for rule in self.rules:
            if not rule.regex and rule.literal:
                by_text.setdefault(rule.literal, []).append(rule)
            elif not rule.regex:
                always.append(rule)
        return Phrases([t.encode("latin-1") for t in by_text]), list(by_text.values()), always

    def match(self, addresses: Addresses, domains: dict[int, list[str]]) -> Iterator[tuple[int, str]]:
        """(row, rule) for all rules that block an address no exception saves.

        `domains` are those that the look-up found: row -> hosts.
        """
        hits: dict[int, list[AdblockRule]] = {}
        for row, rule in self._hits(addresses):
            hits.setdefault(row, []).append(rule)
        for row in sorted({*hits, *domains}):
            matching = hits.get(row, [])
            blocking = [r for r in matching if not r.exception]
            important = [r for r in blocking if r.important]
            if any(r.exception for r in matching):
                blocking, hosts = important, []
            else:
                hosts = domains.get(row, [])
            for text in [*(f"||{name}^" for name in hosts), *(r.text for r in blocking)]:
                yield row, text

    def _hits(self, addresses: Addresses) -> Iterator[tuple[int, AdblockRule]]:
        if not self.rules:
            return
        spans = addresses.spans[:, [START, FRAGMENT, HOST, HOST_STOP]].tolist()
        data = addresses.urls.data
        # A byte is a character here, so that positions in the data are positions in the text.
        texts = [data[a : min(b, a + MAX_CHARS)].tobytes().decode("latin-1") for a, b, _, _ in spans]
        phrases, by_text, always = self._index
        lowered = [t.lower().encode("latin-1") for t in texts]
        ends = np.concatenate([[0], np.cumsum([len(t) for t in lowered])]).astype(np.int64)
        pairs = phrases.find((np.frombuffer(b"".join(lowered), np.uint8), ends))
        candidates = [(row, rule) for row, text in pairs for rule in by_text[text]]
        candidates += [(row, rule) for row in range(len(texts)) for rule in always if texts[row]]
        for row, rule in candidates:
            start, _, host, stop = spans[row]
            if rule.matches(texts[row], (host - start, stop - start)):
                yield row, rule
        expressions = [r for r in self.rules if r.regex]
        array = pa.array(texts, pa.string()) if expressions else None
        for rule in expressions:
            for row in search(array, rule.chunks[0], rule.match_case).tolist():
                start, _, host, stop = spans[row]
                if rule._on(texts[row][host - start : stop - start].lower()):
                    yield row, rule


def _takes(expression: str) -> bool:
    try:
        search(pa.array([""], pa.string()), expression)
    except pa.ArrowInvalid:
        return False
    return True
