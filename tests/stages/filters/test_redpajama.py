"""RedPajama-v2's signals against a slow reading of their published definitions."""

from __future__ import annotations

import io
import json
import math
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PlanError
from pipeline.schema import TEXT
from stages.filters.redpajama import RedPajamaSignals
from stages.filters.redpajama.normal import encode
from stages.filters.redpajama.signals import REDPAJAMA, SIGNALS
from stages.identify.language import LANGUAGE

STOP = ["the", "of", "a", "The", "é"]
BAD = ["zorkle", "grumpy zod", "the of a", "naïf"]
BULLETS = tuple("\u2022\u2023\u25b6\u25c0\u25e6\u25a0\u25a1\u25aa\u25ab\u2013")


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("lists")
    (folder / "stop.json").write_text(json.dumps({"en": STOP, "de": ["der"]}), encoding="utf-8")
    (folder / "bad.json").write_text(json.dumps({"en": BAD}), encoding="utf-8")
    return {"stop_words": str(folder / "stop.json"), "bad_words": str(folder / "bad.json")}


def measured(texts: list[str | None], **settings: Any) -> list[dict[str, Any] | None]:
    batch = pa.record_batch({"text": pa.array(texts, pa.string())})
    rows: list[dict[str, Any] | None] = (
        RedPajamaSignals(**settings).process(batch).column("redpajama").to_pylist()
    )
    return rows


def normalised(text: str) -> str:
    text = text.translate(str.maketrans("", "", string.punctuation)).lower().strip()
    return unicodedata.normalize("NFD", re.sub(r"\s+", " ", text))


def grams(words: list[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def top_share(words: list[str], n: int) -> float:
    common = Counter(grams(words, n)).most_common(1)
    if not common or common[0][1] <= 1:
        return 0.0
    return sum(map(len, common[0][0])) * common[0][1] / sum(map(len, words))


def duplicate_share(words: list[str], n: int) -> float:
    counts, covered = Counter(grams(words, n)), set()
    for i, gram in enumerate(grams(words, n)):
        covered |= set(range(i, i + n)) if counts[gram] > 1 else set()
    return sum(len(words[i]) for i in covered) / sum(map(len, words)) if words else 0.0


def reference(text: str) -> dict[str, Any]:
    content = normalised(text)
    words, raw = content.split(), re.findall(r"\w+|[^\w\s]+", text)
    lines = re.findall(r"[^\n]*\n|[^\n]+$", text)
    plain = [normalised(line) for line in lines]
    counts = Counter(words)
    entropy = sum(-n / len(words) * math.log(n / len(words)) for n in counts.values())
    bad = {tuple(unicodedata.normalize("NFD", entry).split()) for entry in BAD}
    bullets = [line.lstrip().startswith(BULLETS) for line in lines]
    signals = {
        "n_words": len(words),
        "n_sentences": len(re.findall(r"\b[^.!?]+[.!?]*", text)),
        "n_lines": len(lines),
        "mean_word_length": mean([len(w) for w in words]),
        "frac_unique_words": len(counts) / len(words) if words else None,
        "unigram_entropy": entropy if words else None,
        "frac_stop_words": sum(w in STOP for w in raw) / len(raw) if words else 0.0,
        "symbols_per_word": sum(map(text.count, ("#", "...", "…"))) / len(raw) if raw else None,
        "frac_no_alphabetic_words": mean([re.search("[a-zA-Z]", w) is None for w in raw]),
        "frac_all_caps_words": mean([w.isupper() for w in raw]),
        "frac_ellipsis_lines": mean([line.rstrip().endswith(("...", "…")) for line in lines]),
        "frac_terminal_punctuation_lines": mean(
            [line.rstrip().endswith((".", "!", "?", "”")) for line in lines]
        ),
        "frac_bullet_lines": mean(bullets),
        "mean_words_per_line": mean([len(line.split()) for line in plain]),
        "mean_frac_uppercase": mean([sum(map(str.isupper, line)) / len(line) for line in lines]),
        "mean_frac_numerals": mean([sum(map(str.isnumeric, line)) / max(1, len(line)) for line in plain]),
        "n_javascript": sum(line.split().count("javascript") for line in plain),
        "curly_brackets_per_char": (text.count("{") + text.count("}")) / max(1, len(text)),
        "lorem_ipsum_per_char": content.count("lorem ipsum") / max(1, len(content)),
        "n_bad_words": sum(gram in bad for n in (1, 2, 3) for gram in grams(words, n)),
    }
    signals |= {f"frac_chars_top_{n}gram": top_share(words, n) for n in (2, 3, 4)}
    return signals | {f"frac_chars_duplicate_{n}grams": duplicate_share(words, n) for n in range(5, 11)}


def assert_same(ours: dict[str, Any] | None, text: str) -> None:
    assert ours is not None
    theirs = reference(text)
    assert list(ours) == list(theirs)
    for name, value in theirs.items():
        if value is None:
            assert ours[name] is None, name
        else:
            assert ours[name] == pytest.approx(value, rel=1e-12, abs=1e-12), name


PIECES = [
    "word",
    "Word",
    "WORD",
    "a",
    "the",
    "The",
    "of",
    "é",
    "e\u0301",
    "É",
    "ÅB",
    "12",
    "½",
    "٣",
    "漢字",
    "한국",
]
PIECES += [
    "zorkle",
    "grumpy",
    "zod",
    "naïf",
    "Lorem",
    "xlorem",
    "ipsum",
    "ipsumy",
    "lo-rem",
    "JavaScript",
    "İ",
]
MARKS = [
    ".",
    "...",
    "....",
    "…",
    "!",
    "?",
    "”",
    "#",
    "{",
    "}",
    "_",
    "'",
    "-",
    "•",
    "–",
    "©",
    "\u0301",
    "Ⓐ",
    "ǅ",
]
SPACES = [" ", " ", " ", " ", "\n", "\n", "\t", "\u00a0", "\r\n", "\u2028"]
TEXTS = st.lists(st.sampled_from([*PIECES, *MARKS, *SPACES, *SPACES]), max_size=60).map("".join)
REPEATED = st.lists(st.sampled_from(["ab ", "cde ", "f ", "ab. ", "\n"]), max_size=60).map("".join)


@given(text=TEXTS | REPEATED)
def test_signals_are_what_the_definitions_say(lists: dict[str, str], text: str) -> None:
    assert_same(measured([text], **lists)[0], text)


# A capital sigma at the end of a word has a lower case of its own, which we do not know; marks that stand in
# another than the canonical order stay as they are.
ANY = st.text(st.characters(exclude_categories=["Cs", "Mn", "Cn"], exclude_characters="Σ"), max_size=40)


@given(text=ANY)
def test_signals_of_any_characters(lists: dict[str, str], text: str) -> None:
    assert_same(measured([text], **lists)[0], text)


def documents(folder: Path, name: str) -> Iterator[str]:
    with (folder / "proxy_corpus" / f"{name}.jsonl.zst").open("rb") as packed:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(packed), encoding="utf-8"):
            yield json.loads(line)["text"]


@pytest.mark.data
@pytest.mark.parametrize("name", ["web_en_gold", "code", "zh_reviews", "multilingual_debian_docs"])
def test_signals_of_real_documents(shared_data: Path, lists: dict[str, str], name: str) -> None:
    texts = [t[:6000] for i, t in enumerate(documents(shared_data, name)) if i % 29 == 0]
    texts = [t for t in texts if "Σ" not in t]
    for ours, text in zip(measured(list(texts), **lists), texts, strict=True):
        assert_same(ours, text)
    assert len(texts) > 40


def test_null_is_null_and_what_cannot_be_measured_too() -> None:
    first, empty, some = measured([None, "", "A word."])
    assert first is None
    assert empty is not None
    assert some is not None
    assert [k for k, v in some.items() if v is None] == ["frac_stop_words", "n_bad_words"]
    zero = {k: v for k, v in empty.items() if v is not None}
    assert set(zero.values()) == {0}
    assert len(zero) == 15
    assert measured([]) == []


def test_each_row_has_the_lists_of_its_language(lists: dict[str, str]) -> None:
    labels = [{"label": code, "score": 1.0} for code in ("en", "de", "fr", "en")]
    texts = pa.array(["the zorkle der"] * 4, pa.string())
    batch = pa.RecordBatch.from_arrays(
        [texts, pa.array(labels, LANGUAGE.type)], schema=pa.schema([TEXT, LANGUAGE])
    )
    rows = RedPajamaSignals(**lists).process(batch).column("redpajama").to_pylist()
    assert [row["frac_stop_words"] for row in rows] == [1 / 3, 1 / 3, None, 1 / 3]
    assert [row["n_bad_words"] for row in rows] == [1, None, None, 1]
    assert [row["n_words"] for row in rows] == [3] * 4
    assert [row["frac_unique_words"] for row in rows] == [1.0] * 4


def test_the_language_may_be_set(lists: dict[str, str]) -> None:
    assert measured(["der the"], language="de", **lists)[0]["frac_stop_words"] == 0.5  # type: ignore[index]


def test_encode_writes_utf8() -> None:
    out = np.zeros(8, np.uint8)
    codes = [0, 0x7F, 0x80, 0x7FF, 0x800, 0xFFFD, 0x10000, 0x10FFFF, *range(0x20, 0x3000, 7)]
    for code in codes:
        end = encode(np.int64(code), out, np.int64(1))
        assert out[1:end].tobytes() == chr(code).encode()
    assert len(codes) > 1000


def test_every_signal_says_by_which_name_it_was_published() -> None:
    names = {f.name: f.metadata[b"meaning"].decode() for f in SIGNALS}
    assert all(re.match(r"rps_(doc|lines)_\w+", m) for n, m in names.items() if n != "n_lines")
    assert len({m.split(":")[0].split(",")[0] for m in names.values()}) == len(names) == 29
    assert REDPAJAMA.name == "redpajama"


def test_settings_that_make_no_sense_are_refused(lists: dict[str, str]) -> None:
    for step in (RedPajamaSignals(stop_words="no/such"), RedPajamaSignals(profile="dclm")):
        with pytest.raises(PlanError):
            step.check()
    assert RedPajamaSignals(**lists).stamp() != RedPajamaSignals(stop_words=lists["stop_words"]).stamp() != ""
