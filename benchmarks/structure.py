"""How much of the code, the formulas and the tables of a page the engines of `extract_html` keep.

    python benchmarks/structure.py [DATA] [--lost N] [--engine NAME]

What a span is, when it is kept and when it is left out as impossible: see `spans.py`. The figure is the
mean over pages of the share of a page's spans that is kept, with the 95 % interval of 2,000 bootstrap samples
of pages. `all text` is everything that resiliparse shows, navigation included; what an engine loses beyond
it, it lost by choosing. `alone`: the bare library, for which formulas are not rewritten first. `auto` was
trained on none of these pages. Those of `docs_html_math_code` have no reference; they are there for the cost.
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree
from spans import KINDS, haystacks, judge, possible, spans

from pipeline.schema import HTML, URL
from stages.extract import engines
from stages.extract.auto.labels import read_records
from stages.extract.html import ExtractHtml

SETS = {
    "webkit_math_code_table_gold": "reference_markdown",
    "defuddle_fixtures": "expected_markdown",
}


def interval(shares: list[float]) -> tuple[float, float]:
    """The 95 % bootstrap interval of the mean."""
    rng = random.Random(0)
    means = sorted(sum(rng.choices(shares, k=len(shares))) / len(shares) for _ in range(2000))
    return means[50], means[1949]


def everything(markup: str) -> str:
    return extract_plain_text(HTMLTree.parse(markup), preserve_formatting=True, main_content=False)


def staged(engine: str) -> Callable[[str], str]:
    step = ExtractHtml(engine=engine)  # type: ignore[arg-type]

    def extract(markup: str) -> str:
        batch = pa.record_batch([[None], [markup]], schema=pa.schema([URL, HTML]))
        return step.process(batch).column("text")[0].as_py() or ""

    extract("")  # compiles
    return extract


WAYS: dict[str, Callable[[str], str]] = {
    "all text": everything,
    "resiliparse alone": lambda markup: engines.fast_content(markup) or "",
    "trafilatura alone": lambda markup: engines.careful_content(markup) or "",
    "resiliparse": staged("resiliparse"),
    "trafilatura": staged("trafilatura"),
    "auto": staged("auto"),
}


class Tally:
    """Shares kept, page by page."""

    def __init__(self) -> None:
        self.shares: dict[str, list[float]] = defaultdict(list)
        self.lost: list[tuple[str, str, str]] = []

    def add(self, page: str, verdicts: list[tuple[str, str, bool]]) -> None:
        for kind in (*KINDS, "all"):
            kept = [ok for k, _, ok in verdicts if kind in (k, "all")]
            if kept:
                self.shares[kind].append(sum(kept) / len(kept))
        self.lost += [(page, kind, text) for kind, text, ok in verdicts if not ok]


def evaluate(
    pages: list[dict[str, Any]], key: str, ways: dict[str, Callable[[str], str]]
) -> dict[str, Tally]:
    """How each way does on the pages; prints what cannot be kept by any."""
    tallies = {way: Tally() for way in ways}
    n_spans, n_impossible = Counter[str](), Counter[str]()
    for page in pages:
        markdown = page[key]
        if key == "expected_markdown":  # opens with a block of metadata
            markdown = re.sub(r"\A```json\n.*?\n```\n", "", markdown, flags=re.DOTALL)
        found, blocks = spans(markdown)
        if not found and not blocks:
            continue
        source = page["html"], haystacks(page["html"])
        for way, extract in ways.items():
            verdicts = list(judge(found, blocks, extract(page["html"])))
            could = [possible(v[0], v[1], *source) for v in verdicts]
            tallies[way].add(page["id"], [v for v, ok in zip(verdicts, could, strict=True) if ok])
        n_spans.update(v[0] for v in verdicts)
        n_impossible.update(v[0] for v in verdicts if not possible(v[0], v[1], *source))
    for kind in KINDS:
        print(f"  {kind}: {n_spans[kind]} spans, {n_impossible[kind]} of them nowhere on their page")
    return tallies


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument(
        "data", type=Path, nargs="?", default=Path(__file__).parents[2] / "shared" / "data"
    )
    arguments.add_argument("--engine", action="append", choices=WAYS, help="only these")
    arguments.add_argument(
        "--lost", type=int, default=0, help="print so many lost spans of each page and kind"
    )
    given = arguments.parse_args()
    ways = {name: WAYS[name] for name in given.engine or WAYS}
    for name, key in SETS.items():
        print(f"\n{name}")
        pages = list(read_records(given.data / "extraction" / f"{name}.jsonl.zst"))
        for way, tally in evaluate(pages, key, ways).items():
            cells = []
            for kind in (*KINDS, "all"):
                shares = tally.shares[kind]
                low, high = interval(shares)
                cells.append(f"{kind} {sum(shares) / len(shares):.3f} [{low:.3f} {high:.3f}] ({len(shares)})")
            print(f"{way:<24}" + "  ".join(cells))
            print_lost(tally, given.lost)
    pages = list(read_records(given.data / "docs_html_math_code" / "debian_docs.jsonl.zst"))[::4]
    print(f"\nmilliseconds a page, {len(pages)} pages of documentation")
    for way, extract in ways.items():
        start = time.process_time()
        n_chars = sum(len(extract(page["html"])) for page in pages)
        print(f"{way:<24}{1e3 * (time.process_time() - start) / len(pages):8.2f}  ({n_chars:,} characters)")


def print_lost(tally: Tally, n: int) -> None:
    shown = Counter[tuple[str, str]]()
    for page, kind, text in tally.lost:
        shown[page, kind] += 1
        if shown[page, kind] <= n:
            print(f"    {page:<50} {kind:<12} {text[:120]!r}")


if __name__ == "__main__":
    main()
