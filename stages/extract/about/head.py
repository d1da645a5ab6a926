"""The tags of a page's head, its JSON-LD, and the few marks in its body that say something of the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from stages.extract.about.dates import iso_date
from stages.extract.about.licences import licence_name
from stages.extract.tags import attributes, start_tag

MAX_HEAD = 300_000
"""Characters in which the head is looked for."""
MAX_BODY = 150_000
"""Characters after the head in which headings and dates are looked for; as many at the end, a licence."""
MAX_TAGS = 1_000
MAX_SCRIPTS = 20
MAX_HITS = 20

_AGENTS = """
ai2bot amazonbot anthropic-ai applebot-extended bytespider ccbot chatgpt-user claude-web claudebot cohere-ai
diffbot facebookbot google-extended gptbot imagesiftbot meta-externalagent oai-searchbot omgilibot
perplexitybot
"""
_SEARCHERS = "robots bingbot googlebot googlebot-news msnbot otherbot slurp yandex"
AI_AGENTS = frozenset(_AGENTS.split())
_ROBOTS = AI_AGENTS | frozenset(_SEARCHERS.split())
_HEAD_TAG = re.compile(
    # A literal `<` outside what ignores case, and the search skips to the next one.
    r"<(?i:(!--)|(script|style|title)(?=[\s>])|meta(?=\s)|html(?=\s)|base(?=\s)"
    r"|link(?=\s[^<>]{0,300}?(?:canonical|license)))"
)
_END_OF = {name: re.compile(rf"</(?i:{name})") for name in ("script", "style", "title")}
_ANY_TAG = re.compile(r"<[^<>]*>")
_SEPARATOR = re.compile(r"\s+[|\u2013\u2014:\u00b7\u2022\u00bb/-]\s+")
_TIME_CLASS = re.compile(r"publi|posted|entry-date|created|dt-p", re.IGNORECASE)


class PageHead:
    """What the head of a page and its JSON-LD hold. Of several tags with one name the first counts."""

    def __init__(self, html: str) -> None:
        self.html = html
        self.meta: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.robots: list[str] = []
        self.scripts: list[str] = []
        self.language: str | None = None
        self.base = ""
        self.title = ""
        self.head_end = self._end_of_head()
        for tag in self._head_tags():
            self._read(tag.lower()[:5], attributes(tag))
        if not self.scripts:
            self._scripts_of_the_body()

    def _end_of_head(self) -> int:
        for mark in ("</head", "<body", "</HEAD", "<BODY"):
            if (pos := self.html.find(mark, 0, MAX_HEAD)) >= 0:
                return pos
        return min(len(self.html), MAX_HEAD)

    def _head_tags(self) -> Iterator[str]:
        pos = 0
        for _ in range(MAX_TAGS):
            start = _HEAD_TAG.search(self.html, pos, self.head_end)
            if not start:
                return
            if start[1]:
                pos = self.html.find("-->", start.end())
            elif start[2]:
                pos = self._script(start)
            else:
                tag = start_tag(self.html, start.start())
                pos = start.start() + len(tag or start[0])
                yield tag or ""
            if pos < 0:
                return

    def _script(self, start: re.Match[str]) -> int:
        """Keeps it if it is JSON-LD or the title; where it ends."""
        end = _END_OF[start[2].lower()].search(self.html, start.end())
        if end and start[2].lower() == "title":
            self.title = self.title or _plain(self.html[start.end() : end.start()].partition(">")[2])
        elif end and "ld+json" in self.html[start.end() : start.end() + 200].partition(">")[0]:
            content = self.html.find(">", start.end()) + 1
            if len(self.scripts) < MAX_SCRIPTS:
                self.scripts.append(self.html[content : end.start()])
        return end.end() if end else -1

    def _scripts_of_the_body(self) -> None:
        pos = self.head_end
        while len(self.scripts) < MAX_SCRIPTS and (hit := self.html.find("ld+json", pos)) >= 0:
            content = self.html.find(">", hit) + 1
            pos = self.html.find("</", content) if content else -1
            if pos < 0:
                return
            self.scripts.append(self.html[content:pos])

    def _read(self, name: str, values: dict[str, str]) -> None:
        if name == "<html":
            self.language = self.language or values.get("lang") or values.get("xml:lang") or None
        elif name == "<base":
            self.base = self.base or values.get("href", "")
        elif name == "<link" and values.get("href", "").strip():
            for word in values.get("rel", "").lower().split():
                self.links.setdefault(word, values["href"].strip())
        elif name == "<meta":
            content = " ".join(values.get("content", "").split())
            for key in ("name", "property", "itemprop", "http-equiv"):
                if content and (word := values.get(key, "").strip().lower()):
                    self._say(word, content)

    def _say(self, word: str, content: str) -> None:
        if word in _ROBOTS:
            prefix = "" if word == "robots" else f"{word}:"
            self.robots += [prefix + d.strip() for d in content.lower().split(",")[:50] if d.strip()]
        elif word == "citation_author" and word in self.meta:
            self.meta[word] = f"{self.meta[word]}; {content}"[:1000]
        else:
            self.meta.setdefault(word, content)

    def _tags_with(self, mark: str, pos: int, stop: int) -> Iterator[tuple[int, str]]:
        """Start tags in which `mark` stands, and where."""
        for _ in range(MAX_HITS):
            hit = self.html.find(mark, pos, stop)
            if hit < 0:
                return
            start = self.html.rfind("<", max(0, hit - 1000), hit + 1)
            if start >= 0 and (tag := start_tag(self.html, start)) and start + len(tag) > hit:
                yield start, tag
            pos = hit + len(mark)

    def heading(self, title: str) -> str | None:
        """The first heading if it shares most words with `title`; else `title` without the site's name."""
        site = _words(self.meta.get("og:site_name", ""))
        parts = list(_SEPARATOR.finditer(title))
        if parts and site and _words(title[parts[-1].end() :]) == site:
            title = title[: parts[-1].start()]
        elif parts and site and _words(title[: parts[0].start()]) == site:
            title = title[parts[0].end() :]
        if title and (start := self.html.find("<h1", self.head_end, self.head_end + MAX_BODY)) >= 0:
            markup, end, _ = self.html[start : start + 2000].partition("</h1")
            heading = _plain(markup) if end else ""
            have, want = _words(heading), _words(title)
            if 2 * len(have & want) > 0.5 * (len(have) + len(want)):
                return heading
        return title or None

    def marked_date(self, name: str) -> str | None:
        """A date of the microdata or RDFa in the body."""
        for start, tag in self._tags_with(f'"{name}"', self.head_end, self.head_end + MAX_BODY):
            values = attributes(tag)
            text = values.get("content") or values.get("datetime") or values.get("title")
            after = start + len(tag)
            if date := iso_date(text or self.html[after : after + 100].partition("<")[0]):
                return date
        return None

    def time(self) -> str | None:
        """The date of a `<time>` that says it is the date of publication, or of the only ones there are."""
        dates = []
        for _, tag in self._tags_with("<time", self.head_end, self.head_end + MAX_BODY):
            values = attributes(tag)
            date = iso_date(values.get("datetime", ""))
            if date and ("pubdate" in tag or _TIME_CLASS.search(values.get("class", ""))):
                return date
            dates.append(date)
        return dates[0] if dates and len(set(dates)) == 1 else None

    def linked_licence(self) -> str | None:
        """The licence that a link to Creative Commons names, if marked as one or in the footer."""
        start_of_end = max(self.head_end, len(self.html) - MAX_BODY)
        for start, tag in self._tags_with("creativecommons.org/", start_of_end, len(self.html)):
            values = attributes(tag)
            marked = "license" in values.get("rel", "").lower().split()
            name = licence_name(values.get("href", ""))
            if (marked or self.html.rfind("<footer", 0, start) >= 0) and name and name.startswith("CC"):
                return name
        return None


def _plain(markup: str) -> str:
    return " ".join(unescape(_ANY_TAG.sub("", markup)).split())


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))
