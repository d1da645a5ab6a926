from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PlanError
from stages.filters.urls import files
from stages.filters.urls.files import blocks, lines, rows


def write(path: Path, content: bytes) -> Path:
    packed = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}
    path.write_bytes(packed.get(path.suffix, bytes)(content))
    return path


@pytest.mark.parametrize("name", ["list.txt", "list.txt.gz", "list.txt.zst"])
def test_plain_and_compressed(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, b"one\r\n\n# not\n! nor\n  Two  \nthree")
    assert [r for block in rows(path) for r in block.to_pylist()] == ["one", "Two", "three"]
    assert list(lines(path)) == [(1, "one"), (3, "# not"), (4, "! nor"), (5, "Two"), (6, "three")]


def test_frames_and_members_one_after_the_other(tmp_path: Path) -> None:
    pack = zstandard.ZstdCompressor().compress
    (tmp_path / "x.zst").write_bytes(pack(b"a\n") + pack(b"b\n"))
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"a\n") + gzip.compress(b"b\n"))
    for name in ("x.zst", "x.gz"):
        assert [text for _, text in lines(tmp_path / name)] == ["a", "b"]


@given(content=st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b"#", b" "])).map(b"".join))
def test_blocks_do_not_change_lines(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "blocks.txt"
    path.write_bytes(content)
    want = [(i, s.decode()) for i, line in enumerate(content.split(b"\n"), 1) if (s := line.strip())]
    before = files.BLOCK
    try:
        for size in (1, 2, 3, 1 << 20):
            files.BLOCK = size
            assert b"".join(blocks(path)) == content
            assert list(lines(path)) == want
            have = [r for block in rows(path) for r in block.to_pylist()]
            assert have == [text for _, text in want if not text.startswith("#")]
    finally:
        files.BLOCK = before


def test_hosts(tmp_path: Path) -> None:
    lines_ = {
        "A.com": "a.com",
        "*.b.com": "b.com",
        ".c.com": "c.com",
        "0.0.0.0 d.com # x": "d.com",
        "127.0.0.1\tE.com": "e.com",
        "::1 f.com": "f.com",
        "1.2.3.4": "1.2.3.4",
        "1.2.3.5  ": "1.2.3.5",
        "g.com h": "g.com",
    }
    (block,) = rows(write(tmp_path / "hosts", "".join(f"{line}\n" for line in lines_).encode()), hosts=True)
    assert block.to_pylist() == [*lines_.values()]


@pytest.mark.parametrize("name", ["x.gz", "x.zst"])
def test_a_damaged_file_is_an_error_of_the_plan(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, bytes(range(256)) * 50)
    path.write_bytes(b"no" + path.read_bytes()[2:])
    with pytest.raises(PlanError, match="cannot read"):
        list(blocks(path))
    with pytest.raises(PlanError, match="cannot read"):
        list(blocks(tmp_path / "missing"))


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.gz", b"\0" * 20_000_000)
    with pytest.raises(PlanError, match="not a list"):
        list(blocks(path))
