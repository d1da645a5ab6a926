"""Profiles that other programs have, on real documents: datatrove's blocks, cc_net's and C4's rules."""

from __future__ import annotations

import io
import json
import random
from collections import Counter
from pathlib import Path

import pytest
import zstandard
from datatrove.data import Document as Theirs
from datatrove.pipeline.dedup.sentence_dedup import (
    SentDedupConfig,
    SentenceDedupFilter,
    SentenceDedupSignature,
    SentenceFindDedups,
)
from datatrove.utils.hashing import HashConfig

from stages.dedup.lines import LineDedup
from tests.stages.dedup.lines.corpus import Document, applied
from tests.stages.text.test_normal import cc_net

pytestmark = pytest.mark.data


def read(file: Path, n: int) -> list[str]:
    with file.open("rb") as packed:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(packed), encoding="utf-8")
        return [json.loads(line)["text"] for _, line in zip(range(n), lines, strict=False)]


@pytest.fixture(scope="module")
def texts(shared_data: Path) -> list[str]:
    """Editions of a book and pages of the web, and pages put together from passages of others."""
    books = read(shared_data / "dedup/book_editions_near_dups.jsonl.zst", 53)
    pages = read(shared_data / "proxy_corpus/web_en_gold.jsonl.zst", 90)
    rng = random.Random(0)
    quilts = []
    for _ in range(30):
        parts = [rng.choice(pages).split("\n") for _ in range(3)]
        lines = [line for part in parts for line in part[: rng.randint(1, 20)]]
        quilts.append("\n".join(line.upper() if rng.random() < 0.1 else line for line in lines))
    found = [*books, *pages, *quilts]
    rng.shuffle(found)
    return found


def datatrove(texts: list[str], folder: Path) -> dict[int, str]:
    """What its three blocks keep: number of the document -> text."""
    config = SentDedupConfig(hash_config=HashConfig(hash_fc="sha1"))  # its xxhash hashes no str any more
    documents = [Theirs(text=t, id=str(i)) for i, t in enumerate(texts)]
    SentenceDedupSignature(str(folder / "sigs"), config=config).run(iter(documents), rank=0)
    SentenceFindDedups(str(folder / "sigs"), str(folder / "dups"), config=config).run()
    kept = SentenceDedupFilter(str(folder / "dups"), config=config).run(iter(documents), rank=0)
    return {int(d.id): d.text for d in kept}


def test_datatrove_keeps_the_same_text(texts: list[str], tmp_path: Path) -> None:
    """But for a space at the very end of a text that lost something, which datatrove loses."""
    theirs = datatrove(list(texts), tmp_path)
    rows = applied(LineDedup(profile="datatrove"), [Document(t) for t in texts])
    ours = {i: row["text"] for i, row in enumerate(rows) if row["reason"] is None}
    assert {i: t.rstrip(" ") for i, t in ours.items()} == {i: t.rstrip(" ") for i, t in theirs.items()}
    changed = sum(row["text"] != t for row, t in zip(rows, texts, strict=True))
    reasons = Counter(row["reason"] for row in rows)
    assert changed > 50, changed
    assert reasons["min_words_left"] + reasons["nothing_left"] > 5, reasons


def test_cc_net_removes_the_same_lines(texts: list[str]) -> None:
    said = [[cc_net(line) for line in text.split("\n")] for text in texts]
    times = Counter(line for lines in said for line in {*lines})
    expected = []
    for text, lines in zip(texts, said, strict=True):
        pairs = zip(lines, text.split("\n"), strict=True)
        kept = {line: raw for line, raw in reversed([*pairs]) if times[line] < 2}
        expected.append("\n".join(raw for line, raw in reversed(kept.items())))
    rows = applied(LineDedup(profile="ccnet"), [Document(t) for t in texts])
    in_order = [sorted(row["text"].split("\n")) for row in rows]
    assert in_order == [sorted(e.split("\n")) for e in expected]
    assert sum(not e for e in expected) == sum(row["reason"] == "nothing_left" for row in rows) > 3


def test_the_program_of_c4_removes_the_same_lines(texts: list[str]) -> None:
    """Where the first document keeps a line, and not the one whose address has the lowest MD5."""
    met: set[str] = set()
    expected = []
    for text in texts:
        kept = []
        for line in text.split("\n"):
            if (said := line.strip().lower()) not in met:
                kept.append(line)
            met.add(said)
        expected.append("\n".join(kept))
    rows = applied(LineDedup(profile="c4_program"), [Document(t) for t in texts])
    assert [row["text"] for row in rows] == expected
    assert sum(row["text"] != t for row, t in zip(rows, texts, strict=True)) > 80
