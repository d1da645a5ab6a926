"""HTML pages to plain text: the main content, without navigation, ads and footers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import pyarrow as pa

from pipeline.bounds import Count
from pipeline.errors import PlanError
from pipeline.schema import HTML, TEXT, URL, column, put
from pipeline.stage import Map
from stages.extract.about.metadata import PAGE, metadata
from stages.extract.engines import Extractor, Markup, extractor
from stages.extract.formulas.markup import with_formulas
from stages.extract.formulas.traces import may_have_formulas
from stages.extract.mojibake import repaired
from stages.extract.nesting import tree_work

TITLE = column("title", pa.string(), "the page's title; null if it has none")

MAX_WORK = 10_000_000
"""Steps a tree may cost (see `tree_work`), about 3 s. No page of 3,200 real ones came above 2.8 million."""


@dataclass(frozen=True, kw_only=True)
class ExtractHtml(Map):
    """Main content of a page as plain text, and what the page says of itself. Nothing is run or fetched.

    Every engine keeps lists with their bullets, table rows as lines, `<pre>` with its line breaks and
    indentation, and formulas as LaTeX between dollars, from MathML, MathJax, KaTeX or the texts of images.
    Addresses of links, other alternative texts and form fields are left out.

    Source: resiliparse (Bevendorff et al. 2018, "Elastic ChatNoir"); trafilatura (Barbaresi 2021, ACL-IJCNLP
        demonstrations). `auto` is our own: see `stages/extract/auto` and docs/extraction.md.
    Differs: trafilatura runs without its deduplication and without comments. Guards count work, not
        seconds: a page whose markup would make a tree of more than 10 million steps (100,000 nested tags)
        gets no text, on any machine.
    Not implemented: text that only scripts put on the page.
    Null: null `html`, a page where nothing was found, and a page that the guard refused give null text.
    Cost: 7.0 ms (auto), 4.3 ms (resiliparse), 37 ms (trafilatura) a page of documentation; auto 9.5 ms where
        a page has 200 kB.
    """

    version: ClassVar[int] = 2
    reads: ClassVar[pa.Schema] = pa.schema([URL, HTML])
    adds: ClassVar[pa.Schema] = pa.schema([TEXT, TITLE, PAGE])
    removes: ClassVar[tuple[str, ...]] = ("html",)

    engine: str = "auto"
    """auto: a model classifies each block of the page; resiliparse, trafilatura: as they come; or another of
    the entry points `pipeline.extract_engines`."""
    format: Literal["text", "markdown"] = "text"
    """markdown: with the marks of headings, lists, quotations, code and tables; not from resiliparse."""
    repair_mojibake: bool = False
    """Undo where the text was UTF-8 and has been read as Windows-1252, Latin-1 or Windows-1251."""
    max_html_bytes: Count = 5_000_000
    """Longer pages are cut here (UTF-8 bytes), at a character."""

    def check(self) -> None:
        engine = self._extractor
        if self.format == "markdown" and not engine.markdown:
            raise PlanError(f"{self.engine} writes no Markdown: use engine: auto, or format: text")

    def stamp(self) -> str:
        return self._extractor.version

    @cached_property
    def _extractor(self) -> Extractor:
        # `check` finds it on the driver, where entry points are known, and it travels to workers in the step.
        return extractor(self.engine)

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        pages = batch.column("html").cast(pa.binary()).to_pylist()
        urls = batch.column("url").to_pylist()
        extracted = [self._extract(page, url) for page, url in zip(pages, urls, strict=True)]
        titles = [about and about["title"] for _, about in extracted]
        batch = put(batch.drop_columns(["html"]), TEXT, pa.array([text for text, _ in extracted], TEXT.type))
        batch = put(batch, TITLE, pa.array(titles, TITLE.type))
        return put(batch, PAGE, pa.array([about for _, about in extracted], PAGE.type))

    def _extract(self, page: bytes | None, url: str | None) -> tuple[str | None, dict[str, Any] | None]:
        if page is None:
            return None, None
        if len(page) > self.max_html_bytes:
            page = page[: self.max_html_bytes].decode("utf-8", errors="ignore").encode()
        html = page.decode()
        about = metadata(html, url)
        if not self._extractor.guarded and tree_work(page, MAX_WORK) > MAX_WORK:
            return None, about
        if may_have_formulas(page):
            html = with_formulas(html)
            page = html.encode()
        text = self._extractor.content(Markup(page, html), self.format == "markdown")
        if text and self.repair_mojibake:
            text = repaired(text)
        return text if text and not text.isspace() else None, about
