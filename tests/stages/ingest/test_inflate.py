from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.ingest.inflate import CHUNK_BYTES, SLICE, SMALL_MEMBER_BYTES, GzipMember, decompress_member, peek
from stages.ingest.window import Window
from tests.stages.ingest.archives import MEMBER_LOSES_ONE, RECORDS, flip, member, noise, response


def by_zlib(data: bytes) -> tuple[bytes, str]:
    """What a member decompresses to before anything is wrong with it, a byte at a time, and what that is."""
    inflate = zlib.decompressobj(31)
    out = b""
    for at in range(len(data)):
        try:
            out += inflate.decompress(data[at : at + 1])
        except zlib.error as error:
            return out, str(error)
        if inflate.eof:
            return out, ""
    return out, "truncated"


def stepped(data: bytes) -> tuple[bytes, str, int]:
    source = GzipMember(Window.of(data), 0)
    out = b""
    while not source.ended:
        out += source.step()
    return out, source.error, source.stop


TEXTS = [RECORDS[0], noise(1, 60_000), b"", RECORDS[1] * 200, bytes(300_000)]


@pytest.mark.parametrize("level", [0, 1, 6])
@pytest.mark.parametrize("k", range(len(TEXTS)))
def test_a_sound_member(k: int, level: int) -> None:
    data = member(TEXTS[k], level)
    for rest in (b"", member(b"x"), b"\r\n", noise(2, 50_000)):
        assert decompress_member(Window.of(b"--" + data + rest), 2, 1 << 20) == (TEXTS[k], 2 + len(data))
        assert stepped(data + rest) == (TEXTS[k], "", len(data))


def test_where_a_member_of_many_chunks_ends() -> None:
    for size in (CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES, 7 * CHUNK_BYTES + 100):
        data = member(RECORDS[0] + bytes(size))
        for rest in (b"", member(RECORDS[1]), bytes(100)):
            assert stepped(data + rest)[1:] == ("", len(data))


def test_what_is_not_decompressed_at_once() -> None:
    data = member(RECORDS[1] * 10)
    assert decompress_member(Window.of(data), 0, len(RECORDS[1]) * 10) is not None
    assert decompress_member(Window.of(data), 0, len(RECORDS[1]) * 10 - 1) is None, "larger than asked for"
    assert decompress_member(Window.of(data[:-1]), 0, SMALL_MEMBER_BYTES) is None
    assert decompress_member(Window.of(data[:10]), 0, SMALL_MEMBER_BYTES) is None
    assert decompress_member(Window.of(b""), 0, SMALL_MEMBER_BYTES) is None
    assert decompress_member(Window.of(b"x" + data), 0, SMALL_MEMBER_BYTES) is None
    checked = data[:3] + b"\x02" + data[4:10] + b"\0\0" + data[10:]
    assert decompress_member(Window.of(checked), 0, SMALL_MEMBER_BYTES) is None, (
        "a checksum of the header is zlib's to check"
    )


def test_a_bomb_is_given_up_early() -> None:
    file = Window.of(member(bytes(50 << 20)))
    assert decompress_member(file, 0, 1 << 20) is None
    source = GzipMember(file, 0)
    assert max(len(source.step()) for _ in range(20)) <= 1 << 20


def test_every_bit_of_a_member() -> None:
    """A member that is decompressed at once is what zlib makes of it: no flip is overlooked."""
    data = member(response(3)[:700])
    taken = 0
    for at in range(len(data)):
        for bit in range(8):
            broken = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            found = decompress_member(Window.of(broken), 0, SMALL_MEMBER_BYTES)
            if found is not None:
                assert by_zlib(broken) == (found[0], "")
                taken += 1
    assert taken <= 8 * 7, "of the header: time stamp, system, hints"


@given(st.integers(0, len(TEXTS) - 1), st.data())
def test_what_is_said_of_damage_is_said_by_zlib(k: int, data: st.DataObject) -> None:
    broken = bytearray(member(TEXTS[k]))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(10, len(broken) - 1))
        broken[at] = data.draw(st.integers(0, 255))
    stored = bytes(broken[: data.draw(st.integers(11, len(broken)))])
    want, why = by_zlib(stored)
    out, error, _ = stepped(stored)
    assert out == want
    assert bool(error) == bool(why)
    found = decompress_member(Window.of(stored), 0, SMALL_MEMBER_BYTES)
    assert found is None if why else found is None or found[0] == want


def test_what_comes_before_the_damage_is_given_to_the_last_byte() -> None:
    text = b"".join(response(i, noise(i, 9_000)) for i in range(12))
    data = member(text)
    for at in (SLICE + 50, 3 * SLICE + 7, len(data) - 4000):
        broken = data[:at] + bytes(64) + data[at + 64 :]
        out, error, _ = stepped(broken)
        assert out == by_zlib(broken)[0]
        assert error
        assert text.startswith(out[: at - 300])


@pytest.mark.parametrize("what", MEMBER_LOSES_ONE)
def test_kinds_of_damage(what: str) -> None:
    broken = MEMBER_LOSES_ONE[what](member(RECORDS[2]))
    assert decompress_member(Window.of(broken), 0, SMALL_MEMBER_BYTES) is None


def test_peek() -> None:
    data = member(RECORDS[0])
    assert peek(Window.of(data), 0, 5) == b"WARC/"
    assert peek(Window.of(flip(data, 2)), 0, 5) == b""
    named = data[:3] + b"\x04" + data[4:10] + (60_000).to_bytes(2, "little") + bytes(60_000) + data[10:]
    assert peek(Window.of(named), 0, 5) == b"WARC/"
    assert gzip.decompress(named) == RECORDS[0]
    assert decompress_member(Window.of(named), 0, SMALL_MEMBER_BYTES) == (RECORDS[0], len(named))
