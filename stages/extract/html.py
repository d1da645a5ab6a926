"""HTML pages to plain text: the main content, without navigation, ads and footers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import pyarrow as pa

from pipeline.errors import PlanError
from pipeline.schema import HTML, TEXT, column
from pipeline.stage import Map
from stages.extract import engines
from stages.extract.nesting import tree_work

TITLE = column("title", pa.string(), "the page's <title>, white space collapsed; null if it has none")

MAX_WORK = 10_000_000
"""Steps a tree may cost (see `tree_work`), about 3 s. No page of 3,200 real ones came above 2.8 million."""

MIN_SHARE = 0.2
"""Main content shorter than this share of the visible text has likely missed something."""


@dataclass(frozen=True, kw_only=True)
class ExtractHtml(Map):
    """Main content of a page as plain text, and its title. No script is run and nothing is fetched.

    Lists keep their bullets, table rows their lines, `<pre>` its line breaks and indentation; addresses of
    links, alternative texts, form fields and `<noscript>` are left out.

    Source: resiliparse (Bevendorff et al. 2018, "Elastic ChatNoir"); trafilatura (Barbaresi 2021,
        ACL-IJCNLP demonstrations). The routing of `auto` is our own.
    Differs: trafilatura runs without its deduplication and without comments. The guard counts work, not
        seconds: a page whose markup would make a tree of more than 10 million steps (100,000 nested tags,
        26,000 attributes in one tag) gets no text, on any machine.
    Not implemented: formulas given as MathML or images, which no engine here keeps.
    Null: null `html`, a page where nothing was found, and a page that the guard refused give null text.
    Cost: 5.4 ms (resiliparse), 74 ms (trafilatura), 23 ms (auto, which asks trafilatura for every seventh) a
        page of 240 kB; 0.45 ms of it for the guard.
    """

    reads: ClassVar[pa.Schema] = pa.schema([HTML])
    adds: ClassVar[pa.Schema] = pa.schema([TEXT, TITLE])
    removes: ClassVar[tuple[str, ...]] = ("html",)

    engine: Literal["auto", "resiliparse", "trafilatura"] = "auto"
    """auto: resiliparse; where it kept under a fifth of the visible text, trafilatura if that found more."""
    max_html_bytes: int = 5_000_000
    """Longer pages are cut here (UTF-8 bytes), at a character."""

    def check(self) -> None:
        if self.max_html_bytes < 1:
            raise PlanError("max_html_bytes must be at least 1")

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        pages = batch.column("html").cast(pa.binary()).to_pylist()
        found = [(None, None) if page is None else self._extract(page) for page in pages]
        text = pa.array([text for text, _ in found], TEXT.type)
        title = pa.array([title for _, title in found], TITLE.type)
        batch = batch.drop_columns([name for name in ("html", "text", "title") if name in batch.schema.names])
        return batch.append_column(TEXT, text).append_column(TITLE, title)

    def _extract(self, page: bytes) -> tuple[str | None, str | None]:
        page = page[: self.max_html_bytes]
        if tree_work(page, MAX_WORK) > MAX_WORK:
            return None, None
        html = page.decode("utf-8", errors="ignore")  # a character cut in two at the end
        tree = engines.parse(html)
        if tree is None:
            return None, None
        title = " ".join((tree.title or "").split())
        text = engines.careful_content(html) if self.engine == "trafilatura" else engines.main_content(tree)
        if self.engine == "auto" and len(text or "") < MIN_SHARE * len(engines.visible_text(tree)):
            text = max(text or "", engines.careful_content(html) or "", key=len)
        return text if text and not text.isspace() else None, title or None
