"""Pages with their gold text to blocks that are content or not: what the model is trained on."""

from __future__ import annotations

import html as entities
import io
import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import zstandard

from stages.extract.auto.tree import Tree, parse
from stages.ingest.charset import decode

WORD = re.compile(r"\w+")
ROUNDS = (0.2, 0.4, 0.5)
"""Shares of a block's words that must be found in the gold text for it to stay in the running."""

Labels = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MarkedPage:
    """A page whose content somebody has marked."""

    id: str
    domain: str
    """Registered domain, or what else stands for the site: pages of one are never parted by a split."""
    set: str
    """Name of the source that it is from."""
    kind: str
    """Page type, '' if nobody said."""
    tree: Tree
    words: list[list[str]]
    """Words of each block, in lower case."""
    labels: Labels
    """float64 [n_blocks]: share of its words that are content; NaN where nothing is known"""
    gold: str | None
    """All of the content, if that is known."""
    weight: float = 1.0
    """How much it counts in training."""


def marked_page(row: Mapping[str, Any], weight: float = 1.0) -> MarkedPage | None:
    """A document as a page of the training set; None: nobody has marked it.

    It is marked by `expected_html`, markup of its content alone, or by `gold`, JSON with `main_content` (the
    text of all its content) or with `with` and `without` (passages that are content, and that are not).
    """
    gold, expected = _gold(row.get("gold")), row.get("expected_html")
    if not (gold.get("main_content") or gold.get("with") or expected is not None):
        return None
    tree = parse(row["html"].encode())
    words = [WORD.findall(text.lower()) for text in block_texts(tree)]
    content = gold.get("main_content")
    if expected is not None:
        content = "\n".join(block_texts(parse(expected.encode())))
    return MarkedPage(
        id=row["id"],
        domain=domain_of(row.get("url") or row["id"], row["id"]),
        set=row["source"],
        kind=row.get("page_type") or "",
        tree=tree,
        words=words,
        labels=aligned(words, WORD.findall(content.lower())) if content else _marked(words, gold),
        gold=content,
        weight=weight,
    )


def _gold(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a `.jsonl.zst` file."""
    with path.open("rb") as file:
        packed = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(file)
        yield from map(json.loads, io.TextIOWrapper(packed, encoding="utf-8"))


def html_of(record: dict[str, Any]) -> str:
    """`html`, or `html_base64` (bytes whose charset is not known) decoded."""
    html: str = record["html"] if "html" in record else decode(b64decode(record["html_base64"]))
    return html


def domain_of(url: str, otherwise: str) -> str:
    """The registered domain of a URL, near enough to keep a site together; else the start of a name."""
    host = urlsplit(url).hostname
    if host is None or "." not in host:
        return ".".join(re.split(r"[./]", otherwise)[:2])
    parts = host.split(".")
    return ".".join(
        parts[-3:] if len(parts) > 2 and len(parts[-2]) <= 3 and len(parts[-1]) == 2 else parts[-2:]
    )


def block_texts(tree: Tree) -> list[str]:
    """The text of each block of a page."""
    source = tree.html.tobytes()
    texts: list[list[str]] = [[] for _ in range(tree.n_blocks)]
    for _, start, stop, block, _ in tree.runs.tolist():
        if block < tree.n_blocks:
            texts[block].append(source[start:stop].decode("utf-8", "replace") if stop > start else "\n")
    return [entities.unescape("".join(parts)) for parts in texts]


def aligned(blocks: Sequence[Sequence[str]], gold: Sequence[str]) -> Labels:
    """Share of each block's words on the longest common subsequence of the page and its gold text.

    Repeated without the blocks of which little was found, so that the words of a menu do not take the place
    of the paragraph that has them too.
    """
    from rapidfuzz.distance import LCSseq  # a training dependency: nothing else needs it

    ids = {word: i for i, word in enumerate(dict.fromkeys(gold))}
    wanted = [ids[word] for word in gold]
    sizes = np.array([max(len(words), 1) for words in blocks])
    running = np.ones(len(blocks), np.bool_)
    share = np.zeros(len(blocks))
    for least in ROUNDS:
        page = [(ids[w], b) for b, words in enumerate(blocks) if running[b] for w in words if w in ids]
        n_matched = np.zeros(len(blocks))
        for step in LCSseq.opcodes([word for word, _ in page], wanted):
            if step.tag == "equal":
                for _, b in page[step.src_start : step.src_end]:
                    n_matched[b] += 1
        share = n_matched / sizes
        running &= share >= least
    return np.where(running, share, 0.0)


def _marked(blocks: Sequence[Sequence[str]], gold: dict[str, list[str]]) -> Labels:
    """1 for blocks that hold a passage of content, 0 for those that hold one of something else."""
    labels = np.full(len(blocks), np.nan)
    texts = [" ".join(words) for words in blocks]
    for passages, value in ((gold.get("with", []), 1.0), (gold.get("without", []), 0.0)):
        for passage in filter(None, (" ".join(WORD.findall(p.lower())) for p in passages)):
            for b, text in enumerate(texts):
                if passage in text:
                    labels[b] = value
    return labels
