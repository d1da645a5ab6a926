"""The engine as a whole: real pages in, hostile pages in, and every access of its kernels checked."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings

from stages.extract.auto.engine import main_content
from stages.extract.auto.model import shipped
from tests.stages.extract.auto import soup

ROOT = Path(__file__).parents[4]
PARAGRAPHS = [
    "The first kettle was made of copper, as far as we know, and it was heavy enough to need two hands.",
    "Iron came later, and with it the handle of wood that nobody had to wrap in cloth before lifting it.",
    "Nothing much was changed after that until the whistle was put on top, which everybody regrets by now.",
]
PAGE = f"""<!doctype html><html><head><title>On kettles</title><style>p {{color: red}}</style></head><body>
<header><nav class="main-menu"><ul><li><a href="/">Home</a><li><a href="/news">News</a>
<li><a href="/about">About us</a><li><a href="/contact">Contact</a></ul></nav></header>
<main><article class="post"><h1>On kettles</h1><p>{PARAGRAPHS[0]}</p><p>{PARAGRAPHS[1]}</p>
<ul><li>fill the kettle with cold water<li>wait until the water boils</ul>
<pre>def boil(kettle):
    return 100</pre><p>{PARAGRAPHS[2]}</p></article></main>
<aside class="sidebar"><h3>Related posts</h3><ul><li><a href="/1">Ten spoons</a></ul></aside>
<footer class="site-footer"><p>Copyright 2020 Nobody. All rights reserved.</p>
<a href="/imprint">Imprint</a> <a href="/privacy">Privacy policy</a></footer>
<script>track("scripted")</script></body></html>"""


def test_the_article_and_not_what_is_around_it() -> None:
    text = main_content(PAGE.encode())
    for paragraph in PARAGRAPHS:
        assert paragraph in text
    assert "def boil(kettle):\n    return 100" in text
    for word in ("Home", "About us", "Imprint", "All rights reserved", "Ten spoons", "scripted", "color"):
        assert word not in text


def test_markdown_has_the_same_text() -> None:
    text = main_content(PAGE.encode(), markdown=True)
    assert "```\ndef boil(kettle):\n    return 100\n```" in text
    assert PARAGRAPHS[1] in text


EMPTY = [
    b"", b" \n", b"<p>", b"<html><body></body></html>", b"<!-- x -->", b"\0", b"<br>" * 9,
    b"<frameset><frame src=x></frameset>", b"<script>x</script>", b"\xff\xfe",
]  # fmt: skip


@pytest.mark.parametrize("page", EMPTY)
def test_pages_without_text(page: bytes) -> None:
    assert main_content(page).strip("\ufffd") == ""


def test_the_text_is_the_same_each_time() -> None:
    texts = {main_content(PAGE.encode(), model=model) for model in (None, shipped(), None)}
    assert len(texts) == 1


@given(soup.anything)
@settings(max_examples=30)
def test_any_bytes_give_text(page: bytes) -> None:
    for markdown in (False, True):
        main_content(page, markdown=markdown).encode()


SIZE = 200_000
HOSTILE = {
    "nested tags": b"<div>" * 100_000,
    "nested lists": b"<ul><li>x" * 20_000,
    "nested tables": b"<table><tr><td>x" * 12_000,
    "one tag": b"<p>" * SIZE,
    "links": b"<a href=x>" * (SIZE // 10),
    "texts in a deep place": b"<div>" * 390 + b"<p>x" * (SIZE // 4),
    "runs in a deep place": b"<i>" * 390 + b"x\n<u>" * (SIZE // 5),
    "code in a deep place": b"<pre>" + b"<i>" * 390 + b"1<u>" * (SIZE // 4),
    "one row": b"<table><tr>" + b"<td>x" * (SIZE // 5),
    "rows": b"<table>" + b"<tr><td>x<td>y" * (SIZE // 14),
    "a wide row and many": b"<table><tr>" + b"<td>x" * 20_000 + b"<tr><td>y" * 20_000,
    "one list": b"<ol>" + b"<li>x" * (SIZE // 5),
    "lines in nested lists": b"<ul><li>" * 190 + b"x<br>" * (SIZE // 5),
    "lines in nested quotations": b"<blockquote>" * 390 + b"x<br>" * (SIZE // 5),
    "end tags": b"<div>" * 390 + b"</x>" * (SIZE // 4),
    "entities": b"&amp;" * (SIZE // 5),
    "digits": b"&#" + b"1" * SIZE,
    "attributes": b"<p" + b" a=b" * (SIZE // 4) + b">x",
    "a class": b"<div class='" + b"x " * (SIZE // 2) + b"'>" + b"x<br><br>" * 2_000,
    "unclosed comment": b"x<!--" * (SIZE // 5),
    "unclosed script": b"x<script>" * (SIZE // 9),
    "unclosed attribute": b"<p a='" * (SIZE // 6),
    "nothing": b"\0" * SIZE,
    "blank lines of code": b"<pre>" + b"\n" * SIZE + b"x" + b" " * SIZE,
    "stars": b"x*_`[](" * (SIZE // 7),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_take_bounded_work(name: str) -> None:
    start = time.process_time()
    for markdown in (False, True):
        main_content(HOSTILE[name], markdown=markdown)
    assert time.process_time() - start < 60  # quadratic work on any of these takes minutes


def test_no_access_is_out_of_bounds(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "fuzz.py"), "--parts", "--pages", "250"],
        env=os.environ
        | {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "250 pages" in done.stdout
