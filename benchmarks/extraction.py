"""How much of a page's hand-made main content each extractor finds, and what that costs.

    python benchmarks/extraction.py [DATA] [--held-out MODELS] [--pages N] [--worse N]

Two sets have the whole gold text: mean over pages of precision, recall and F1 between the multisets of words
(`\\w+`, lower case), with the 95 % interval of F1 from 1,000 bootstrap samples of the pages; wcxb by page
type, too. Of the third only pieces are marked: precision is the share of content among the marked pieces that
were found, recall the share of the marked content that was found. Milliseconds are of one core, all engines
taking turns page by page in one process; `auto` is the whole stage, with formulas and what the page says of
itself, the others are the bare library.

`auto` ships with a model that has seen these pages. `--held-out` names the folder that `pipeline fit
jobs/recipes/main_content.yaml` wrote: each page is then read with the model of its fold, which has not seen
the page's site. Only those figures say what to expect of other pages.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import trafilatura

from pipeline.schema import HTML, URL
from stages.extract.auto.engine import main_content
from stages.extract.auto.labels import domain_of, html_of, read_records
from stages.extract.auto.model import load
from stages.extract.auto.train import part_of
from stages.extract.engines import fast_content
from stages.extract.html import ExtractHtml

SETS = ("wcxb", "article_extraction_benchmark", "trafilatura_eval")
SCHEMA = pa.schema([URL, HTML])
Extract = Callable[[dict[str, Any], str], str]


@dataclass
class Found:
    """What one engine made of the pages of one set."""

    scores: list[tuple[float, float, float]] = field(default_factory=list)
    marked: Counter[tuple[str, bool]] = field(default_factory=Counter)
    seconds: float = 0.0


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.lower()))


def agreement(have: Counter[str], want: Counter[str]) -> tuple[float, float, float]:
    """Precision, recall and F1."""
    both = (have & want).total()
    if not both:
        return 0.0, 0.0, 0.0
    return both / have.total(), both / want.total(), 2 * both / (have.total() + want.total())


def staged(record: dict[str, Any], html: str) -> str:
    batch = pa.record_batch([[record.get("url")], [html]], schema=SCHEMA)
    return ExtractHtml().process(batch).column("text")[0].as_py() or ""


def fast(record: dict[str, Any], html: str) -> str:
    return fast_content(html) or ""


def careful(record: dict[str, Any], html: str, **settings: Any) -> str:
    return trafilatura.extract(html, deduplicate=False, include_comments=False, **settings) or ""


def engines(held_out: Path | None) -> dict[str, Extract]:
    found: dict[str, Extract] = {
        "trafilatura": careful,
        "trafilatura precision": partial(careful, favor_precision=True),
        "resiliparse": fast,
        "auto": staged,
    }
    if held_out:
        models = [load(path) for path in sorted(held_out.glob("part-*.npz"))]

        def unseen(record: dict[str, Any], html: str) -> str:
            part = part_of(domain_of(record.get("url") or record["id"], record["id"]), len(models), 0)
            return main_content(html.encode(), model=models[part])

        found["auto, held out"] = unseen
    return found


def evaluate(records: list[dict[str, Any]], tools: Mapping[str, Extract]) -> dict[str, Found]:
    found = {name: Found() for name in tools}
    for extract in tools.values():
        extract({"url": "", "id": "a.b"}, "<p>compiles what is compiled</p>")
    for n, record in enumerate(records):
        html, gold = html_of(record), record["gold"]
        want = words(gold.get("main_content") or "")
        for name in sorted(tools, key=lambda name: (n + len(name)) % len(tools)):
            start = time.process_time()
            text = tools[name](record, html)
            found[name].seconds += time.process_time() - start
            if want:
                found[name].scores.append(agreement(words(text), want))
            for kind in ("with", "without"):
                flat = " ".join(text.split())
                for piece in gold.get(kind, ()):
                    found[name].marked[kind, " ".join(piece.split()) in flat] += 1
    return found


def interval(values: list[float]) -> tuple[float, float]:
    """95 % of the means of as many values drawn with replacement."""
    draws = np.random.default_rng(0).choice(np.array(values), (1000, len(values)))
    low, high = np.quantile(draws.mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def show(name: str, records: list[dict[str, Any]], found: Mapping[str, Found]) -> None:
    print(f"\n{name}, {len(records)} pages")
    print(f"{'engine':<24}{'precision':>10}{'recall':>8}{'F1':>7}  {'95 %':<12}{'ms/page':>8}{'pages/s':>9}")
    for engine, result in found.items():
        cost = 1e3 * result.seconds / len(records)
        if result.scores:
            p, r, f1 = (float(np.mean(column)) for column in zip(*result.scores, strict=True))
            low, high = interval([score[2] for score in result.scores])
        else:
            hit, miss = result.marked["with", True], result.marked["with", False]
            p, r = hit / max(hit + result.marked["without", True], 1), hit / max(hit + miss, 1)
            f1, low, high = 2 * p * r / max(p + r, 1e-9), float("nan"), float("nan")
        print(
            f"{engine:<24}{p:>10.3f}{r:>8.3f}{f1:>7.3f}  {low:.3f}-{high:.3f} {cost:>8.2f}{1e3 / cost:>9.0f}"
        )
    kinds = sorted({str(r.get("page_type")) for r in records} - {"None"})
    for kind in kinds:
        chosen = [i for i, r in enumerate(records) if r.get("page_type") == kind]
        means = (f"{e} {np.mean([f.scores[i][2] for i in chosen]):.3f}" for e, f in found.items())
        print(f"  {kind} ({len(chosen)}): {', '.join(means)}")


def show_worse(records: list[dict[str, Any]], found: Mapping[str, Found], n: int) -> None:
    """Pages on which the last engine is worse than trafilatura, by how much."""
    last = list(found)[-1]
    gaps = [
        (b[2] - a[2], i)
        for i, (a, b) in enumerate(zip(found["trafilatura"].scores, found[last].scores, strict=True))
    ]
    for gap, i in sorted(gaps)[:n]:
        a, b = found["trafilatura"].scores[i], found[last].scores[i]
        both = f"trafilatura {a[0]:.2f}/{a[1]:.2f}, {last} {b[0]:.2f}/{b[1]:.2f}"
        print(f"  {records[i]['id']}: {gap:+.3f}; {both}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, nargs="?", default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--held-out", type=Path, help="folder of models, one for each part of the sites")
    parser.add_argument("--pages", type=int, default=0, help="of each set, evenly spread; 0: all")
    parser.add_argument("--worse", type=int, default=0, help="list so many pages where auto loses the most")
    arguments = parser.parse_args()
    tools = engines(arguments.held_out)
    for name in SETS:
        records = list(read_records(arguments.data / "extraction" / f"{name}.jsonl.zst"))
        whole = [r for r in records if r["gold"].get("main_content")]
        records = whole or [r for r in records if r["gold"].get("with")]
        records = records[:: max(1, len(records) // arguments.pages) if arguments.pages else 1]
        found = evaluate(records, tools)
        show(name, records, found)
        if arguments.worse and found["trafilatura"].scores:
            show_worse(records, found, arguments.worse)


if __name__ == "__main__":
    main()
