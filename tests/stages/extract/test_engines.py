"""What the engines are asked for, and what becomes of pages they cannot read."""

from __future__ import annotations

import logging

import pytest
import trafilatura

from stages.extract import engines

PAGE = """
<html><head><title>Page</title></head><body>
<nav><a href="/">Home</a> <a href="/about">About us</a></nav>
<main><article>
<h1>On kettles</h1>
<p>The first kettle was made of copper, <a href="http://example.org/x">as we know</a>, and it was heavy.</p>
<pre>def boil(kettle):
    if kettle.full:
        return  100

    return None</pre>
<ol><li>fill</li><li>wait</li></ol>
<table><tr><th>metal</th><th>weight</th></tr><tr><td>copper</td><td>3 kg</td></tr></table>
<p>Iron came later, and with it the handle of wood that nobody had to wrap in cloth before lifting it.
Nothing much was changed after that until the whistle was put on top, which everybody regrets by now.</p>
<p>Water boils at 100 degrees &amp; tea needs <b>less</b>.<img src="t.png" alt="a teapot"></p>
<form><input value="typed"><button>Send</button></form>
<noscript>Turn on scripts</noscript><script>document.write("scripted")</script><style>p {color: red}</style>
</article></main>
<footer>Copyright nobody</footer>
</body></html>
"""


def fast(html: str = PAGE) -> str:
    text = engines.fast_content(html)
    assert text is not None
    return text


def test_main_content_leaves_the_frame_out() -> None:
    text = fast()
    assert "The first kettle was made of copper, as we know, and it was heavy." in text
    assert "Water boils at 100 degrees & tea needs less." in text
    for frame in ("About us", "Copyright nobody"):
        assert frame not in text


def test_layout_is_kept() -> None:
    text = fast()
    assert "def boil(kettle):\n    if kettle.full:\n        return  100\n\n    return None\n" in text
    assert "metal\t\tweight\ncopper\t\t3 kg\n" in text
    assert "1. fill\n" in text


def test_what_no_reader_sees_is_left_out() -> None:
    text = fast()
    for unseen in ("scripted", "Turn on scripts", "color", "typed", "example.org", "teapot"):
        assert unseen not in text


def test_careful_content() -> None:
    text = engines.careful_content(PAGE)
    assert text is not None
    assert "The first kettle was made of copper, as we know, and it was heavy." in text
    assert "| copper | 3 kg |" in text
    assert "    if kettle.full:\n        return  100" in text
    for unseen in ("About us", "Copyright", "scripted", "teapot"):
        assert unseen not in text


def test_careful_content_as_markdown() -> None:
    text = engines.careful_content(PAGE, markdown=True)
    assert text is not None
    assert "# On kettles" in text
    assert "```" in text
    assert "| copper | 3 kg |" in text


def test_careful_content_does_not_depend_on_earlier_pages() -> None:
    first = engines.careful_content(PAGE)
    assert [engines.careful_content(PAGE) for _ in range(6)] == [first] * 6


def test_too_many_elements_for_the_careful_engine() -> None:
    page = "<html><body>" + "<p>a word</p>" * (engines.MAX_ELEMENTS // 2) + "</body></html>"
    assert engines.careful_content(page) is None
    assert "a word" in fast(page)


@pytest.mark.parametrize("page", ["", " ", "<", "<html>", "\x00", "<!-- ", "<?xml version='1.0'?>", "\ufeff"])
def test_nothing_to_find(page: str) -> None:
    assert engines.careful_content(page) is None
    assert fast(page).strip(" <\ufeff\ufffd") == ""


def test_no_warning_for_a_page_without_text(capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    try:
        assert engines.careful_content("<html><body></body></html>") is None
    finally:
        root.handlers = handlers
    assert capfd.readouterr() == ("", "")


def test_a_bug_of_an_engine_costs_one_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> str:
        raise AttributeError("'NoneType' object has no attribute 'tail'")

    monkeypatch.setattr(trafilatura, "extract", broken)
    assert engines.careful_content(PAGE) is None


def test_other_errors_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> str:
        raise MemoryError

    monkeypatch.setattr(trafilatura, "extract", interrupted)
    with pytest.raises(MemoryError):
        engines.careful_content(PAGE)
