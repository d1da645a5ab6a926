"""Code points to UTF-8 against Python's encoder."""

from __future__ import annotations

import numpy as np
import pytest

from stages.text.utf8 import encode, utf8

EDGES = [0, 1, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFD, 0xFFFF, 0x10000, 0x10FFFF]


@pytest.mark.parametrize("code", [*EDGES, *range(0x20, 0x30000, 5003)])
def test_bytes_of_a_code_point(code: int) -> None:
    expected = chr(code).encode("utf-8", "surrogatepass")
    value, n = utf8(np.int64(code))
    assert int(value).to_bytes(n, "little") == expected
    out = np.zeros(8, np.uint8)
    assert encode(np.int64(code), out, np.int64(2)) == 2 + len(expected)
    assert out.tobytes() == bytes(2) + expected + bytes(6 - len(expected))
