from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from pipeline.stage import Split
from stages.ingest.chain import Chain, Gap, GzipChain, Place, ZstdChain
from stages.ingest.jsonl import Jsonl
from stages.ingest.lines import Line, is_one_stream, lines
from stages.ingest.window import Window
from tests.stages.ingest.packed import BGZF_END, bgzf, bgzf_block, frames, seek_table

RANDOM = random.Random(0)
LINES = [
    b'{"text": "%s"}\n' % RANDOM.randbytes(RANDOM.choice([2, 40, 900])).hex().encode() for _ in range(150)
]
TEXT = b"".join(LINES)
CHUNKS = [TEXT[i : i + 3000] for i in range(0, len(TEXT), 3000)]
"""Of which most begin in the middle of a line; one begins where a line does."""
CHUNKS[4:6] = [CHUNKS[4] + CHUNKS[5][: (n := CHUNKS[5].index(b"\n") + 1)], CHUNKS[5][n:]]
BARE = frames(CHUNKS, sizes=False)
PACKED: dict[str, tuple[str, list[bytes]]] = {
    "bgzf": (".gz", bgzf(CHUNKS)),
    "bgzf with other fields": (".gz", [bgzf_block(c, b"XY\3\0abc") for c in CHUNKS]),
    "zstd frames": (".zst", frames(CHUNKS)),
    "zstd, skippable frames between": (".zst", [b"\x50\x2a\x4d\x18\4\0\0\0abcd" + f for f in frames(CHUNKS)]),
    "zstd, seek table": (".zst", [*BARE, seek_table(BARE, CHUNKS)]),
    "zstd, seek table with checksums": (".zst", [*BARE, seek_table(BARE, CHUNKS, checksums=True)]),
}
OTHER: dict[str, tuple[str, list[bytes]]] = {
    "one gzip member": (".gz", [gzip.compress(TEXT)]),
    "gzip members": (".gz", [gzip.compress(c) for c in CHUNKS]),
    "one BGZF block": (".gz", [bgzf_block(CHUNKS[0]), BGZF_END]),
    "one zstd frame": (".zst", [zstandard.compress(TEXT)]),
    "one zstd frame, seek table": (".zst", [frame := zstandard.compress(TEXT), seek_table([frame], [TEXT])]),
    "zstd frames without sizes": (".zst", BARE),
}


def written(folder: Path, suffix: str, members: list[bytes]) -> str:
    path = folder / f"a.jsonl{suffix}"
    path.write_bytes(b"".join(members))
    return str(path)


def parts(path: str, size: int, limit: int = 1 << 20) -> list[Line]:
    """All lines, of splits of this size that are read in any order."""
    length = Path(path).stat().st_size

    def split(start: int) -> Split:
        return Split(path=path, start=start, stop=min(start + size, length), size=length, stamp=str(size))

    starts = list(range(0, length, size))
    random.Random(size).shuffle(starts)
    found = {start: list(lines(split(start), limit)) for start in starts}
    return [line for start in sorted(found) for line in found[start]]


@pytest.mark.parametrize("kind", [*PACKED, *OTHER])
def test_splits_of_any_size_give_what_the_plain_file_gives(tmp_path: Path, kind: str) -> None:
    suffix, members = (PACKED | OTHER)[kind]
    path = written(tmp_path, suffix, members)
    plain = written(tmp_path, "", [CHUNKS[0]] if "BGZF block" in kind else CHUNKS)
    want = parts(plain, 1 << 30)
    assert len(want) > 2
    for size in (1 << 30, 100_000, 7001, 1500, 97):
        assert parts(path, size) == want


@pytest.mark.parametrize("kind", PACKED)
def test_each_split_reads_its_own_members(tmp_path: Path, kind: str) -> None:
    suffix, members = PACKED[kind]
    path = written(tmp_path, suffix, members)
    splits = Jsonl(paths=path, split_bytes=7000).splits()
    assert len(splits) > 5
    counts = [len(list(lines(split, 1 << 20))) for split in splits]
    assert sum(counts) == len(LINES)
    assert sum(n > 0 for n in counts) > 5


@pytest.mark.parametrize("kind", OTHER)
def test_a_file_that_does_not_say_where_its_members_are_is_one_split(tmp_path: Path, kind: str) -> None:
    suffix, members = OTHER[kind]
    path = written(tmp_path, suffix, members)
    (split,) = Jsonl(paths=path, split_bytes=1000).splits()
    assert (split.start, split.stop) == (0, split.size)


def test_documents_are_those_of_one_split(tmp_path: Path) -> None:
    for suffix, members in PACKED.values():
        path = written(tmp_path, suffix, members)
        whole, cut = (
            [row for s in step.splits() for b in step.read(s) for row in b.to_pylist()]
            for step in (Jsonl(paths=path), Jsonl(paths=path, split_bytes=5000))
        )
        assert cut == whole
        assert len({row["id"] for row in cut}) == len(LINES)


def test_a_line_that_is_longer_than_splits(tmp_path: Path) -> None:
    text = LINES[0] + b'{"text": "' + RANDOM.randbytes(30_000).hex().encode() + b'"}\n' + LINES[1]
    chunks = [text[i : i + 999] for i in range(0, len(text), 999)]
    for suffix, members in ((".gz", bgzf(chunks)), (".zst", frames(chunks))):
        path = written(tmp_path, suffix, members)
        for limit in (1 << 20, 5000):
            want = parts(written(tmp_path, "", [text]), 1 << 30, limit)
            assert [isinstance(line, str) for _, _, line in want] == [False, limit == 5000, False]
            for size in (1 << 30, 2000, 500):
                assert parts(path, size, limit) == want


def flipped(member: bytes) -> bytes:
    return member[:200] + bytes([member[200] ^ 0x55]) + member[201:]


@pytest.mark.parametrize("kind", [k for k in PACKED if "skippable" not in k])
@pytest.mark.parametrize("lost", [0, 5, 6])
def test_a_damaged_member_costs_the_lines_in_it(tmp_path: Path, kind: str, lost: int) -> None:
    suffix, members = PACKED[kind]
    path = written(tmp_path, suffix, [*members[:lost], flipped(members[lost]), *members[lost + 1 :]])
    whole = parts(path, 1 << 30)
    for size in (20_000, 7001, 1500, 97):
        assert parts(path, size) == whole
    good = [line for line in whole if isinstance(line[2], bytes)]
    (bad,) = [line for line in whole if isinstance(line[2], str)]
    assert str(bad[2]).startswith("damaged:")
    assert bad[1] is None
    start = sum(map(len, CHUNKS[:lost]))
    stop = start + len(CHUNKS[lost])
    intact = parts(written(tmp_path, "", CHUNKS), 1 << 30)
    clear = [line for line in intact if line[0] + (line[1] or 0) <= start or line[0] > stop]
    # Inflate finds out at the end of a member what is wrong with it: what lies in that is not compared.
    assert [line for line in good if line[0] + (line[1] or 0) <= start or line[0] > stop] == clear
    assert max(offset for offset, _, _ in good) > stop


def test_where_the_chain_breaks_the_file_ends(tmp_path: Path) -> None:
    tail = [b"garbage" * 300]
    for name in ("bgzf", "zstd frames"):
        suffix, members = PACKED[name]
        path = written(tmp_path, suffix, members + tail)
        *good, last = parts(path, 1 << 30)
        assert len(good) == len(LINES)
        assert last == (len(TEXT), None, "damaged:garbage" if suffix == ".gz" else "damaged:zstd")
        broken = written(tmp_path, suffix, members[:5] + tail + members[5:])
        for size in (7001, 97):
            path = written(tmp_path, suffix, members + tail)
            assert parts(path, size) == [*good, last]
            broken = written(tmp_path, suffix, members[:5] + tail + members[5:])
            assert parts(broken, size) == parts(broken, 1 << 30)
    path = written(tmp_path, ".gz", [*PACKED["bgzf"][1], bytes(5000)])
    assert len(parts(path, 7001)) == len(LINES), "zeros are padding"


def test_members_of_unknown_size_after_others(tmp_path: Path) -> None:
    half = len(CHUNKS) // 2
    mixed = {
        ".gz": bgzf(CHUNKS[:half])[:-1] + [gzip.compress(c) for c in CHUNKS[half:]],
        ".zst": frames(CHUNKS[:half]) + BARE[half:],
    }
    for suffix, members in mixed.items():
        path = written(tmp_path, suffix, members)
        whole = parts(path, 1 << 30)
        assert len(whole) == len(LINES)
        for size in (7001, 500):
            assert parts(path, size) == whole


def test_a_seek_table_that_lies_is_damage_and_one_that_does_not_fit_is_none(tmp_path: Path) -> None:
    lie = seek_table(BARE, [CHUNKS[0] + b"x", *CHUNKS[1:]])
    path = written(tmp_path, ".zst", [*BARE, lie])
    whole = parts(path, 1 << 30)
    assert [line for _, _, line in whole if isinstance(line, str)] == ["damaged:length"]
    assert parts(path, 1500) == whole
    for table in (seek_table(BARE[1:], CHUNKS[1:]), seek_table(BARE, CHUNKS)[:-1] + b"\x90", b""):
        data = b"".join(BARE) + table
        assert ZstdChain(Window.of(data)).extent(0) is None


def test_extents() -> None:
    def of(kind: Callable[[Window], Chain], members: list[bytes]) -> list[Place | None]:
        chain, starts = kind(Window.of(b"".join(members))), [0]
        for member in members[:-1]:
            starts.append(starts[-1] + len(member))
        return [chain.first(start) for start in starts]

    for name, kind in (("bgzf", GzipChain), ("zstd frames", ZstdChain), ("zstd, seek table", ZstdChain)):
        members = PACKED[name][1]
        want = [Place(len(b"".join(members[:i])), len(b"".join(CHUNKS[:i]))) for i in range(len(members))]
        assert of(kind, members) == want
    small = [zstandard.compress(b"x" * n) for n in (0, 1, 255, 256, 300, 70_000, 1 << 20)]
    assert [ZstdChain(Window.of(f)).extent(0) for f in small] == [
        (len(f), n) for f, n in zip(small, (0, 1, 255, 256, 300, 70_000, 1 << 20), strict=True)
    ]
    for data in (small[-1], bgzf_block(b"x" * 100)):
        kind = ZstdChain if data is small[-1] else GzipChain
        assert kind(Window.of(data[:-1])).extent(0) is None, "cut off"
        assert kind(Window.of(data[:3])).extent(0) is None
        assert isinstance(list(kind(Window.of(data[:-1])).text(Place(0, 0)))[-1], Gap)


def test_remote_files_are_not_looked_into() -> None:
    assert is_one_stream("https://nowhere.invalid/a.jsonl.gz", 1 << 40)
    assert not is_one_stream("https://nowhere.invalid/a.jsonl", 1 << 40)
