"""RefinedWeb's corrections against a slow reading of them, and what DCLM's modifiers do."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PlanError
from pipeline.schema import ID, TEXT
from stages.filters.refinedweb import RefinedWebLines, RefinedWebRules
from stages.filters.refinedweb.corrections import COUNTED
from stages.filters.refinedweb.lines import SIGNALS

PROSE = "Here is a line of prose."


def batch(texts: list[str | None]) -> pa.RecordBatch:
    ids = pa.array([f"doc-{i}" for i in range(len(texts))], pa.string())
    return pa.RecordBatch.from_arrays([ids, pa.array(texts, pa.string())], schema=pa.schema([ID, TEXT]))


def lines(texts: list[str | None], **settings: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = RefinedWebLines(**settings).process(batch(texts)).to_pylist()
    return rows


def split(text: str, profile: str) -> list[str]:
    if profile == "paper":
        return text.split()
    return [w for w in re.split(r"[ \n\r\t\v\f\0]+", text) if w and w[0].isalnum()]


def judged(line: str, profile: str) -> str:
    words = [*COUNTED, *(w.removesuffix("s") for w in COUNTED if profile == "paper")]
    counter = rf"^\W*\d[,.\d]*[kmb]?\s+(?:{'|'.join(words)})\W*$"
    if sum(map(str.isupper, line)) / len(line) > 0.5:
        return "n_lines_uppercase"
    digits = all(map(str.isnumeric, "".join(line.split()))) if profile == "paper" else line.isdigit()
    if digits:
        return "n_lines_numeric"
    if re.search(counter, line.lower()):
        return "n_lines_counter"
    return "n_lines_one_word" if len(line.split()) < 2 else ""


def cut(line: str, profile: str) -> str:
    """A short line without the phrases of menus."""
    spaces, dots = (r"\s*", r"\.\.\.") if profile == "paper" else ("", "...")
    line = re.sub(r"\s?items in cart", "", line, flags=re.I)
    line = re.sub(rf"(?s:\s?read more{dots}{spaces}\Z)", "", line, flags=re.I)
    return re.sub(rf"\A{spaces}sign-in\s?", "", line, flags=re.I)


def reference(text: str, profile: str) -> tuple[str, dict[str, int]]:
    counts = dict.fromkeys((f.name for f in SIGNALS), 0)
    kept: list[str] = []
    left, begun = 0, False
    for given_line in text.strip().split("\n"):
        line = given_line if begun else given_line.lstrip()
        if not line.strip():
            if line == "" or profile == "paper":
                kept.append(line)
            continue
        counts["n_lines"] += 1
        counts["n_words"] += len(split(line, profile))
        why = judged(line.strip() if profile == "paper" else line, profile)
        if why:
            counts[why] += 1
            continue
        edited = cut(line, profile) if len(line.split()) <= 10 else line
        if not edited.strip():
            counts["n_lines_emptied"] += 1
            continue
        counts["n_lines_edited"] += edited != line
        counts["n_lines_kept"] += 1
        left += len(split(edited, profile))
        kept.append(edited)
        begun = True
    counts["n_words_removed"] = counts["n_words"] - left
    return "\n".join(kept).strip(), counts


WORDS = [
    "word",
    "Two words",
    "CAPS",
    "ÀÉ",
    "12",
    "1,234",
    "3k",
    "likes",
    "View",
    "٣",
    "½",
    "漢字",
    "a_b",
    "ok then",
]
PHRASES = ["Sign-in", "sign-in to", "Read more...", "read more now", "items in cart", "0 Items in Cart"]
MARKS = ["-", "(", ")", "...", "*", ".", "\u00a0", "\t", " ", " ", " ", " ", "\n", "\n", "\n", "\n\n", "\x00"]
TEXTS = st.lists(st.sampled_from([*WORDS, *PHRASES, *MARKS]), max_size=25).map("".join) | st.text(max_size=30)


@pytest.mark.parametrize("profile", ["paper", "dclm"])
@given(text=TEXTS)
def test_lines_are_corrected_as_the_rules_say(profile: str, text: str) -> None:
    (row,) = lines([text], profile=profile)
    kept, counts = reference(text, profile)
    assert row["text"] == kept
    removed = counts["n_words_removed"] / max(1, counts["n_words"])
    assert row["refinedweb"] == counts | {"frac_words_removed": removed}


@pytest.mark.parametrize(
    ("line", "signal"),
    [
        ("ALL OF THIS", "n_lines_uppercase"),
        ("HALF lo", "n_lines_uppercase"),
        ("Not Capitals Only", "n_lines_kept"),
        ("2019", "n_lines_numeric"),
        ("12 34 ½", "n_lines_numeric"),
        ("1,234", "n_lines_one_word"),
        ("3 likes", "n_lines_counter"),
        ("1 Like!", "n_lines_counter"),
        ("(1.2K views)", "n_lines_counter"),
        ("3 apples", "n_lines_kept"),
        ("Menu", "n_lines_one_word"),
        ("Sign-in Read more...", "n_lines_emptied"),
        ("Sign-in to see", "n_lines_edited"),
    ],
)
def test_each_rule(line: str, signal: str) -> None:
    (row,) = lines([f"{PROSE}\n{line}"])
    signals = row["refinedweb"]
    assert signals["n_lines"] == 2
    assert signals[signal] == 1 + (signal == "n_lines_kept")
    (all_kept,) = lines([f"{PROSE}\n{PROSE}"])
    assert all_kept["refinedweb"]["frac_words_removed"] == 0.0


def test_phrases_are_cut_from_short_lines_in_any_case() -> None:
    edits = {
        "Sign-in to see it": "to see it",
        "Some text. READ MORE...  ": "Some text.",
        "You have 2 items in cart now": "You have 2 now",
        "a b c d e f g h items in cart": "a b c d e f g h items in cart",
    }
    for line, edited in edits.items():
        assert lines([f"{PROSE}\n{line}\n{PROSE}"])[0]["text"] == f"{PROSE}\n{edited}\n{PROSE}"
    assert len(edits) == 4


def test_phrases_can_be_set() -> None:
    (row,) = lines(
        ["Anmelden um zu lesen\nText hier Weiterlesen…"], prefixes=("anmelden",), suffixes=("WEITERLESEN…",)
    )
    assert row["text"] == "um zu lesen\nText hier"
    text = "Sign-in to x\nRead more... items in cart y"
    assert lines([text], prefixes=(), suffixes=(), anywhere=())[0]["text"] == text
    assert lines(["HALF lo lo"], max_frac_uppercase=0.3)[0]["text"] == ""


def documents(folder: Path, name: str) -> Iterator[str]:
    with (folder / "proxy_corpus" / f"{name}.jsonl.zst").open("rb") as packed:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(packed), encoding="utf-8"):
            yield json.loads(line)["text"]


@pytest.mark.data
@pytest.mark.parametrize("name", ["web_en_gold", "code", "zh_reviews", "multilingual_debian_docs"])
def test_lines_of_real_documents(shared_data: Path, name: str) -> None:
    texts: list[str | None] = [text for i, text in enumerate(documents(shared_data, name)) if i % 23 == 0]
    n_edited = 0
    for profile in ("paper", "dclm"):
        for row, text in zip(lines(texts, profile=profile), texts, strict=True):
            kept, counts = reference(text or "", profile)
            assert row["text"] == kept
            assert row["refinedweb"]["n_words_removed"] == counts["n_words_removed"]
            n_edited += kept != text
    assert len(texts) > 50
    assert n_edited > 10


def test_settings_that_make_no_sense_are_refused() -> None:
    for step in (RefinedWebLines(prefixes=("",)), RefinedWebLines(profile="dolma")):
        with pytest.raises(PlanError):
            step.check()
    with pytest.raises(PlanError, match="profile"):
        RefinedWebRules().flow(RefinedWebLines(profile="dclm").flow(pa.schema([ID, TEXT])))
