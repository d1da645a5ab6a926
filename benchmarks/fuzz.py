"""Broken pages through HTML extraction: how many, the slowest, and any error that nobody caught.

    python benchmarks/fuzz.py [DATA] [--pages N] [--seed N] [--engine NAME | --parts]

Real pages and a few made up ones are cut, spliced, repeated, and sprinkled with stray tags, flipped bytes,
broken UTF-8 and NULs; page i is a function of the seed and i. They go through the stage `extract_html` with
each of its engines, or with `--parts` through the parts of `auto`, of which random blocks are then written
out; with NUMBA_BOUNDSCHECK=1 in the environment every access of its kernels is checked. Prints a line for
each engine; stops at the first page that raises.
"""

from __future__ import annotations

import argparse
import itertools
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pyarrow as pa

from pipeline.schema import HTML
from stages.extract.auto.blocks import Words, measure
from stages.extract.auto.classes import score_classes
from stages.extract.auto.context import context
from stages.extract.auto.features import features
from stages.extract.auto.labels import read_records
from stages.extract.auto.render import render
from stages.extract.auto.tree import parse
from stages.extract.html import ExtractHtml

SETS = ("wcxb", "trafilatura_eval", "webkit_math_code_table_gold", "defuddle_fixtures")
_NAMES = """
a abbr address article aside b base blockquote body br button caption code col dd details div dl dt em
fieldset figure font footer form h1 h2 h6 head header hr html i iframe img input label li link main math menu
meta nav noscript object ol optgroup option p plaintext pre q ruby script section select small span strong
style sub svg table tbody td template textarea tfoot th thead title tr tt u ul video wbr x-card xmp
"""
TAGS = _NAMES.split()
STRAY = (b"\0", b"\xff", b"\xe2\x82", b"&", b"&#", b"<!--", b"<", b"</", b'"', b"\xf4")
MADE_UP = [
    "<!doctype html><title>On tea &amp; kettles</title><body><nav><a href=/>Home</a></nav><main><h1>Tea</h1>"
    "<p class='lead text'>Water boils at 100&deg;, <b>tea</b> needs less.<br><br>And time.</main>",
    "<table><tr><td>a<td>b<tr><td colspan=2>c</table><ol><li>one<li>two<ul><li>deep</ol>",
    '<div class="highlight"><pre><span class="lineno">1</span>def f():\n    return "<b>"\n</pre></div>',
    "<code>x = 1<br>\n&nbsp;y = 2</code><dl><dt>a<dd>b</dl><blockquote><p>said</blockquote>",
    '<script type="application/ld+json">{"@type": ["Article"]}</script><meta property=og:type content=blog>',
    '<p style="display : none" hidden aria-hidden=true itemprop=articleBody itemtype="//schema.org/Offer">',
    "<b><p>x</b>y<i>z</p></i><!-- a --><![CDATA[ b ]]><?php c ?><select><option>d</select><svg><path/></svg>",
    "漢字かな交じり文。Ärger, ÎLE; العربية\u200b हिन्दी 😀 &#x1F600; &#0; &#99999999999; &bogus;",
]


def originals(data: Path) -> list[bytes]:
    """What is broken: made up pages, and up to 20 real ones of each set if they are there."""
    pages = [page.encode() for page in MADE_UP]
    for name in SETS:
        path = data / "extraction" / f"{name}.jsonl.zst"
        if path.exists():
            records = itertools.islice(read_records(path), 30)
            found = [r["html"].encode() for r in records if "html" in r]
            pages += sorted(found, key=len)[:20]
    return pages


def broken(pages: list[bytes], seed: int, i: int) -> bytes:
    """Page i: one of the originals after one to twelve changes."""
    rng = random.Random(f"{seed} {i}")
    page = bytearray(rng.choice(pages)[:200_000])
    for _ in range(rng.randint(1, 12)):
        at = rng.randint(0, len(page))
        stop = min(len(page), at + int(2 ** rng.uniform(0, 14)))
        change = rng.randrange(8)
        if change == 0:
            del page[at:stop]
        elif change == 1:
            page[at:at] = page[at:stop] * rng.choice([1, 2, 50])
        elif change == 2:
            other = rng.choice(pages)
            start = rng.randint(0, len(other))
            page[at:stop] = other[start : start + 4096]
        elif change == 3:
            for _ in range(rng.randint(1, 40)):
                if page:
                    page[rng.randrange(len(page))] ^= 1 << rng.randrange(8)
        elif change == 4:
            page[at:at] = rng.choice([b"<%s>", b"</%s>", b"<%s ", b"<%s/>", b"<%s class='"]) % _tag(rng)
        elif change == 5:
            page[at:at] = b"".join(rng.choice([b"<%s>", b"</%s>", b"x<%s>"]) % _tag(rng) for _ in range(30))
        elif change == 6:
            page[at:at] = rng.choice(STRAY)
        elif change == 7 and rng.random() < 0.1:
            page[at:at] = b"<%s>" % _tag(rng) * 1000
    return bytes(page[:500_000])


def _tag(rng: random.Random) -> bytes:
    return rng.choice(TAGS).encode()


def through_stage(engine: str) -> Callable[[bytes], int]:
    """Pages through the stage with one of its engines; gives the length of the text."""
    step = ExtractHtml(engine=engine)  # type: ignore[arg-type]

    def extract(page: bytes) -> int:
        html = page.decode("utf-8", "replace")
        values = [[html if name == HTML.name else None] for name in step.reads.names]
        batch = pa.record_batch(values, schema=step.reads)
        return len(step.process(batch).column("text")[0].as_py() or "")

    return extract


def through_parts(page: bytes) -> int:
    """A page through the parts of `auto`, random blocks kept."""
    words = Words(np.zeros(1, np.int64), np.zeros(1, np.float32))
    tree = parse(page)
    blocks = measure(tree, words)
    known = features(tree, blocks, score_classes(tree, words))
    first = np.random.default_rng(len(page)).random(tree.n_blocks, np.float32)
    looked = context(known, first)
    if not (np.isfinite(known.rows).all() and np.isfinite(looked).all()):
        raise ArithmeticError("a feature is not finite")
    return sum(len(render(tree, blocks, first > 0.3, markdown=markdown)) for markdown in (False, True))


def run(name: str, extract: Callable[[bytes], int], pages: Iterator[bytes]) -> None:
    """All pages one way; prints a line."""
    extract(MADE_UP[0].encode())  # compiles
    n = n_chars = 0
    slowest = (0.0, -1)
    for n, page in enumerate(pages, 1):
        start = time.perf_counter()
        try:
            n_chars += extract(page)
        except Exception as error:
            error.add_note(f"page {n - 1}, {name}")
            raise
        slowest = max(slowest, (1e3 * (time.perf_counter() - start), n - 1))
    print(f"{name:<12} {n:,} pages, {n_chars:,} characters, slowest {slowest[0]:.0f} ms (page {slowest[1]})")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument(
        "data", type=Path, nargs="?", default=Path(__file__).parents[2] / "shared" / "data"
    )
    arguments.add_argument("--pages", type=int, default=20_000)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--engine", action="append", help="only these")
    arguments.add_argument("--parts", action="store_true", help="the parts of auto, without a model")
    given = arguments.parse_args()
    pages = originals(given.data)
    ways: dict[str, Callable[[bytes], int]] = {"parts": through_parts}
    if not given.parts:
        names = given.engine or get_args(get_type_hints(ExtractHtml)["engine"])
        ways = {name: through_stage(name) for name in names}
    for name, extract in ways.items():
        run(name, extract, (broken(pages, given.seed, i) for i in range(given.pages)))


if __name__ == "__main__":
    main()
