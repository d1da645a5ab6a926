"""Two editions of one book, cut at the same places: how many of the true pairs `minhash_dedup` finds.

    python benchmarks/editions.py [DATA] [--words N]

Standard Ebooks' text has curly quotes, dashes, other spellings; Project Gutenberg's has none. Chapters are
aligned by their words (letters, digits, lower case) and cut about every N words, where both agree; a pair is
found if one piece goes for the other, and a piece that goes for another place is wrong.
"""

from __future__ import annotations

import argparse
import difflib
import io
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml
import zstandard

from pipeline.config import read
from pipeline.inline import InlineEngine
from pipeline.run import Runner
from stages.extract.mojibake import repaired

WORD = re.compile(r"[^\W_]+")
SETTINGS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("default", {}),
    ("  verified at .8", {"verify_jaccard": 0.8}),
    ("unit: char", {"unit": "char"}),
    ("  verified at .8", {"unit": "char", "verify_jaccard": 0.8}),
    ("profile: datatrove", {"profile": "datatrove"}),
)


def chapters(data: Path) -> Iterator[tuple[str, str]]:
    """(Standard Ebooks, Gutenberg) of each chapter. The former's UTF-8 has been misread in the file."""
    with (data / "dedup/book_editions_near_dups.jsonl.zst").open("rb") as file:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8")
        rows = [json.loads(line) for line in lines]
    one = [repaired(r["text"]) for r in rows if r["edition"] == "standardebooks"]
    two = [r["text"] for r in rows if r["edition"] == "1661.txt"]
    for text in one:
        begin = WORD.findall(text.lower())[20:60]
        yield text, max(two, key=lambda other: len({*begin} & {*WORD.findall(other.lower())[:80]}))


def pieces(one: str, two: str, n_words: int) -> Iterator[tuple[str, str]]:
    """The two chapters cut where both have the same ten words."""
    spans = [[m.span() for m in WORD.finditer(text)] for text in (one, two)]
    words = [[t[a:b].lower() for a, b in s] for t, s in zip((one, two), spans, strict=True)]
    blocks = difflib.SequenceMatcher(None, *words, autojunk=False).get_matching_blocks()
    last, begun = 0, (0, 0)
    for block in blocks:
        for at in range(block.a, block.a + block.size - 10):
            if at - last >= n_words:
                last = at
                cut = spans[0][at][0], spans[1][block.b + at - block.a][0]
                yield one[begun[0] : cut[0]], two[begun[1] : cut[1]]
                begun = cut


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"))
    parser.add_argument("--words", type=int, default=700)
    given = parser.parse_args()
    pairs = [pair for one, two in chapters(given.data) for pair in pieces(one, two, given.words)]
    print(f"{len(pairs)} pairs of about {given.words} words")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "in.jsonl")
        rows = [
            {"id": f"{n}-{k}", "text": text} for n, pair in enumerate(pairs) for k, text in enumerate(pair)
        ]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        for n, (name, settings) in enumerate(SETTINGS):
            found, wrong = dedup(file, settings, Path(folder, str(n)))
            print(f"{name:<24}{found:>5} found, {found / len(pairs):.3f}; {wrong} wrong")


def dedup(file: Path, settings: dict[str, Any], output: Path) -> tuple[int, int]:
    """(pairs of which one piece goes for the other, pieces that go for another place)"""
    recipe = {
        "source": {"use": "jsonl", "with": {"paths": [str(file)]}},
        "steps": [{"use": "minhash_dedup", "with": settings}],
        "output": str(output),
    }
    path = output.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(recipe))
    Runner(read(str(path)), InlineEngine(2, {}), lambda *_: None).run()
    gone = pq.read_table(output / "dropped", columns=["id", "cluster"]).to_pylist()
    same = [row["id"].split("-")[0] == row["cluster"]["duplicate_of"].split("-")[0] for row in gone]
    return sum(same), len(same) - sum(same)


if __name__ == "__main__":
    main()
