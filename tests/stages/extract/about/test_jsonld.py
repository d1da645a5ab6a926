"""JSON-LD as pages have it: nested, in graphs, broken, hostile."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.extract.about.jsonld import MAX_CHARS, MAX_NODES, statements

ARTICLE: dict[str, Any] = {
    "@context": "https://schema.org",
    "@type": "NewsArticle",
    "headline": "On  kettles",
    "datePublished": "2019-03-05T10:00:00Z",
    "dateModified": "2019-03-06",
    "author": [{"@type": "Person", "name": "Ann Lee"}, {"name": "Bo Kim "}, "Ann Lee"],
    "publisher": {"@type": "Organization", "name": "The Kettle"},
    "license": "https://creativecommons.org/licenses/by/4.0/",
    "inLanguage": {"@type": "Language", "name": "en"},
}
WANTED = {
    "headline": "On kettles",
    "datePublished": "2019-03-05T10:00:00Z",
    "dateModified": "2019-03-06",
    "author": "Ann Lee; Bo Kim",
    "publisher": "The Kettle",
    "license": "https://creativecommons.org/licenses/by/4.0/",
    "inLanguage": "en",
}


@pytest.mark.parametrize(
    "document",
    [
        ARTICLE,
        [ARTICLE],
        {"@graph": [{"@type": "Person", "name": "no"}, ARTICLE]},
        {"@type": "WebPage", "datePublished": "2000-01-01", "mainEntity": ARTICLE},
        [{"@type": "Comment", "datePublished": "2001-01-01"}, ARTICLE],
        ARTICLE | {"@type": ["Thing", "Article"][1:]},
    ],
)
def test_an_article_wherever_it_stands(document: Any) -> None:
    assert statements([json.dumps(document)]) == WANTED
    assert statements(["", "no JSON", json.dumps(document, indent=1)]) == WANTED


@pytest.mark.parametrize(
    "wrapped", ["<!-- %s -->", "//<![CDATA[\n%s\n//]]>", "<![CDATA[%s]]>", "%s;", "\n\t %s \n"]
)
def test_wrapped(wrapped: str) -> None:
    assert statements([wrapped % json.dumps(ARTICLE)]) == WANTED


def test_parts_of_a_page_do_not_speak_for_it() -> None:
    comment = {"@type": "SocialMediaPosting", "datePublished": "2001-01-01", "author": "no"}
    page = {"@type": "WebPage", "comment": [comment], "hasPart": comment, "isPartOf": comment}
    assert statements([json.dumps(page)]) == {}
    assert statements([json.dumps({"@type": "Organization", "datePublished": "2001-01-01"})]) == {}


def test_broken_scripts_still_give_dates() -> None:
    script = '{"@type": "Article", "headline": "a "quoted" word", "datePublished": "2019-03-05",'
    assert statements([script]) == {"datePublished": "2019-03-05"}
    assert statements(['{"@type":"Article","headline":"line\nbreak"}']) == {"headline": "line break"}


def test_no_text_that_cannot_be_written() -> None:
    found = statements([r'{"@type": "Article", "headline": "a\ud800b", "author": "c\udfff"}'])
    assert found == {"headline": "a?b", "author": "c?"}


@pytest.mark.parametrize(
    "script",
    [
        "[" * 100_000,
        "[" * 900 + "]" * 900,
        '{"a":' * 100_000,
        "1" * 10_000,
        "null",
        "[1, 2.5, true, null]",
        '{"@type": {"@type": []}, "author": {"name": {"name": []}}}',
        '{"@type": "Article", "datePublished": 1e400, "headline": [[]], "author": [[], {}, 1]}',
        '"' + "x" * 2 * MAX_CHARS,
        '{"datePublished": "' * 30_000,
    ],
)
def test_hostile(script: str) -> None:
    assert set(statements([script])) <= {"datePublished"}


def test_only_so_many_nodes_are_looked_at() -> None:
    many = [{"@type": "Thing"}] * MAX_NODES
    assert statements([json.dumps([*many, ARTICLE])]) == {}
    assert statements([json.dumps([ARTICLE, *many])]) == WANTED


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["@type", "author", "name", "datePublished", "@graph"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(values)
def test_any_json(document: Any) -> None:
    found = statements([json.dumps(document)])
    assert all(isinstance(value, str) and value for value in found.values())
    assert found == statements([json.dumps(document), "{"])
