"""A small tokenizer trained on made-up text of several scripts, and documents that try to confuse one."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.tokens.bpe import train

WORDS = tuple(
    re.findall(
        r"\S+",
        "the a of tokens sequence model data trains reading water river light don't we'll it's 2024 3.14 "
        "naïve Straße über год слово 数据 模型 训练 語言 データ 안녕 हिन्दी def return class x_y <p> </p> 😀",
    )
)

LITERALS = (
    "<|endoftext|>",
    "text <|endoftext|> text",
    "<|endoftext|><|endoftext|>\n<|endoftext|>",
    " <|endoftext|>  <|im_start|>user<|im_end|>",
    "<|endoftext|" + ">" * 3,
    "code: eot = '<|endoftext|>'  # <pad>",
)

ODD = (
    "",
    " ",
    "\n\n\r\n\t",
    "a\x00b",
    "e\u0301 İ ﬁ ½²Ⅷ",
    "\u00a0\u2003\u200b\ufeff",
    "👩‍👩‍👧 🏳️‍🌈",
    "x" * 3000,
    "    if x:\n\t\treturn  y   \n",
    "1234567890 1,234.5e-6",
    "IT'S we'RE 'tis o'clock''s",
    "مرحبا بالعالم שלום",
)


def prose(seed: int, n_words: int) -> str:
    """Text of the words above, the same for the same arguments."""
    rng = random.Random(seed)
    return "".join(rng.choice(WORDS) + rng.choice((" ", " ", " ", ", ", ".\n", "")) for _ in range(n_words))


def write_documents(path: Path, texts: Sequence[str | None], prefix: str = "d") -> Path:
    """A shard of documents with the columns the tokens stages read, and one more."""
    n = len(texts)
    table = pa.table(
        {
            "id": pa.array([f"{prefix}{i}" for i in range(n)], pa.string()),
            "url": pa.array(
                [f"https://example.org/{prefix}/{i}" if i % 3 else None for i in range(n)], pa.string()
            ),
            "text": pa.array(texts, pa.string()),
            "file": pa.array([f"{prefix}.warc.gz"] * n, pa.string()),
            "offset": pa.array(range(0, 100 * n, 100), pa.int64()),
            "score": pa.array([0.5] * n, pa.float64()),
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path


@pytest.fixture(scope="session")
def bpe_json(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer.json of 600 ids, end of text 0."""
    path = tmp_path_factory.mktemp("bpe") / "tokenizer.json"
    train([prose(i, 400) for i in range(40)], path, vocab_size=600)
    return path
