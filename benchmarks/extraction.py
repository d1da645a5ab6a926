"""How much of a page's hand-made main content the engines of `extract_html` find, and what that costs.

    python benchmarks/extraction.py [DATA] [--pages N]

Mean over pages of precision, recall and F1 between the multisets of lower-cased words (`\\w+`), and
milliseconds of one core a page. `oracle` takes the better of resiliparse and trafilatura on each page: what
routing between the two could reach.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pyarrow as pa
import zstandard

from pipeline.schema import HTML
from stages.extract.html import ExtractHtml

SETS = ("wcxb", "article_extraction_benchmark")
ENGINES = get_args(get_type_hints(ExtractHtml)["engine"])
Score = tuple[float, float, float]


def read(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        packed = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(file)
        yield from map(json.loads, io.TextIOWrapper(packed, encoding="utf-8"))


def agreement(found: str, gold: str) -> Score:
    """Precision, recall and F1 of the words of `found`."""
    have, want = (Counter(re.findall(r"\w+", text.lower())) for text in (found, gold))
    both = (have & want).total()
    if not both:
        return 0.0, 0.0, 0.0
    precision, recall = both / have.total(), both / want.total()
    return precision, recall, 2 * precision * recall / (precision + recall)


def evaluate(pages: list[dict[str, Any]], engine: str) -> tuple[list[Score], float]:
    """The score of each page, and milliseconds of one core a page."""
    step = ExtractHtml(engine=engine)  # type: ignore[arg-type]
    scores, seconds = [], 0.0
    step.process(pa.record_batch([[""]], schema=pa.schema([HTML])))  # compiles the guard
    for page in pages:
        batch = pa.record_batch([[page["html"]]], schema=pa.schema([HTML]))
        start = time.process_time()
        text = step.process(batch).column("text")[0].as_py()
        seconds += time.process_time() - start
        scores.append(agreement(text or "", page["gold"]["main_content"]))
    return scores, 1e3 * seconds / len(pages)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, nargs="?", default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--pages", type=int, default=200, help="of each set, evenly spread")
    arguments = parser.parse_args()
    print(f"{'set':<30}{'engine':<14}{'pages':>6}{'precision':>11}{'recall':>8}{'F1':>8}{'ms/page':>9}")
    for name in SETS:
        pages = [p for p in read(arguments.data / "extraction" / f"{name}.jsonl.zst")
                 if "html" in p and p["gold"].get("main_content")]  # fmt: skip
        pages = pages[:: max(1, len(pages) // arguments.pages)]
        found = {engine: evaluate(pages, engine) for engine in ENGINES}
        careful, fast = found["trafilatura"][0], found["resiliparse"][0]
        found["oracle"] = [max(s, key=lambda s: s[2]) for s in zip(careful, fast, strict=True)], float("nan")
        for engine, (scores, cost) in found.items():
            mean = [sum(column) / len(scores) for column in zip(*scores, strict=True)]
            print(
                f"{name:<30}{engine:<14}{len(scores):>6}{mean[0]:>11.3f}{mean[1]:>8.3f}{mean[2]:>8.3f}{cost:>9.1f}"
            )


if __name__ == "__main__":
    main()
