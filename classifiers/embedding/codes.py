"""Embeddings as codes of one signed byte a dimension, whose products are exact whoever computes them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import RunError
from pipeline.schema import column

Codes = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float32]

LARGEST = 127
MAX_DIMENSION = (1 << 24) // LARGEST**2
"""Up to here all sums of products of codes are whole numbers that float32 holds, in any order of adding."""

EMBEDDING = column(
    "embedding",
    pa.binary(),
    "direction of the text: int8 codes, a byte a dimension, the largest 127; null where there is no text",
)
"""`pipeline.schema.made` says by which model: its digest."""


def quantized(vectors: npt.NDArray[np.floating | np.int64]) -> Codes:
    """int8 [rows, dimension]: vectors scaled so that the largest component is 127, and rounded; 0 stays 0."""
    largest = np.abs(vectors).max(axis=1, initial=0, keepdims=True).astype(np.float64)
    scale = np.divide(LARGEST, largest, out=np.zeros_like(largest), where=largest > 0)
    codes: Codes = np.rint(vectors * scale).astype(np.int8)
    return codes


def to_arrow(codes: Codes) -> pa.BinaryArray:
    """The column `embedding`; null where all codes are 0."""
    n, dimension = codes.shape
    zero = ~codes.any(axis=1)
    ends = np.concatenate([[0], np.cumsum(np.where(zero, 0, dimension))])
    bits = np.packbits(~zero, bitorder="little").tobytes()
    data = np.ascontiguousarray(codes[~zero]).tobytes()
    parts = [pa.py_buffer(bits), pa.py_buffer(ends.astype(np.int32).tobytes()), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary(), n, parts)


def from_arrow(array: pa.BinaryArray, dimension: int | None = None) -> tuple[Codes, npt.NDArray[np.bool_]]:
    """(int8 [those that are there, dimension], bool [rows] which are). Codes that are all 0 are not there.

    Raises:
        RunError: embeddings differ in their dimension, or have another than `dimension`.
    """
    there = array.is_valid().to_numpy(zero_copy_only=False)
    present = array.drop_null()
    lengths = pc.unique(pc.binary_length(present)).to_pylist()
    wanted = lengths[:1] if dimension is None else [dimension]
    if lengths and (lengths != wanted or not 0 < lengths[0] <= MAX_DIMENSION):
        raise RunError(f"embeddings of {sorted(lengths)} dimensions where {wanted} are expected")
    offsets = np.frombuffer(present.buffers()[1], np.int32)[present.offset :][: len(present) + 1]
    data = present.buffers()[2]
    flat = (
        np.frombuffer(data, np.int8)[offsets[0] : offsets[-1]]
        if len(present) and data
        else np.zeros(0, np.int8)
    )
    codes = flat.reshape(len(present), (wanted or [0])[0])
    zero = ~codes.any(axis=1)
    if zero.any():
        there[np.flatnonzero(there)[zero]] = False
        codes = codes[~zero]
    return codes, there


def squares(codes: Codes) -> npt.NDArray[np.int64]:
    """int64 [rows]: squared lengths."""
    wide = codes.astype(np.float32)
    sums: npt.NDArray[np.int64] = np.einsum("nd,nd->n", wide, wide).astype(np.int64)
    return sums
