"""The gate lets through every page that has a trace of a formula, and hardly any other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.extract.formulas import traces
from stages.extract.formulas.traces import may_have_formulas


def naive(html: bytes) -> bool:
    return any(trace.encode() in html for trace in traces._TRACES)


@pytest.mark.parametrize("trace", traces._TRACES)
@pytest.mark.parametrize("before", range(9))
def test_every_trace_is_found_wherever_it_stands(trace: str, before: int) -> None:
    for filler in (b"x", b"m", b"<", b"la", "é".encode()):
        assert may_have_formulas((filler * 9)[:before] + trace.encode())
        assert may_have_formulas((filler * 9)[:before] + trace.encode() + filler * 3)
    assert not may_have_formulas(b"x" * before + trace.encode()[:-1])


def test_pages_without() -> None:
    for page in (b"", b"<", b"<math", b"no formulas, but maths, texts and paths", b"\xff" * 100):
        assert not may_have_formulas(page)


fragments = st.sampled_from([t[:n].encode() for t in traces._TRACES for n in (2, 4, len(t))]) | st.binary(
    max_size=5
)


@given(st.lists(fragments, max_size=12).map(b"".join))
def test_as_a_plain_search_finds_it(html: bytes) -> None:
    assert may_have_formulas(html) == naive(html)


def test_traces_fill_the_window() -> None:
    assert min(map(len, traces._TRACES)) >= traces._WINDOW
    assert np.all((traces._SKIPS & 127) <= traces._WINDOW - 1)
