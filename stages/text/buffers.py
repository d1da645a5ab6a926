"""Arrow string arrays as the flat views that kernels take: bytes, offsets, validity. No text is copied."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.text.kernel import Int, device

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int32]
Item = TypeVar("Item", bound=np.generic)


class Texts(NamedTuple):
    """The rows of a string array; row i is `data[offsets[i]:offsets[i + 1]]` where `valid[i]`.

    All three are read-only. A null row may span bytes that mean nothing: kernels look at `valid` first.
    """

    data: Bytes
    """uint8 [bytes of the buffer]: a slice shares it with its siblings."""
    offsets: Offsets
    """int32 [rows + 1]"""
    valid: npt.NDArray[np.bool_]
    """bool [rows]"""


def view(array: pa.StringArray) -> Texts:
    """The rows of `array`, slices and nulls respected.

    Raises:
        TypeError: `array` is not of type string (large strings have 64-bit offsets).
    """
    if not pa.types.is_string(array.type):
        raise TypeError(f"expected an array of string, got {array.type}")
    _, offsets, data = array.buffers()
    rows = len(array)
    ends = np.frombuffer(offsets, np.int32, rows + 1, 4 * array.offset) if rows else np.zeros(1, np.int32)
    return Texts(
        _frozen(np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)),
        _frozen(ends),
        _frozen(array.is_valid().to_numpy(zero_copy_only=False)),
    )


@device
def byte(data: Bytes, pos: Int) -> Int:
    """`data[pos]` as int64, for `pos` >= 0.

    Unsigned indices spare the test for negative ones: five times faster where every byte is looked at.
    """
    return np.int64(data[np.uint64(pos)])


def _frozen(array: npt.NDArray[Item]) -> npt.NDArray[Item]:
    # Numba compiles anew for writable arrays, which Arrow gives for some buffers and not for others.
    array.flags.writeable = False
    return array
