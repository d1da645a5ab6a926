from __future__ import annotations

import time

import pytest
import zstandard

from stages.ingest.records import container
from stages.ingest.window import Window
from stages.ingest.zstd import BLOCK_BYTES, ZstdFrame, decompressor, skippable
from tests.stages.ingest.archives import (
    BLOCKS,
    LOSES_ONE,
    RECORDS,
    N,
    assert_tiled,
    damage,
    flip,
    frame,
    noise,
    payloads,
    read,
    response,
)

DICTIONARY = zstandard.train_dictionary(4096, [response(i) for i in range(100, 300)]).as_bytes()


def dictionary_frame(content: bytes) -> bytes:
    return b"\x5d\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content


def stepped(data: bytes) -> tuple[bytes, str, int]:
    source = ZstdFrame(Window.of(data), 0, decompressor(Window.of(data)))
    out = b""
    while not source.ended:
        out += source.step()
    return out, source.error, source.stop


def test_frames_end_where_they_end() -> None:
    texts = [b"", b"x", RECORDS[0], noise(1, 300_000), bytes(1 << 20), RECORDS[1] * 500]
    for text in texts:
        for settings in ({}, {"write_checksum": True}, {"write_content_size": False}, {"level": 19}):
            data = zstandard.ZstdCompressor(**settings).compress(text)
            assert stepped(data + b"rest") == (text, "", len(data))
            if len(data) > 20:
                assert stepped(data[:-1])[1] == "truncated"
    streamed = zstandard.ZstdCompressor().compressobj()
    data = b"".join(
        streamed.compress(RECORDS[0]) + streamed.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK) for _ in "123"
    )
    data += streamed.flush()
    assert stepped(data + b"\0") == (RECORDS[0] * 3, "", len(data))


def test_kinds_of_damage() -> None:
    data = frame(noise(1, 500_000))
    assert stepped(flip(data, len(data) - 1))[1] == "crc"
    assert stepped(data[:5])[1] == "truncated"
    _, error, _ = stepped(flip(frame(RECORDS[0] * 2000), 150))
    assert error in ("inflate", "crc")
    reserved = data[:9] + bytes([data[9] | 6]) + data[10:]
    assert stepped(reserved)[1] == "inflate"
    huge = b"\x28\xb5\x2f\xfd\x00" + bytes([(31 - 10) << 3]) + b"\x01\0\0"
    assert stepped(huge)[1] == "too_large", "a window of 2 GiB"


def test_a_bomb_comes_in_blocks() -> None:
    bomb = zstandard.compress(bytes(64 << 20))
    assert len(bomb) < 10_000
    source = ZstdFrame(Window.of(bomb), 0, decompressor(Window.of(bomb)))
    sizes = []
    while not source.ended:
        sizes.append(len(source.step()))
    assert sum(sizes) == 64 << 20
    assert max(sizes) <= BLOCK_BYTES


@pytest.mark.parametrize("packed", [False, True])
def test_a_dictionary_leads_the_file(packed: bool) -> None:
    lead = dictionary_frame(zstandard.compress(DICTIONARY) if packed else DICTIONARY)
    frames = [frame(r, DICTIONARY) for r in RECORDS]
    assert sum(map(len, frames)) < 0.8 * sum(len(frame(r)) for r in RECORDS)
    data = lead + b"".join(frames)
    assert container(Window.of(data)) == "zstd"
    items = read(data)
    assert payloads(items) == BLOCKS
    assert not damage(items)
    assert items[0].offset == len(lead)
    assert_tiled(data)
    frames[2] = flip(frames[2], len(frames[2]) // 2)
    items = read(lead + b"".join(frames))
    assert payloads(items) == BLOCKS[:2] + BLOCKS[3:]
    assert [(d.offset, d.length) for d in damage(items)] == [
        (len(lead + frames[0] + frames[1]), len(frames[2]))
    ]


def test_a_dictionary_of_very_many_blocks_is_joined_once() -> None:
    packed, blocks = zstandard.ZstdCompressor().compressobj(), []
    for i in range(100_000):
        blocks.append(packed.compress(b"word %d " % i) + packed.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
    data = dictionary_frame(b"".join([*blocks, packed.flush()]))
    start = time.process_time()
    decompressor(Window.of(data))
    assert time.process_time() - start < 5, "not joined anew for each block"


def test_frames_without_their_dictionary_are_damage() -> None:
    data = b"".join(frame(r, DICTIONARY) for r in RECORDS)
    assert not payloads(read(data))
    assert sum(d.length for d in damage(read(data))) == len(data)
    broken = dictionary_frame(noise(1, 100)) + data
    assert not payloads(read(broken))
    assert damage(read(broken))


def test_extension_frames_are_passed_over() -> None:
    extra = (
        b"\x53\x2a\x4d\x18"
        + (100).to_bytes(4, "little")
        + frame(b"no record")
        + bytes(100 - len(frame(b"no record")))
    )
    data = b"".join(frame(r) + extra for r in RECORDS)
    items = read(data)
    assert payloads(items) == BLOCKS
    assert not damage(items)
    assert_tiled(data)
    assert skippable(Window.of(extra), 0) == len(extra)
    assert skippable(Window.of(extra[:-1]), 0) == 0, "it would end beyond the file"


def test_one_stream() -> None:
    data = frame(b"".join(RECORDS))
    assert payloads(read(data)) == BLOCKS
    assert {i.offset for i in read(data)} == {0}
    assert_tiled(data)


@pytest.mark.parametrize("k", range(N))
@pytest.mark.parametrize("what", LOSES_ONE)
def test_damage_inside_one_stream(what: str, k: int) -> None:
    data = frame(b"".join(LOSES_ONE[what](r) if i == k else r for i, r in enumerate(RECORDS)))
    assert payloads(read(data)) == BLOCKS[:k] + BLOCKS[k + 1 :]
    assert_tiled(data)


def test_a_broken_stream_gives_the_blocks_before_the_break() -> None:
    bodies = [response(i, noise(i, 90_000)) for i in range(8)]
    data = frame(b"".join(bodies))
    broken = data[: len(data) // 2] + bytes(300) + data[len(data) // 2 + 300 :]
    items = read(broken[: len(data) // 4 * 3] + frame(RECORDS[0]))
    assert len(payloads(items)) >= 4
    assert payloads(items)[-1] == BLOCKS[0]
    assert damage(items)
