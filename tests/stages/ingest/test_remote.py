from __future__ import annotations

import io
import multiprocessing
import os
import random
import resource
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests

from pipeline.errors import PlanError, RunError
from pipeline.stage import Source, Split
from stages.ingest import remote, retry
from stages.ingest.info import Info
from stages.ingest.jsonl import Jsonl
from stages.ingest.parquet import Parquet
from stages.ingest.paths import byte_splits, expand, open_file, open_split, size_and_stamp
from stages.ingest.remote import GLANCE, READ_AHEAD, RemoteFile
from stages.ingest.retry import Changed
from stages.ingest.warc import Warc
from tests.stages.ingest.archives import RECORDS, member, noise, response
from tests.stages.ingest.sites import Site, serving

DATA = noise(3, 9 * GLANCE + 123)
MANY = b"".join(member(response(i, noise(i, 3000).hex().encode())) for i in range(120))


def rows(source: Source, splits: list[Split] | None = None) -> list[dict[str, object]]:
    """All that a source reads, without the name of the file and ids made of it."""
    splits = source.splits() if splits is None else splits
    found = [row for s in splits for b in source.read(s) for row in b.to_pylist()]
    return [{k: v for k, v in row.items() if k not in ("file", "id")} for row in found]


def test_a_remote_file_reads_like_a_local_one(site: Site) -> None:
    site.files["/a"] = DATA
    local, rng = io.BytesIO(DATA), random.Random(5)
    with open_file(f"{site.url}/a") as file:
        for _ in range(300):
            where, n = rng.randrange(len(DATA) + 50), rng.choice([0, 1, 64, 5000, 3 * GLANCE])
            assert file.seek(where) == local.seek(where)
            assert file.read(n) == local.read(n)
            assert file.tell() == where + len(DATA[where : where + n])
        assert file.seek(-5, os.SEEK_END) == len(DATA) - 5
        assert file.seek(2, os.SEEK_CUR) == len(DATA) - 3
        assert file.read() == DATA[-3:]
        assert file.seek(100) == 100
        assert file.read(-1) == DATA[100:]
        assert (file.readable(), file.seekable(), file.writable()) == (True, True, False)


def test_requests_are_few_and_grow(site: Site) -> None:
    site.files["/a"] = bytes(20 << 20)
    with open_split(Split(path=f"{site.url}/a", start=0, stop=0, size=20 << 20)) as file:
        for _ in range(0, 16 << 20, 16 << 10):
            file.read(16 << 10)
    sizes = [int(b) - int(a) + 1 for _, r in site.asked for a, b in [r.removeprefix("bytes=").split("-")]]
    assert sizes[:4] == [GLANCE, 4 * GLANCE, 16 * GLANCE, READ_AHEAD]
    assert max(sizes) == READ_AHEAD
    assert len(sizes) == 7


def test_looking_back_and_forth_asks_no_more(site: Site) -> None:
    site.files["/a"] = DATA
    with RemoteFile(f"{site.url}/a", Info(size=len(DATA), stamp="")) as file:
        for _ in range(20):
            for where in (0, 5 * GLANCE, 100, 5 * GLANCE + 7):
                file.seek(where)
                assert file.read(10) == DATA[where : where + 10]
    assert len(site.asked) == 2


@pytest.mark.parametrize(
    "trouble",
    [500, 502, 503, 504, 408, 429, (503, {"Retry-After": "0"}), "cut", "reset", "no length"],
)
def test_what_passes_is_borne(site: Site, trouble: int | str) -> None:
    site.files["/a"] = DATA
    for before in ([], [None]):
        site.troubles.extend([*before, trouble, trouble])
        with open_file(f"{site.url}/a") as file:
            assert file.read() == DATA
    assert not site.troubles


def test_another_range_than_was_asked_for(site: Site) -> None:
    site.files["/a"] = DATA
    site.troubles.extend([None, "other range", "other range"])
    with open_file(f"{site.url}/a") as file:
        file.seek(1000)
        assert file.read(500) == DATA[1000:1500]
    assert not site.troubles


def test_silence_is_borne(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORPUSMILL_TIMEOUT_SECONDS", "0.3")
    site.files["/a"] = DATA
    site.troubles.extend([None, "stall"])
    with open_file(f"{site.url}/a") as file:
        assert file.read() == DATA


def test_a_connection_that_is_always_cut_still_brings_the_file(site: Site) -> None:
    site.files["/a"] = DATA
    site.troubles.extend([None, *["cut"] * 15])
    with open_file(f"{site.url}/a") as file:
        assert file.read() == DATA
    assert not site.troubles


def test_patience_ends(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORPUSMILL_MAX_ATTEMPTS", "3")
    site.files["/a"] = DATA
    with open_file(f"{site.url}/a") as file:
        site.troubles.extend([500] * 9)
        with pytest.raises(RunError, match=rf"{site.url}/a: failed 3 times.*500.*Run again") as caught:
            file.read()
    assert not isinstance(caught.value, OSError), "the Parquet reader would take it for damage"
    assert len(site.troubles) == 6


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_is_taken_at_once(site: Site, status: int) -> None:
    site.files["/a"] = DATA
    site.troubles.extend([status])
    with pytest.raises(PlanError, match=rf"{site.url}/a: the server answers {status}.*: .{{10}}"):
        expand(f"{site.url}/a")
    assert len(site.asked) == 1


def test_what_is_not_there_is_named(site: Site) -> None:
    site.files["/a"] = DATA
    with pytest.raises(PlanError, match=rf"no file matches '{site.url}/b', '{site.url}/c'"):
        expand([f"{site.url}/a", f"{site.url}/b", f"{site.url}/c"])
    with pytest.raises(RunError, match="/b: no such file"):
        open_file(f"{site.url}/b")
    with pytest.raises(PlanError, match="/b: no such file"):
        size_and_stamp(f"{site.url}/b")
    assert len(site.asked) == 5


def test_nobody_there(hasty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORPUSMILL_MAX_ATTEMPTS", "2")
    with serving(Site()) as gone:
        pass
    with pytest.raises(PlanError, match=r"failed 2 times in a row.*no answer \(ConnectionError\)"):
        expand(f"{gone.url}/a")
    with pytest.raises(PlanError, match="http:///a"):
        expand("http:///a")


def test_a_question_mark_is_no_pattern(site: Site) -> None:
    site.files["/a"] = DATA
    url = f"{site.url}/a?version=1"
    assert expand(url) == [url]
    with open_file(url) as file:
        assert file.read() == DATA


def test_a_file_that_changes_is_noticed(site: Site) -> None:
    site.files["/a"] = DATA
    (split,) = byte_splits([f"{site.url}/a"], 1 << 30)
    assert split.size == len(DATA)
    assert split.stamp.startswith('"')
    with open_split(split) as file:
        assert file.read(10) == DATA[:10]
        for changed in (DATA[::-1], DATA + b"more", DATA[:1000]):
            site.files["/a"] = changed
            file.seek(5 * GLANCE)
            with pytest.raises(Changed, match=rf"{site.url}/a has changed since .*run again"):
                file.read(10)
        del site.files["/a"]
        with pytest.raises(Changed):
            file.read(10)
        site.files["/a"] = DATA
        assert file.read(10) == DATA[5 * GLANCE : 5 * GLANCE + 10]


def test_a_server_without_ranges_sends_the_file_once(site: Site) -> None:
    site.files |= {"/a": DATA, "/empty": b"", "/one": b"1"}
    site.ranges = False
    (split,) = byte_splits([f"{site.url}/a"], GLANCE)
    assert (split.start, split.stop) == (0, len(DATA)), "the server sends no ranges of it"
    site.asked.clear()
    site.troubles.extend(["cut", 503, "cut"])
    with open_split(split) as file:
        for where in (3 * GLANCE, 5, 7 * GLANCE):
            file.seek(where)
            assert file.read(2 * GLANCE) == DATA[where : where + 2 * GLANCE]
        site.files["/a"] = DATA[::-1]
        file.seek(0)
        assert file.read() == DATA, "it was all read before"
    assert len(site.asked) <= 6
    for name in ("empty", "one"):
        with open_file(f"{site.url}/{name}") as file:
            assert file.read() == site.files[f"/{name}"]


def test_a_server_that_does_not_say_the_size(site: Site) -> None:
    site.files["/a"] = DATA
    site.ranges = False
    site.troubles.extend(["no length"])
    with pytest.raises(RunError, match="does not say how long it is: download it first"):
        open_file(f"{site.url}/a")


def test_empty_and_short_files(site: Site) -> None:
    site.files |= {"/empty": b"", "/one": b"1"}
    assert [s.size for s in byte_splits(expand([f"{site.url}/empty", f"{site.url}/one"]), 10)] == [0, 1]
    for name in ("empty", "one"):
        with open_file(f"{site.url}/{name}") as file:
            assert file.read() == site.files[f"/{name}"]


@pytest.mark.parametrize("data", [MANY, b"".join(RECORDS)], ids=["gzip", "plain"])
def test_a_warc_over_http_is_the_same_warc(site: Site, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.warc").write_bytes(data)
    site.files["/a.warc"] = data
    want = rows(Warc(paths=str(tmp_path / "a.warc")))
    assert len(want) >= 5
    assert rows(Warc(paths=f"{site.url}/a.warc")) == want
    for split_bytes in (len(data) // 7, len(data) // 2):
        source = Warc(paths=f"{site.url}/a.warc", split_bytes=split_bytes)
        splits = source.splits()
        assert len(splits) in (2, 3, 7, 8)
        rng = random.Random(split_bytes)
        site.troubles.extend(rng.choice([None, 503, "cut", "reset", 500]) for _ in range(40))
        assert rows(source, splits) == want
        site.troubles.clear()


def test_a_split_costs_few_requests(site: Site) -> None:
    data = MANY * 10
    site.files["/a.warc.gz"] = data
    source = Warc(paths=f"{site.url}/a.warc.gz", split_bytes=len(data) // 4)
    splits = source.splits()
    for split in splits[:4]:
        site.asked.clear()
        n_rows = sum(len(b) for b in source.read(split))
        assert n_rows > 200
        n_bytes = sum(int(b) - int(a) + 1 for _, r in site.asked for a, b in [r[6:].split("-")])
        assert len(site.asked) <= 7
        assert n_bytes < split.stop - split.start + (1 << 20) + READ_AHEAD
    assert len(splits) == 4


def test_other_sources_over_http(site: Site, tmp_path: Path) -> None:
    lines = b"".join(b'{"text": "line %d"}\n' % i for i in range(9000))
    table = pa.table({"text": [f"row {i}" for i in range(9000)]})
    (tmp_path / "a.jsonl").write_bytes(lines)
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2000)
    for name, kind in (("a.jsonl", Jsonl), ("a.parquet", Parquet)):
        site.files[f"/{name}"] = (tmp_path / name).read_bytes()
        want = rows(kind(paths=str(tmp_path / name)))
        source = kind(paths=f"{site.url}/{name}", split_bytes=15_000)
        splits = source.splits()
        site.troubles.extend([503, "cut", None, "reset", 500])
        assert rows(source, splits) == want
        assert len(splits) > 2
        assert len(want) == 9000


def test_a_failing_server_is_no_damage(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORPUSMILL_MAX_ATTEMPTS", "2")
    monkeypatch.setattr(remote, "GLANCE", 1 << 10)
    table = pa.table({"text": [noise(i, 50).hex() for i in range(9000)]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=900)
    site.files["/a.parquet"] = (tmp_path / "a.parquet").read_bytes()
    source = Parquet(paths=f"{site.url}/a.parquet")
    splits = source.splits()
    n_before = len(site.asked)
    assert len(rows(source, splits)) == 9000
    for n in (0, (len(site.asked) - n_before) // 2):
        site.troubles.extend([*[None] * n, *[500] * 99])
        with pytest.raises(RunError, match="500"):
            rows(source, splits)
        site.troubles.clear()


def test_memory_does_not_grow_with_the_file(site: Site) -> None:
    site.files["/a"] = bytes(48 << 20)
    with open_file(f"{site.url}/a") as file:
        file.read(12 << 20)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        while file.read(1 << 20):
            pass
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40 << 10


def _read(url: str, folder: str, start: int) -> None:
    import tempfile

    tempfile.tempdir = folder
    with open_file(url) as file:
        for i in range(12):
            file.seek((start + i) * 3 * GLANCE)
            file.read(10)


def test_processes_share_one_rate(site: Site, hasty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four processes, none of which knows of the others, keep the limit together."""
    monkeypatch.setenv("CORPUSMILL_REQUESTS_PER_SECOND", "40")
    site.files["/a"] = bytes(64 * 3 * GLANCE)
    spawn = multiprocessing.get_context("spawn")
    tasks = [spawn.Process(target=_read, args=(f"{site.url}/a", str(hasty), 12 * i)) for i in range(4)]
    begun = time.time()
    for task in tasks:
        task.start()
    for task in tasks:
        task.join(60)
    assert [task.exitcode for task in tasks] == [0] * 4
    assert len(site.asked) == 4 * 13
    (state,) = hasty.glob("*/*.rate")
    assert retry.STATE.unpack(state.read_bytes())[0] >= begun + len(site.asked) / 40


def test_a_server_that_throttles_is_met(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It allows two requests in a quarter of a second; we would send a hundred."""
    monkeypatch.setenv("CORPUSMILL_REQUESTS_PER_SECOND", "400")
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.1)
    monkeypatch.setattr(retry, "SLOWEST", 1.0)
    site.files["/a"] = bytes(60 * 3 * GLANCE)
    site.per_second = 8
    with open_file(f"{site.url}/a") as file:
        for i in range(12):
            file.seek(i * 3 * GLANCE)
            assert len(file.read(10)) == 10
    assert 1 <= site.refused <= len(site.asked) / 2


def test_sessions_are_not_shared_with_forks() -> None:
    from stages.ingest.stores import _session

    assert _session(1) is _session(1)
    assert _session(1) is not _session(2)
    assert isinstance(_session(1), requests.Session)
