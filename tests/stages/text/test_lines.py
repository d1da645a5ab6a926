"""Lines against `str.splitlines`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.text.lines import next_line, strip

ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
TEXT = st.text(
    st.sampled_from("ab é字 \t\x1f\xa0\u3000…Â\u2027\u202a😀" + ENDS)
    | st.characters(exclude_categories=["Cs"])
)


def lines(text: str) -> list[str]:
    """Stripped lines that are not blank, as the kernel finds them."""
    data = np.frombuffer(b"xx" + text.encode() + b"\nyy", np.uint8)
    after, stop, found = 2, len(data) - 3, []
    while after < stop:
        before = after
        start, end, after = next_line(data, after, stop)
        assert before < after
        assert before <= start <= end <= after
        if start < end:
            found.append(data[start:end].tobytes().decode())
    assert after == stop
    return found


@given(TEXT)
def test_lines_are_those_of_splitlines(text: str) -> None:
    assert lines(text) == [line.strip() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("end", [*ENDS, "\r\n"])
def test_every_line_end(end: str) -> None:
    assert lines(f"a{end}  b {end}{end}c") == ["a", "b", "c"]


@pytest.mark.parametrize("char", ["\x1f", "\t", " ", "\u00a0", "\u2027", "\u202a", "\u2003", "Â"])
def test_what_ends_no_line(char: str) -> None:
    assert lines(f"a{char}b") == [f"a{char}b"]


@given(TEXT)
def test_strip_is_str_strip(text: str) -> None:
    data = np.frombuffer(b" " + text.encode() + b" ", np.uint8)
    start, stop = strip(data, 1, len(data) - 1)
    assert data[start:stop].tobytes().decode() == text.strip()
