"""What is gathered from a head, and the few marks of the body."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.extract.about.head import MAX_BODY, MAX_SCRIPTS, MAX_TAGS, PageHead


def test_tags_of_the_head() -> None:
    page = PageHead(
        "<!DOCTYPE html><HTML LANG='de'><head><title> A <b>title</title><base href=/x/>"
        '<meta name="Author" content=" Ann &amp;\n Bo "><meta property="og:title" content="first">'
        '<meta property="og:title" content="second"><meta name=empty content="">'
        '<link rel="stylesheet" href="a.css"><LINK href=/c rel="alternate canonical">'
        "<script>var s = '<meta name=no content=no>';</script><style><meta name=no content=no></style>"
        '<!-- <meta name="no" content="no"> --><script type="application/ld+json">{}</script></head>'
        '<body><meta name="no" content="no"><script type="application/ld+json">[]</script>'
    )
    assert page.language == "de"
    assert page.title == "A title"
    assert page.base == "/x/"
    assert page.meta == {"author": "Ann & Bo", "og:title": "first"}
    assert page.links == {"alternate": "/c", "canonical": "/c"}
    assert page.scripts == ["{}"]


def test_json_ld_of_the_body_where_the_head_has_none() -> None:
    script = '<script id="x" type="application/ld+json">[1]</script>'
    assert PageHead(f"<head></head><body>{script}{script}").scripts == ["[1]", "[1]"]
    assert PageHead("<body>" + script * 100).scripts == ["[1]"] * MAX_SCRIPTS
    assert PageHead('<body><script type="application/ld+json">never closed').scripts == []


def test_robots() -> None:
    page = PageHead(
        '<meta name="ROBOTS" content="NoIndex, noai,,"><meta name=robots content=nofollow>'
        '<meta name="GPTBot" content="none"><meta name="viewport" content="width">'
    )
    assert page.robots == ["noindex", "noai", "nofollow", "gptbot:none"]


def test_authors_of_papers_are_joined() -> None:
    tags = "".join(f'<meta name="citation_author" content="{name}">' for name in ("Lee, A.", "Kim, B."))
    assert PageHead(tags).meta["citation_author"] == "Lee, A.; Kim, B."


@pytest.mark.parametrize(
    ("title", "body", "heading"),
    [
        ("On kettles - The Site", "<h1>On <i>kettles</i></h1>", "On kettles"),
        ("On kettles | Site", "<h1>Welcome</h1>", "On kettles"),
        ("Site: On kettles", "", "Site: On kettles"),
        ("Site : On kettles", "", "On kettles"),
        ("On kettles - part two", "<h1>never closed on kettles", "On kettles - part two"),
        ("A &amp; b", "<h1>A &amp; b</h1>", "A & b"),
        ("", "<h1>alone</h1>", None),
    ],
)
def test_heading(title: str, body: str, heading: str | None) -> None:
    page = PageHead(f"<title>{title}</title><meta property=og:site_name content=Site></head><body>{body}")
    assert page.heading(page.title) == heading


@pytest.mark.parametrize(
    ("body", "date"),
    [
        ('<meta itemprop="datePublished" content="2019-03-05">', "2019-03-05"),
        ('<time itemprop="datePublished" datetime="2019-03-05T10:00">today</time>', "2019-03-05"),
        ('<span itemprop="datePublished">March 5, 2019</span>', "2019-03-05"),
        (
            '<span itemprop="datePublished">today</span><b property="datePublished">2019-03-05</b>',
            "2019-03-05",
        ),
        ('<script>{"datePublished": "2019-03-05"}</script>', None),
        ("<p>" + "x" * MAX_BODY + '<meta itemprop="datePublished" content="2019-03-05">', None),
    ],
)
def test_marked_date(body: str, date: str | None) -> None:
    assert PageHead(f"<head></head><body>{body}").marked_date("datePublished") == date


@pytest.mark.parametrize(
    ("body", "date"),
    [
        ('<time datetime="2019-03-05">then</time>', "2019-03-05"),
        ('<time datetime="2019-03-05">a</time><time datetime="2019-03-05T11:00">b</time>', "2019-03-05"),
        ('<time datetime="2018-01-01">a</time><time datetime="2019-03-05">b</time>', None),
        ('<time datetime="2018-01-01">a</time><time class="entry-date" datetime="2019-03-05">', "2019-03-05"),
        ('<time datetime="2018-01-01">a</time><time pubdate datetime="2019-03-05">', "2019-03-05"),
        ("<time>2019-03-05</time>", None),
        ("<timer datetime='x'>", None),
    ],
)
def test_time(body: str, date: str | None) -> None:
    assert PageHead(f"<head></head><body>{body}").time() == date


CC = "https://creativecommons.org/licenses/by/4.0/"


@pytest.mark.parametrize(
    ("body", "licence"),
    [
        (f'<a rel="license noopener" href="{CC}">CC BY</a>', "CC-BY-4.0"),
        (f'<a href="{CC}">a photo\'s</a>', None),
        (f'<footer><p><a href="{CC}">CC BY</a></p></footer>', "CC-BY-4.0"),
        (f'<a href="{CC}">a photo\'s</a><footer></footer>', None),
        ('<footer><a href="https://creativecommons.org/about">about</a>', None),
        (f"<footer>{CC}</footer>", None),
    ],
)
def test_linked_licence(body: str, licence: str | None) -> None:
    assert PageHead(f"<head></head><body>{body}").linked_licence() == licence


@pytest.mark.parametrize(
    "page",
    [
        "",
        "<meta " * 200_000,
        '<meta name="a" content="b">' * 100_000,
        '<meta name="' * 100_000,
        "<link canonical" * 200_000,
        "<!--" * 300_000,
        "<script>" * 200_000,
        "<title>" * 200_000,
        "<body>" + '"datePublished"' * 100_000,
        "<body>" + '<a href="creativecommons.org/' * 50_000,
        "<body>" + "<time " * 200_000,
        "<body>" + "ld+json" * 200_000,
        "<body><h1>" + "<b>" * 200_000,
        '<meta name="robots" content="' + "a," * 9_000 + '">',
    ],
)
def test_hostile(page: str) -> None:
    found = PageHead(page)
    assert found.marked_date("datePublished") is found.time() is found.linked_licence() is None
    assert len(found.robots) <= 50 * MAX_TAGS
    assert found.heading("a title") == "a title"


PIECES = ["<meta ", "<html ", "lang=", "name=", "content=", '"', "'", ">", "robots", "<!--", "-->", "<title>",
          "</title>", "<script type=application/ld+json>", "</script>", "{}", "<time ", "datetime=2019-03-05",
          "</head>", "<body>", "&#0;", "\x00", "<h1>", "</h1>", "<link rel=canonical href="]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_any_markup(html: str) -> None:
    page = PageHead(html)
    assert page.time() in (None, "2019-03-05")
    assert page.marked_date("datePublished") is None
