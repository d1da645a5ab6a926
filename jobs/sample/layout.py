"""Whole pages around a module's documentation, with what an extractor must see through.

Three layouts, as the web has many: one with semantic elements, one of nested `div`s, one of tables in
ISO-8859-1 that names its charset in the markup alone.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jobs.sample.docstrings import Entry, Module
from jobs.sample.pages import fragment, inline
from pipeline import keyed

MAX_SIBLINGS = 60


@dataclass(frozen=True)
class Page:
    """A module's documentation and its place among its neighbours."""

    package: str
    module: str
    """Dotted, with the package."""
    siblings: tuple[str, ...]
    """Modules of the same folder, sorted, this one among them."""
    content: Module

    def around(self) -> tuple[str, str]:
        """The module before and the one after; the first and last follow each other."""
        at = self.siblings.index(self.module)
        return self.siblings[at - 1], self.siblings[(at + 1) % len(self.siblings)]

    def window(self) -> Sequence[str]:
        """At most MAX_SIBLINGS siblings around this one: what a sidebar shows."""
        start = max(0, self.siblings.index(self.module) - MAX_SIBLINGS // 2)
        return self.siblings[start : start + MAX_SIBLINGS]


def host(package: str) -> str:
    """Where a package's pages lie; `.example` is reserved (RFC 2606), so nobody's site is claimed."""
    return f"{package.strip('_').replace('_', '-').lower() or 'python'}.docs.example"


def render(page: Page) -> tuple[bytes, str]:
    """The page as bytes and the `Content-Type` that it is served with."""
    layout, charset, content_type = LAYOUTS[keyed.key("layout", page.package) % len(LAYOUTS)]
    return layout(page).encode(charset, "xmlcharrefreplace"), content_type


def article(page: Page, level: int = 2) -> str:
    """The content proper: module docstring, a summary table, each class and function under `h<level>`."""
    parts = [f"<h1>{html.escape(page.module)}</h1>", fragment(page.content.doc, level)]
    if len(page.content.entries) > 2:
        rows = "".join(_summary(entry) for entry in page.content.entries)
        parts.append(f'<table class="summary">\n<tr><th>Name</th><th>Summary</th></tr>\n{rows}</table>')
    parts += (_section(page, entry, level) for entry in page.content.entries)
    return "\n".join(parts)


def _summary(entry: Entry) -> str:
    first = entry.doc.lstrip().split("\n", 1)[0]
    return (
        f'<tr><td><a href="#{entry.name}"><code>{entry.name}</code></a></td><td>{inline(first)}</td></tr>\n'
    )


def _section(page: Page, entry: Entry, level: int) -> str:
    source = f'<a class="source" href="_source/{page.module}.html#{entry.name}">[source]</a>'
    anchor = f'<a class="headerlink" href="#{entry.name}" title="Link to this {entry.kind}">&para;</a>'
    return (
        f'<section id="{entry.name}" class="{entry.kind}">\n'
        f"<h{level}>{entry.kind} {entry.name}{anchor}</h{level}>\n"
        f'<pre class="signature">{html.escape(entry.name + entry.signature)}</pre>{source}\n'
        f"{fragment(entry.doc, level + 1)}\n</section>"
    )


def _links(modules: Sequence[str], current: str) -> str:
    return "\n".join(
        f'<li class="{"current" if m == current else "toc"}"><a href="{m}.html">{html.escape(m)}</a></li>'
        for m in modules
    )


def _crumbs(page: Page, separator: str) -> str:
    parts = page.module.split(".")
    links = (f'<a href="{".".join(parts[: i + 1])}.html">{p}</a>' for i, p in enumerate(parts[:-1]))
    return separator.join(['<a href="index.html">Home</a>', *links, parts[-1]])


def semantic(page: Page) -> str:
    """`header`, `nav`, `main`, `aside`, `footer`."""
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
<li><a href="api.html">API reference</a></li>
<li><a href="changes.html">Release notes</a></li></ul></nav></header>
<nav class="sidebar" aria-label="Modules"><p>Modules</p><ul>
{_links(page.window(), page.module)}
</ul></nav>
<main id="content">
<nav class="breadcrumb">{_crumbs(page, " &rsaquo; ")}</nav>
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


def divisions(page: Page) -> str:
    """Nested `div`s whose roles only their class names tell, with a notice before the content."""
    before, after = page.around()
    return f"""<!DOCTYPE html>
<html>
<head>
<meta http-equiv="Content-Type" content="text/html; charset=utf-8" />
<title>{page.module} | {page.package}</title>
<link rel="stylesheet" href="_static/theme.css" type="text/css" />
<script type="text/javascript">var OPTIONS = {{ ROOT: "./", HAS_SOURCE: true, SUFFIX: ".html" }};</script>
</head>
<body>
<div class="related"><h3>Navigation</h3><ul><li><a href="genindex.html">index</a> |</li>
<li><a href="{after}.html">next</a> |</li><li><a href="{before}.html">previous</a> |</li>
<li>{_crumbs(page, " &#187; ")}</li></ul></div>
<div class="cookie-notice" id="notice">This site uses cookies to count visits.
<a href="cookies.html">Learn more</a>
<button onclick="this.parentNode.remove()">Accept</button></div>
<div class="document"><div class="documentwrapper"><div class="bodywrapper"><div class="body" role="main">
{article(page, 3)}
<div class="feedback">Was this page helpful? <a href="#yes">Yes</a> <a href="#no">No</a></div>
</div></div></div>
<div class="sphinxsidebar"><div class="sidebarwrapper"><h3><a href="index.html">Table of contents</a></h3>
<ul class="toctree">
{_links(page.window(), page.module)}
</ul><h3>Quick search</h3><div class="searchbox"><input type="text" name="q" />
<input type="submit" value="Go" /></div>
<noscript>Please activate JavaScript to enable the search.</noscript></div></div>
<div class="clearer"></div></div>
<div class="footer">&#169; Copyright {page.package} developers. All rights reserved.
Created using a generator.
<a href="imprint.html">Imprint</a> <a href="sitemap.html">Site map</a></div>
</body>
</html>
"""


def tables(page: Page) -> str:
    """The layout of the nineties: one table, the menu in its left cell."""
    menu = "<br>\n".join(f'<a href="{m}.html">{html.escape(m)}</a>' for m in page.window())
    before, after = page.around()
    return f"""<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" "http://www.w3.org/TR/html4/loose.dtd">
<html><head><meta http-equiv="content-type" content="text/html; charset=iso-8859-1">
<title>{page.package}: {page.module}</title>
<style type="text/css"><!-- td.menu {{ width: 180px; font-size: 80% }} --></style></head>
<body bgcolor="#ffffff" text="#000000">
<table width="100%" border="0" cellpadding="4"><tr><td colspan="2" bgcolor="#3355aa">
<font color="#ffffff"><b>{page.package}</b>&nbsp;&nbsp;the manual</font> <a href="index.html">Home</a>
 | <a href="download.html">Download</a> | <a href="news.html">News</a>
 | <a href="mailing-lists.html">Mailing lists</a> | <a href="faq.html">FAQ</a></td></tr>
<tr><td class="menu" valign="top"><b>Modules</b><br>
{menu}</td>
<td valign="top"><small>{_crumbs(page, " &gt; ")}</small>
{article(page, 4)}
<hr><a href="{before}.html">Previous</a> <a href="{after}.html">Next</a></td></tr>
<tr><td colspan="2" align="center"><small>Copyright &copy; {page.package} authors
&nbsp;|&nbsp; Best viewed with any browser
&nbsp;|&nbsp; Report problems to the webmaster</small></td></tr></table>
<script language="JavaScript">document.write("<img src='counter.gif?" + escape(location) + "'>");</script>
</body></html>
"""


LAYOUTS: tuple[tuple[Callable[[Page], str], str, str], ...] = (
    *[(semantic, "utf-8", "text/html; charset=utf-8")] * 5,
    *[(divisions, "utf-8", "text/html")] * 3,
    *[(tables, "iso-8859-1", "text/html")] * 2,
)
"""Of ten packages each: layout, the charset of its bytes, and the `Content-Type` it is served with."""
