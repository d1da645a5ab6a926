from __future__ import annotations

import bz2

import pytest

from stages.ingest.bzip2 import CHUNK_BYTES, Bzip2Stream
from stages.ingest.records import container
from stages.ingest.window import Window
from tests.stages.ingest.archives import (
    BLOCKS,
    RECORDS,
    N,
    assert_tiled,
    damage,
    flip,
    noise,
    payloads,
    read,
    response,
)


def test_a_stream_for_each_record_and_one_for_all() -> None:
    parts = [bz2.compress(r) for r in RECORDS]
    data = b"".join(parts)
    assert container(Window.of(data)) == "bzip2"
    assert payloads(read(data)) == BLOCKS
    assert [i.length for i in read(data)] == [len(p) for p in parts]
    assert_tiled(data)
    one = bz2.compress(b"".join(RECORDS))
    assert payloads(read(one)) == BLOCKS
    assert {i.offset for i in read(one)} == {0}
    assert_tiled(one)


@pytest.mark.parametrize("k", range(N))
@pytest.mark.parametrize("what", ["flip", "cut", "zeros"])
def test_damage_costs_one_record(what: str, k: int) -> None:
    parts = [bz2.compress(r) for r in RECORDS]
    broken = {
        "flip": flip(parts[k], len(parts[k]) // 2),
        "cut": parts[k][:-30],
        "zeros": bytes(40) + parts[k][40:],
    }[what]
    data = b"".join([*parts[:k], broken, *parts[k + 1 :]])
    items = read(data)
    assert payloads(items) == BLOCKS[:k] + BLOCKS[k + 1 :]
    assert [(d.offset, d.length) for d in damage(items)] == [(len(b"".join(parts[:k])), len(broken))]
    assert_tiled(data)


def test_a_broken_stream_gives_the_blocks_before_the_break() -> None:
    text = b"".join(response(i, noise(i, 90_000)) for i in range(25))
    data = bz2.compress(text)
    at = len(data) * 3 // 4
    items = read(data[:at] + bytes(500) + data[at + 500 :])
    assert len(payloads(items)) >= 9, "the first block holds 900,000 bytes"
    assert [d.reason for d in damage(items)] == ["inflate"]


def test_a_bomb_comes_in_chunks() -> None:
    bomb = bz2.compress(bytes(40 << 20))
    source = Bzip2Stream(Window.of(bomb), 0)
    sizes = []
    while not source.ended:
        sizes.append(len(source.step()))
    assert max(sizes) <= CHUNK_BYTES
    assert sum(sizes) == 40 << 20
