"""Views of Arrow string arrays: every row where Arrow has it, and nothing copied."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.text.buffers import byte, view

TEXTS = st.lists(st.none() | st.text(max_size=20), max_size=12)


def rows(array: pa.StringArray) -> list[str | None]:
    data, offsets, valid = view(array)
    return [
        data[offsets[i] : offsets[i + 1]].tobytes().decode() if valid[i] else None for i in range(len(valid))
    ]


@given(TEXTS, st.integers(0, 12), st.integers(0, 12))
def test_rows_of_any_slice(texts: list[str | None], start: int, length: int) -> None:
    array = pa.array(texts, pa.string()).slice(min(start, len(texts)), length)
    assert rows(array) == array.to_pylist()


def test_a_slice_of_a_slice_shares_the_bytes() -> None:
    array = pa.array(["one", None, "two", "", "three", "four"], pa.string())
    part = array.slice(1, 4).slice(1, 3)
    assert rows(part) == ["two", "", "three"]
    assert view(part).data.ctypes.data == view(array).data.ctypes.data == array.buffers()[2].address
    assert view(part).offsets.ctypes.data == array.buffers()[1].address + 2 * 4


@pytest.mark.parametrize("texts", [[], [None], [None, None], [""], ["", None]])
def test_arrays_without_bytes(texts: list[str | None]) -> None:
    array = pa.array(texts, pa.string())
    assert rows(array) == texts
    assert rows(pa.concat_arrays([array, pa.nulls(1, pa.string())])) == [*texts, None]


def test_null_rows_that_span_bytes_are_not_valid() -> None:
    validity, offsets = pa.py_buffer(b"\x05"), pa.py_buffer(np.array([0, 1, 3, 4], np.int32))
    array = pa.StringArray.from_buffers(3, offsets, pa.py_buffer(b"abcd"), validity)
    assert array.to_pylist() == rows(array) == ["a", None, "d"]


def test_all_parts_are_read_only_whatever_arrow_gave() -> None:
    writable = pa.StringArray.from_buffers(
        1, pa.py_buffer(np.array([0, 2], np.int32)), pa.py_buffer(bytearray(b"ab"))
    )
    for array in (writable, pa.array(["ab"], pa.string()), pa.array([], pa.string())):
        assert not any(part.flags.writeable for part in view(array))
    assert len(view(writable)) == 3


@pytest.mark.parametrize("kind", [pa.large_string(), pa.binary(), pa.int64()])
def test_other_types_are_refused(kind: pa.DataType) -> None:
    with pytest.raises(TypeError, match=str(kind)):
        view(pa.array([], kind))


def test_byte_is_signed() -> None:
    data = view(pa.array(["a\xff"], pa.string())).data
    assert [byte(data, i) for i in range(3)] == [0x61, 0xC3, 0xBF]
    assert byte(data, 2) - 0x100 == -65
