"""What a page says of itself: language, dates, author, and what may be done with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import pyarrow as pa

from pipeline.schema import column
from stages.extract.about.dates import iso_date
from stages.extract.about.head import AI_AGENTS, PageHead
from stages.extract.about.jsonld import statements
from stages.extract.about.licences import licence_name

_FIELDS = (
    column("title", pa.string(), "its heading if close to og:title, JSON-LD headline or <title>, else these"),
    column("author", pa.string(), "names between semicolons, from <meta> or JSON-LD"),
    column("site_name", pa.string(), "og:site_name, or the publisher in its JSON-LD"),
    column("description", pa.string(), "its own summary, up to 1,000 characters"),
    column("language", pa.string(), "lang of <html>, or Content-Language: BCP 47, as written"),
    column("published", pa.string(), "when first published, YYYY-MM-DD"),
    column("modified", pa.string(), "when last changed, YYYY-MM-DD"),
    column("canonical_url", pa.string(), "link rel=canonical, or og:url; absolute"),
    column("robots", pa.list_(pa.string()), "directives in lower case; `agent:directive` if to one robot"),
    column(
        "noai",
        pa.bool_(),
        "robots are asked not to (noai, noimageai or the like), or an AI agent is turned away",
    ),
    column("tdm_reserved", pa.bool_(), "rights to text and data mining are reserved; null: not said"),
    column("tdm_policy", pa.string(), "address of its policy for text and data mining"),
    column("licence", pa.string(), "SPDX name where it is known (CC-BY-4.0), or the licence's address"),
)
PAGE = column("page", pa.struct(_FIELDS), "what the page says of itself; a field is null where it does not")

# Names of <meta>, the most trusted first.
_NAMES = {
    "published": """
article:published_time datepublished article:published og:published_time og:article:published_time date
dc.date.issued dcterms.issued dc.date.created dcterms.created dc.date dcterms.date dc:date dc.created
parsely-pub-date sailthru.date publishdate publish-date publish_date published_time pubdate date_published
publication_date citation_publication_date citation_online_date citation_date article_date_original
cxenseparse:publishtime cxenseparse:recs:publishtime iso-8601-publish-date originalpublicationdate published
rnews:datepublished datecreated created bt:pubdate ms.date
""",
    "modified": """
article:modified_time datemodified og:updated_time og:modified_time article:modified dcterms.modified
dc.date.modified last-modified lastmod article_date_updated modified updated updated_at
""",
    "author": """
author article:author parsely-author sailthru.author dc.creator dcterms.creator dc:creator citation_author
article_author cxenseparse:author creator byl
""",
    "licence": """
dc.rights dcterms.license dc.license dcterms.rights dc:rights license licence copyright rights
""",
    "title": "og:title dc.title dcterms.title citation_title parsely-title twitter:title title",
    "description": "description og:description dc.description dcterms.description twitter:description",
}
_META = {field: names.split() for field, names in _NAMES.items()}
_NO_AI = frozenset(("noai", "noimageai", "noml", "disallowaitraining"))
_TURNED_AWAY = _NO_AI | {"noindex", "none", "nosnippet", "noarchive"}


def metadata(html: str, url: str | None = None) -> dict[str, Any]:
    """The fields of `PAGE` for a page fetched from `url`; never raises, and nothing is fetched or run.

    Read are `<html>`, `<title>`, `<base>`, `<meta>` and `<link>` of the head, JSON-LD, and of the body the
    first heading, the dates of microdata and `<time>`, and a Creative Commons link that is marked
    `rel=license` or stands in the footer. Linear in the length of the page, well-formed or not.

    Source: HTML Living Standard 4.2; Open Graph; schema.org; Dublin Core; TDM Reservation Protocol (W3C
        community group report, 2024); robots directives as Google, Amazon and DeviantArt (`noai`) give them.
    """
    page = PageHead(html)
    meta, said = page.meta, statements(page.scripts)
    base = (_absolute(page.base, url) or url) if url else page.base
    robots = list(dict.fromkeys(page.robots))
    published = _date(meta, "published", said.get("datePublished"))
    modified = _date(meta, "modified", said.get("dateModified"))
    if not published and (published := page.marked_date("datePublished")):
        modified = modified or page.marked_date("dateModified")
    titles = (meta.get("og:title"), said.get("headline"), *_said(meta, "title"), page.title)
    summaries = (*_said(meta, "description"), said.get("description"))
    languages = (page.language, meta.get("content-language"), meta.get("language"), said.get("inLanguage"))
    rights = (page.links.get("license"), said.get("license"), *_said(meta, "licence"))
    return {
        "title": page.heading(_first(titles) or ""),
        "author": _author(meta) or said.get("author"),
        "site_name": _first((meta.get("og:site_name"), said.get("publisher"), meta.get("application-name"))),
        "description": (_first(summaries) or "")[:1000] or None,
        "language": _first(languages),
        "published": published or page.time(),
        "modified": modified,
        "canonical_url": _absolute(page.links.get("canonical"), base) or _absolute(meta.get("og:url"), base),
        "robots": robots or None,
        "noai": any(_forbids_ai(directive) for directive in robots),
        "tdm_reserved": {"1": True, "0": False}.get(meta.get("tdm-reservation", "")),
        "tdm_policy": _absolute(meta.get("tdm-policy"), base),
        "licence": _first(licence_name(text) for text in rights if text) or page.linked_licence(),
    }


def _first(texts: Iterable[str | None]) -> str | None:
    return next(filter(None, texts), None)


def _said(meta: Mapping[str, str], field: str) -> list[str]:
    return [meta[name] for name in _META[field] if name in meta]


def _date(meta: Mapping[str, str], field: str, said: str | None) -> str | None:
    best = meta.get(_META[field][0])
    return _first(iso_date(text) for text in (best, said, *_said(meta, field)) if text)


def _author(meta: Mapping[str, str]) -> str | None:
    return _first(name for name in _said(meta, "author") if not name.startswith(("http", "@")))


def _forbids_ai(directive: str) -> bool:
    agent, _, word = directive.rpartition(":")
    return word in _NO_AI or (agent in AI_AGENTS and word in _TURNED_AWAY)


def _absolute(link: str | None, base: str) -> str | None:
    if not link:
        return None
    try:
        address = urljoin(base, link.strip())
        parts = urlsplit(address)
    except ValueError:  # brackets in a host name
        return None
    return address if parts.scheme in ("http", "https") and parts.netloc else None
