"""Accounts of a pass, folded: a shard leaves about a hundred bytes in the memory of the driver.

Each task writes its account beside its shard, which is what resume goes by. A finished pass has them all in
one file as well, so that a run which finds the pass done opens one file and not one for each shard.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Self

import zstandard

from pipeline.engine import Account
from pipeline.record import StepCount, add_into
from pipeline.store import atomic, fetched

FILE = "accounts.jsonl.zst"
_NONE = bytes(32)


class Accounts:
    """Accounts of the shards of one pass."""

    def __init__(self, source: str, n_shards: int) -> None:
        self.source, self.n_shards = source, n_shards
        self.steps: dict[str, StepCount] = {}
        self.rows, self.dropped_rows, self.n_bytes = (array("q", bytes(8 * n_shards)) for _ in range(3))
        self.peak_bytes = 0
        self._kept, self._dropped = bytearray(32 * n_shards), bytearray(32 * n_shards)

    def put(self, index: int, account: Account) -> None:
        """Take the account of one shard, once."""
        add_into(self.steps, self.source, account["steps"])
        self.rows[index], self.dropped_rows[index] = account["rows"], account["dropped_rows"]
        self.n_bytes[index] = account["n_bytes"]
        self.peak_bytes = max(self.peak_bytes, account["peak_bytes"])
        place = slice(32 * index, 32 * index + 32)
        self._kept[place] = bytes.fromhex(account["sha256"])
        self._dropped[place] = bytes.fromhex(account.get("dropped_sha256", _NONE.hex()))

    def counts(self) -> list[StepCount]:
        """What the steps of the pass did, in their order."""
        for count in self.steps.values():
            count.dropped = dict(sorted(count.dropped.items(), key=lambda item: (-item[1], item[0])))
            count.seconds = round(count.seconds, 3)
        return list(self.steps.values())

    def kept(self) -> Iterator[str]:
        """Digests of the shards of kept documents, in order."""
        return (self._kept[i : i + 32].hex() for i in range(0, len(self._kept), 32))

    def dropped(self) -> Iterator[str]:
        """Digests of the shards of dropped documents, in order; '-' where none was dropped."""
        digests = (bytes(self._dropped[i : i + 32]) for i in range(0, len(self._dropped), 32))
        return ("-" if digest == _NONE else digest.hex() for digest in digests)


def content_hash(kept: Iterable[Accounts], passes: Iterable[Accounts]) -> str:
    """SHA-256 over digests of shards in order: of what was kept at the end, of what all passes dropped."""
    whole, first = hashlib.sha256(), True
    for digests in (*(a.kept() for a in kept), *(a.dropped() for a in passes)):
        for digest in digests:
            whole.update(digest.encode() if first else b"\n" + digest.encode())
            first = False
    return whole.hexdigest()


class AccountsFile:
    """All accounts of a pass in one file, in the order they came; it is there when the block ends well.

    One that is there goes first: it speaks of shards that the pass will replace, one by one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._stack = folder, contextlib.ExitStack()

    def __enter__(self) -> Self:
        (self.folder / FILE).unlink(missing_ok=True)
        path = self._stack.enter_context(atomic(self.folder / FILE))
        raw: IO[bytes] = self._stack.enter_context(path.open("wb"))
        self._file: Any = self._stack.enter_context(zstandard.ZstdCompressor().stream_writer(raw))
        return self

    def put(self, index: int, account: Account) -> None:
        """Append the account of a shard."""
        self._file.write(json.dumps([index, account]).encode() + b"\n")

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)


def read_accounts(folder: Path) -> Iterator[tuple[int, Account]]:
    """(number of the shard, its account) as a finished pass left them, in its one file."""
    with (
        fetched(folder / FILE) as here,
        here.open("rb") as raw,
        zstandard.ZstdDecompressor().stream_reader(raw) as file,
    ):
        held = b""
        while block := file.read(1 << 20):
            *lines, held = (held + block).split(b"\n")
            for line in lines:
                index, account = json.loads(line)
                yield index, account
