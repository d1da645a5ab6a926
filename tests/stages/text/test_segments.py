"""Lines and paragraphs against regular expressions and `str.splitlines`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.text.segments import (
    BLANK,
    NEWLINE,
    NEWLINES,
    PAIR,
    PAIRS,
    SPLITLINES,
    Segments,
    bound_segments,
    next_segment,
    repeats,
    segment_scratch,
)

TEXT = st.text(
    st.sampled_from("ab\n\n\n\r \t\v\x1c\x85\u2028…é字") | st.characters(exclude_categories=["Cs"]),
    max_size=50,
)
ORACLES: dict[int, Callable[[str], list[str]]] = {
    SPLITLINES: lambda text: text.splitlines() or [""],
    NEWLINE: lambda text: text.split("\n"),
    NEWLINES: lambda text: re.split("\n+", text),
    PAIR: lambda text: text.split("\n\n"),
    PAIRS: lambda text: re.split("\n{2,}", text),
    BLANK: lambda text: re.split(r"\n\s*\n", text),
}


def segments(text: str, separator: int) -> list[str]:
    data = np.frombuffer(b"\n\n" + text.encode() + b"\n\n", np.uint8)
    at, stop, found = 2, len(data) - 2, []
    while at <= stop:
        start, end, at = next_segment(data, at, stop, separator)
        found.append(data[start:end].tobytes().decode())
    return found


@pytest.mark.parametrize("separator", ORACLES)
@given(text=TEXT)
def test_segments_are_what_the_separator_leaves(separator: int, text: str) -> None:
    assert segments(text, separator) == ORACLES[separator](text)


@pytest.mark.parametrize("separator", ORACLES)
@given(text=TEXT)
def test_no_separator_makes_more_than_there_is_room_for(separator: int, text: str) -> None:
    data = np.frombuffer(text.encode(), np.uint8)
    most = np.zeros(1, np.int64)
    bound_segments(data, np.array([0, len(data)], np.int32), most)
    assert len(segments(text, separator)) <= most[0]


@pytest.mark.parametrize("blank", [0, 1])
@pytest.mark.parametrize("stripped", [0, 1])
@pytest.mark.parametrize("every", [0, 1])
@given(texts=st.lists(TEXT, min_size=1, max_size=4))
def test_repeats(blank: int, stripped: int, every: int, texts: list[str]) -> None:
    offsets = np.cumsum([0, *(len(t.encode()) for t in texts)]).astype(np.int32)
    data = np.frombuffer("".join(texts).encode(), np.uint8)
    scratch, oldest = segment_scratch(data, offsets), 1
    how = Segments(NEWLINE, blank, stripped, every)
    measured, expected = [], []
    for i, text in enumerate(texts):
        found = [s.strip() if stripped else s for s in text.split("\n") if blank or s.strip()]
        repeated = [s for s, k in Counter(found).items() if k > 1 for _ in range(k if every else k - 1)]
        *numbers, oldest = repeats(data, int(offsets[i]), int(offsets[i + 1]), how, scratch, i, oldest)
        measured.append(numbers)
        expected.append([len(found), len(repeated), sum(map(len, found)), sum(map(len, repeated))])
    assert measured == expected
