"""A page around a module's documentation, with what an extractor must see through: menus, crumbs, a
notice of cookies, neighbours, a footer and scripts."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt

from jobs.sample.docstrings import Entry, Module

MAX_SIBLINGS = 60
MARKDOWN = MarkdownIt("commonmark", {"html": False})
EXAMPLE = re.compile(r"^ {0,3}>>> .*(?:\n(?! *$).*)*", re.MULTILINE)
"""A doctest to its blank line, which Markdown would take for a quotation of a quotation of one."""


@dataclass(frozen=True)
class ReferencePage:
    """A module's documentation and its place among its neighbours."""

    package: str
    module: str
    """Dotted, with the package."""
    siblings: tuple[str, ...]
    """Modules of the same folder, sorted, this one among them."""
    content: Module

    def around(self) -> tuple[str, str]:
        """The module before and the one after; the first and last follow each other."""
        index = self.siblings.index(self.module)
        return self.siblings[index - 1], self.siblings[(index + 1) % len(self.siblings)]

    def window(self) -> Sequence[str]:
        """At most MAX_SIBLINGS siblings around this one: what a sidebar shows."""
        start = max(0, self.siblings.index(self.module) - MAX_SIBLINGS // 2)
        return self.siblings[start : start + MAX_SIBLINGS]


def host(package: str) -> str:
    """Where a package's pages lie; `.example` is reserved (RFC 2606), so nobody's site is claimed."""
    return f"{package.strip('_').replace('_', '-').lower() or 'python'}.docs.example"


def fragment(doc: str) -> str:
    """A docstring as HTML. It is read as Markdown: lists and paragraphs look alike in all styles."""
    code = EXAMPLE.sub(lambda match: "\n" + re.sub("^", "    ", match[0], flags=re.MULTILINE), doc)
    rendered: str = MARKDOWN.render(code)
    return rendered


def article(page: ReferencePage) -> str:
    """The content proper: module docstring, a summary table, each class and function under `h2`."""
    parts = [f"<h1>{html.escape(page.module)}</h1>", fragment(page.content.doc)]
    if len(page.content.entries) > 2:
        rows = "".join(_summary(entry) for entry in page.content.entries)
        parts.append(f'<table class="summary">\n<tr><th>Name</th><th>Summary</th></tr>\n{rows}</table>')
    parts += (_section(page, entry) for entry in page.content.entries)
    return "\n".join(parts)


def _summary(entry: Entry) -> str:
    first = MARKDOWN.renderInline(entry.doc.lstrip().split("\n", 1)[0])
    return f'<tr><td><a href="#{entry.name}"><code>{entry.name}</code></a></td><td>{first}</td></tr>\n'


def _section(page: ReferencePage, entry: Entry) -> str:
    source = f'<a class="source" href="_source/{page.module}.html#{entry.name}">[source]</a>'
    anchor = f'<a class="headerlink" href="#{entry.name}" title="Link to this {entry.kind}">&para;</a>'
    return (
        f'<section id="{entry.name}" class="{entry.kind}">\n'
        f"<h2>{entry.kind} {entry.name}{anchor}</h2>\n"
        f'<pre class="signature">{html.escape(entry.name + entry.signature)}</pre>{source}\n'
        f"{fragment(entry.doc)}</section>"
    )


def _links(page: ReferencePage) -> str:
    return "\n".join(
        f'<li class="{"current" if m == page.module else "toc"}"><a href="{m}.html">{html.escape(m)}</a></li>'
        for m in page.window()
    )


def _crumbs(page: ReferencePage) -> str:
    parts = page.module.split(".")
    links = (f'<a href="{".".join(parts[: i + 1])}.html">{p}</a>' for i, p in enumerate(parts[:-1]))
    return " &rsaquo; ".join(['<a href="index.html">Home</a>', *links, parts[-1]])


def render(page: ReferencePage) -> str:
    """The page, to be served as UTF-8."""
    before, after = page.around()
    contents = "".join(f'<li><a href="#{e.name}">{e.name}</a></li>' for e in page.content.entries)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{page.module} &mdash; {page.package} documentation</title>
<link rel="canonical" href="https://{host(page.package)}/{page.module}.html">
<style>body {{ display: grid; grid-template-columns: 16rem 1fr 14rem }} nav li {{ list-style: none }}</style>
<script>window.dataLayer = window.dataLayer || []; document.documentElement.dataset.theme = "auto";</script>
</head>
<body>
<a class="skip" href="#content">Skip to content</a>
<header><a class="logo" href="index.html">{page.package}</a>
<form action="search.html"><input name="q" placeholder="Search the docs"><button>Search</button></form>
<nav class="top"><ul><li><a href="install.html">Install</a></li><li><a href="guide.html">User guide</a></li>
<li><a href="api.html">API</a></li><li><a href="changes.html">Release notes</a></li></ul></nav></header>
<div class="cookie-notice" id="notice">This site uses cookies to count visits.
<a href="cookies.html">Learn more</a>
<button onclick="this.parentNode.remove()">Accept</button></div>
<nav class="sidebar" aria-label="Modules"><p>Modules</p><ul>
{_links(page)}
</ul></nav>
<main id="content">
<nav class="breadcrumb">{_crumbs(page)}</nav>
<article>{article(page)}
</article>
<p class="pager"><a rel="prev" href="{before}.html">&laquo; {before}</a>
<a rel="next" href="{after}.html">{after} &raquo;</a></p>
</main>
<aside><p>On this page</p><ul>{contents}</ul><p><a href="edit.html">Edit this page</a></p></aside>
<footer><p>&copy; the {page.package} contributors. Built with a documentation generator.</p>
<p><a href="privacy.html">Privacy</a> &middot; <a href="legal.html">Legal notice</a>
&middot; <a href="contact.html">Contact</a></p></footer>
<script src="_static/search.js" defer></script>
</body>
</html>
"""
