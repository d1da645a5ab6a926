"""Files of arrays: back as they were, the same bytes, and what is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from classifiers.embedding import arrays
from pipeline.errors import PlanError


def test_back_as_they_were(tmp_path: Path) -> None:
    given = {"a": np.arange(6, dtype=np.int8).reshape(2, 3), "b": np.array("name")}
    for name in ("x.npz", "y.npz"):
        arrays.save(tmp_path / name, **given)
    a, b = arrays.load(tmp_path / "x.npz", "things", "a", "b")
    assert a.dtype == np.int8
    assert a.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert str(b) == "name"
    assert (tmp_path / "x.npz").read_bytes() == (tmp_path / "y.npz").read_bytes()


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\3\4 cut", b"\x93NUMPY\1\0"])
def test_other_files(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(PlanError, match=r"x: no file of things"):
        arrays.load(tmp_path / "x", "things", "a")


def test_what_is_missing_or_pickled(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="no file of things"):
        arrays.load(tmp_path / "gone", "things", "a")
    np.savez(tmp_path / "x.npz", a=np.array([object()]), c=1)
    for name in ("a", "b"):
        with pytest.raises(PlanError, match="no file of things"):
            arrays.load(tmp_path / "x.npz", "things", name)
    whole = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(whole[:60] + b"\0" * 40 + whole[100:])
    with pytest.raises(PlanError, match="no file of things"):
        arrays.load(tmp_path / "x.npz", "things", "c", "a")
