"""Codes: rounding, the Arrow column and back, and that products are exact."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from classifiers.embedding.codes import MAX_DIMENSION, from_arrow, quantized, squares, to_arrow
from pipeline.errors import RunError

CODES = arrays(np.int8, st.tuples(st.integers(0, 6), st.just(5)), elements=st.integers(-127, 127))


def test_the_largest_component_is_127() -> None:
    vectors = np.array([[1.0, -2.0, 0.5], [0, 0, 0], [-1e-30, 0, 6e-31], [1e30, 1e30, -1e30]])
    assert quantized(vectors).tolist() == [[64, -127, 32], [0, 0, 0], [-127, 0, 76], [127, 127, -127]]
    assert quantized(np.zeros((0, 4))).shape == (0, 4)


def test_cosines_are_close() -> None:
    vectors = np.random.default_rng(0).normal(size=(200, 256))
    codes = quantized(vectors).astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    codes /= np.linalg.norm(codes, axis=1, keepdims=True)
    assert np.abs(codes @ codes.T - vectors @ vectors.T).max() < 3e-3


@given(CODES)
def test_arrow_and_back(codes: np.ndarray) -> None:
    column = to_arrow(codes)
    column.validate(full=True)
    there = codes.any(axis=1)
    assert [v.is_valid for v in column] == there.tolist()
    found, mask = from_arrow(column)
    assert (mask == there).all()
    assert found.tolist() == codes[there].tolist()


@given(CODES, st.integers(0, 6), st.integers(0, 6))
def test_slices(codes: np.ndarray, start: int, length: int) -> None:
    found, mask = from_arrow(to_arrow(codes).slice(start, length), 5)
    part = codes[start : start + length]
    assert found.tolist() == part[part.any(axis=1)].tolist()
    assert len(mask) == len(part)


def test_zeros_of_others_are_not_there() -> None:
    codes, there = from_arrow(pa.array([b"\0\0", None, b"\1\2"], pa.binary()))
    assert codes.tolist() == [[1, 2]]
    assert there.tolist() == [False, False, True]


@pytest.mark.parametrize("values", [[b"ab", b"abc"], [b""], [b"a" * (MAX_DIMENSION + 1)]])
def test_dimensions_that_differ_are_refused(values: list[bytes]) -> None:
    with pytest.raises(RunError, match="dimensions"):
        from_arrow(pa.array(values, pa.binary()))


def test_another_dimension_than_expected_is_refused() -> None:
    with pytest.raises(RunError, match=r"\[3\] dimensions where \[2\] are expected"):
        from_arrow(pa.array([b"abc"], pa.binary()), 2)


def test_products_of_the_largest_codes_are_exact() -> None:
    codes = np.full((2, MAX_DIMENSION), 127, np.int8)
    codes[1, ::2] = -127
    exact = codes.astype(np.int64) @ codes.astype(np.int64).T
    wide = codes.astype(np.float32)
    assert (wide @ wide.T == exact).all()
    assert (squares(codes) == exact.diagonal()).all()
    assert exact.max() < 1 << 24
