"""Files of lists, plain or compressed, in blocks that end where a line ends."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import zstandard

from pipeline.errors import PlanError
from stages.text.buffers import Bytes, byte
from stages.text.kernel import Int, kernel
from stages.urls.split import strings

BLOCK = 1 << 22
MAX_LINE = 1 << 16
"""Bytes; no address, domain or rule is longer."""
_WINDOW = 1 << 31
"""The largest window that `zstd --long=31` makes."""
ENDINGS = ("", ".gz", ".zst")

Marks = tuple[bytes, ...]


def open_list(path: Path) -> BinaryIO:
    """A file, decompressed by its name."""
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path))
    if path.suffix == ".zst":
        reader = zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(
            path.open("rb"), read_across_frames=True, closefd=True
        )
        return cast(BinaryIO, reader)
    return path.open("rb")


def blocks(path: Path) -> Iterator[bytes]:
    """The file in chunks that end where a line ends.

    Raises:
        PlanError: it cannot be read or decompressed, or has a line of more than 64 KiB.
    """
    rest = b""
    try:
        with open_list(path) as file:
            while chunk := file.read(BLOCK):
                chunk = rest + chunk
                end = chunk.rfind(b"\n") + 1
                rest = chunk[end:]
                if len(rest) > MAX_LINE:
                    raise PlanError(f"{path}: a line of more than {MAX_LINE} bytes: not a list")
                yield chunk[:end]
    except (OSError, EOFError, zstandard.ZstdError) as error:
        raise PlanError(f"cannot read {path}: {error}") from error
    yield rest


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number, text) of every line that is not blank, stripped; bytes that are not UTF-8 are replaced."""
    number = 0
    for block in blocks(path):
        for line in block.decode(errors="replace").split("\n"):
            number += 1
            if text := line.strip():
                yield number, text
        number -= 1  # a block ends with a line end, and `split` gives what follows it


def rows(path: Path, hosts: bool = False) -> Iterator[pa.StringArray]:
    """The entries of each block: lines stripped, ASCII capitals in lower case where `hosts`.

    Blank lines and those that begin with # or ! are left out. With `hosts`, of a line like `0.0.0.0 ads.com`
    (a hosts file) the name, of others the first word; `*.` and `.` before it go.
    """
    for block in blocks(path):
        data = np.frombuffer(block, np.uint8)
        n = int((data == 10).sum()) + 1
        starts, stops = np.empty(n, np.int32), np.empty(n, np.int32)
        n = _lines(data, hosts, starts, stops)
        if n:
            yield strings(data, starts[:n], stops[:n], lower=hosts)


@kernel
def _lines(data: Bytes, hosts: bool, starts: npt.NDArray[np.int32], stops: npt.NDArray[np.int32]) -> int:
    n = 0
    pos: Int = np.int64(0)
    while pos < len(data):
        end = pos
        while end < len(data) and byte(data, end) != 10:
            end += 1
        start, stop, pos = pos, end, end + 1
        while start < stop and byte(data, start) <= 0x20:
            start += 1
        while start < stop and byte(data, stop - 1) <= 0x20:
            stop -= 1
        if start == stop or byte(data, start) == ord("#") or byte(data, start) == ord("!"):
            continue
        if hosts:
            first = start
            number = True
            while first < stop and byte(data, first) > 0x20:
                char = byte(data, first)
                number = bool(number and (ord("0") <= char <= ord("9") or char in (ord("."), ord(":"))))
                first += 1
            if first < stop and number:
                start = first
                while byte(data, start) <= 0x20:
                    start += 1
                first = start
                while first < stop and byte(data, first) > 0x20:
                    first += 1
            stop = first
            if stop - start > 2 and byte(data, start) == ord("*") and byte(data, start + 1) == ord("."):
                start += 2
            elif stop - start > 1 and byte(data, start) == ord("."):
                start += 1
        starts[n], stops[n] = start, stop
        n += 1
    return n
