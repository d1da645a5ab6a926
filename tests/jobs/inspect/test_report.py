"""What a run looks like afterwards: tables, and a page that stands alone."""

from __future__ import annotations

import io
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from jobs.inspect.report import number, sections, show, write
from pipeline.errors import RunError
from pipeline.record import Record, StepCount

RECORD = Record(
    name="a <b> run",
    recipe="stages.yaml",
    began="2026-01-01T00:00:00Z",
    documents={"web": ["documents/web"]},
    dropped={"web": ["dropped/web"]},
    rows={"web": 990},
    content_hash="ab" * 32,
    steps=[
        StepCount(source="web", name="warc", rows_in=1000, kept=990, dropped={"damaged": 10}, seconds=1.0)
    ],
    settings={"web": []},
    peak_bytes=300 << 20,
    seconds=12.5,
    sections={
        "tokens": {
            "folder": "tokens-1",
            "vocab_size": 4096,
            "bytes_per_token": 4.2512,
            "sources": {"web": {"n_tokens": 123456, "heldout": {"n_tokens": 1}}, "code": {"n_tokens": 7}},
            "notes": ["one", "two"],
        }
    },
)


def test_sections_hold_every_figure() -> None:
    found = {title: (columns, rows) for title, columns, rows in sections(RECORD)}
    assert list(found) == ["documents", "tokens", "tokens: sources", "tokens: notes"]
    assert found["documents"][1] == [["web", "warc", "1,000", "990", "damaged 10", "1.0"]]
    assert found["tokens: sources"] == (["source", "n_tokens"], [["web", "123,456"], ["code", "7"]])
    assert ["bytes_per_token", "4.251"] in found["tokens"][1]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1,234,567"),
        (0.12349, "0.1235"),
        (12345.6, "12,346"),
        ("x", "x"),
        (None, "-"),
        (True, "true"),
    ],
)
def test_numbers_as_people_read_them(value: Any, text: str) -> None:
    assert number(value) == text


def test_the_terminal_shows_it() -> None:
    out = io.StringIO()
    show(RECORD, Console(width=120, file=out))
    text = out.getvalue()
    assert "damaged 10" in text
    assert "123,456" in text


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [v or "" for k, v in attrs if k in ("src", "href")]


def test_the_page_stands_alone_and_escapes(tmp_path: Path) -> None:
    path = write(tmp_path, RECORD)
    html = path.read_text()
    page = Page()
    page.feed(html)
    assert page.tags.count("table") == 4
    assert "script" not in page.tags
    assert page.loads == []
    assert "a &lt;b&gt; run" in html


def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """Not a folder without permission: root may write there."""
    (tmp_path / "report.html").mkdir()
    with pytest.raises(RunError, match=r"report cannot be written as \S+/report.html: Is a directory$"):
        write(tmp_path, RECORD)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
