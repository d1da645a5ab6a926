"""Small corpora of languages that do not exist, with known distributions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.schema import TEXT
from stages.identify.language import LANGUAGE

LABELLED = pa.schema([TEXT, LANGUAGE])
ENGLISH = ("the", "be", "to", "of", "and", "that", "have", "with", "was", "for")
NOUNS = ("river", "stone", "window", "letter", "garden", "winter", "paper", "bridge", "market", "village")
FREQUENT = ("ja", "mutta", "kuin", "niin", "ovat", "myös", "hän", "tämä")
ROOTS = ("kirjasto", "huomenna", "ympäristö", "kansalainen")


def labelled(texts: Iterable[str], languages: Iterable[str]) -> pa.RecordBatch:
    """Documents with their languages, as `identify_language` would give them."""
    text = pa.array(list(texts), pa.string())
    scores = pa.array(np.ones(len(text), np.float32))
    struct = pa.StructArray.from_arrays(
        [pa.array(list(languages), pa.string()), scores], fields=list(LANGUAGE.type)
    )
    return pa.RecordBatch.from_arrays([text, struct], schema=LABELLED)


def english(seed: int, n_words: int = 120) -> str:
    """Lines of English words, half of them stop words."""
    draw = np.random.default_rng(seed)
    words = [str(draw.choice(ENGLISH if i % 2 else NOUNS)) for i in range(n_words)]
    return _lines(words, draw, " ")


def chinese(seed: int, n_words: int = 150) -> str:
    """Lines of CJK characters, a third of them of the six that are frequent."""
    draw = np.random.default_rng(seed)
    rare = [chr(0x4E00 + i) for i in range(400, 900)]
    words = [str(draw.choice(list("的是在不人有") if i % 3 == 0 else rare)) for i in range(n_words)]
    return _lines(words, draw, "")


def longish(seed: int, n_words: int = 120) -> str:
    """Lines of words of 9 to 15 letters, and short ones in between."""
    draw = np.random.default_rng(seed)
    words = [
        str(draw.choice(FREQUENT))
        if i % 3 == 0
        else f"{draw.choice(ROOTS)}{draw.choice(['ssakaan', 'ista'])}"
        for i in range(n_words)
    ]
    return _lines(words, draw, " ")


def _lines(words: list[str], draw: np.random.Generator, space: str) -> str:
    lines, at = [], 0
    while at < len(words):
        n = int(draw.integers(12, 25))
        lines.append(space.join(words[at : at + n]) + ("." if space else "。"))
        at += n
    return "\n".join(lines)


def corpus(n: int = 60) -> list[dict[str, str]]:
    """`n` documents in each of three languages, and three in a fourth."""
    made = []
    for i in range(n):
        made.append({"id": f"en-{i}", "lang": "en", "text": english(i)})
        made.append({"id": f"zh-{i}", "lang": "zh", "text": chinese(i)})
        made.append({"id": f"no-{i}", "lang": "nb", "text": longish(i)})
    return made + [{"id": f"xx-{i}", "lang": "xx", "text": english(1000 + i)} for i in range(3)]


def write_lines(path: Path, documents: Iterable[dict[str, str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(d, ensure_ascii=False) + "\n" for d in documents), encoding="utf-8")
    return path


def batches(documents: list[dict[str, str]], size: int) -> Iterator[pa.RecordBatch]:
    for i in range(0, len(documents), size):
        part = documents[i : i + size]
        yield labelled([d["text"] for d in part], [d["lang"] for d in part])
