from __future__ import annotations

import io
import re

from hypothesis import given
from hypothesis import strategies as st

from stages.ingest.window import BLOCK, PROBE, Window, find
from tests.stages.ingest.archives import noise

DATA = noise(1, 3 * BLOCK + 17)


@given(
    st.lists(st.tuples(st.integers(0, len(DATA) + 9), st.sampled_from([0, 1, PROBE, 500, BLOCK, 2 * BLOCK])))
)
def test_any_bytes_in_any_order(requests: list[tuple[int, int]]) -> None:
    window = Window(io.BytesIO(DATA), len(DATA))
    for offset, n in requests:
        assert window.read(offset, n) == DATA[offset : offset + n]
    assert window.read(3, 5) == DATA[3:8]


def test_a_file_that_grew_is_read_to_its_size_when_planned() -> None:
    window = Window(io.BytesIO(DATA), 100)
    assert window.read(90, 50) == DATA[90:100]
    assert window.read(100, 1) == b""
    assert window.reach(100)
    assert not window.reach(101)
    assert window.end() == 100


@given(st.integers(0, 2 * BLOCK), st.integers(0, 2 * BLOCK), st.integers(0, 3 * BLOCK))
def test_find_sees_what_lies_across_blocks(where: int, at: int, stop: int) -> None:
    data = bytearray(2 * BLOCK + 10)
    data[where : where + 6] = b"needle"
    window = Window(io.BytesIO(bytes(data)), len(data))
    want = where if where >= at else None
    assert find(window, re.compile(b"needle"), at) == want
    assert find(window, re.compile(b"needle"), at, stop) == (
        want if want is not None and want < stop else None
    )
