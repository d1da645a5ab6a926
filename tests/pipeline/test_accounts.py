"""Folded accounts say what the accounts of all shards say, in any order, from a file or one by one."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import pytest

from pipeline.accounts import FILE, Accounts, AccountsFile, content_hash, read_accounts


def account(i: int) -> dict[str, Any]:
    digest = hashlib.sha256(str(i).encode()).hexdigest()
    dropped = {"dropped_sha256": digest[::-1]} if i % 3 else {}
    dropped_by = {"a": 1, f"r{i % 2}": 2}
    steps = [{"name": "rules", "in": i + 2, "kept": i, "dropped": dropped_by, "seconds": 0.5}]
    sizes = {"rows": i, "n_bytes": 10 * i, "dropped_rows": 2 if i % 3 else 0, "peak_bytes": i}
    return sizes | {"sha256": digest, "steps": steps} | dropped


def folded(order: list[int]) -> Accounts:
    accounts = Accounts("web", len(order))
    for i in order:
        accounts.put(i, account(i))
    return accounts


def test_any_order_gives_the_same() -> None:
    straight, mixed = folded(list(range(20))), folded(random.Random(0).sample(range(20), 20))
    assert straight.counts() == mixed.counts()
    assert (straight.rows, straight.n_bytes, straight.dropped_rows) == (
        mixed.rows,
        mixed.n_bytes,
        mixed.dropped_rows,
    )
    assert content_hash([straight], [straight]) == content_hash([mixed], [mixed])
    (count,) = straight.counts()
    assert (count.source, count.name, count.rows_in, count.kept) == (
        "web",
        "rules",
        sum(range(20)) + 40,
        sum(range(20)),
    )
    assert list(count.dropped.items()) == [("a", 20), ("r0", 20), ("r1", 20)]
    assert straight.peak_bytes == 19


def test_the_hash_is_that_of_all_digests_in_order() -> None:
    accounts = [account(i) for i in range(5)]
    lines = [a["sha256"] for a in accounts] + [a.get("dropped_sha256", "-") for a in accounts]
    made = folded(list(range(5)))
    assert content_hash([made], [made]) == hashlib.sha256("\n".join(lines).encode()).hexdigest()
    assert content_hash([made], []) != content_hash([], [made])


def test_a_file_gives_back_what_was_put(tmp_path: Path) -> None:
    with AccountsFile(tmp_path) as file:
        for i in (2, 0, 1):
            file.put(i, account(i))
        assert not (tmp_path / FILE).exists()
    assert list(read_accounts(tmp_path)) == [(i, account(i)) for i in (2, 0, 1)]


def test_a_pass_that_ends_badly_leaves_no_file(tmp_path: Path) -> None:
    def failing() -> None:
        with AccountsFile(tmp_path) as file:
            file.put(0, account(0))
            raise ValueError("killed")

    with pytest.raises(ValueError, match="killed"):
        failing()
    assert list(tmp_path.iterdir()) == []
