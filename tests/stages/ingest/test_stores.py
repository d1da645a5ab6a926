from __future__ import annotations

import email.utils
import time
from pathlib import Path

import fsspec
import pytest

from pipeline.errors import PlanError, RunError
from stages.ingest.info import Info
from stages.ingest.paths import byte_splits, expand, open_file, open_split
from stages.ingest.retry import Changed, Transient
from stages.ingest.stores import Store, Stored, Unranged, Web, store_of
from stages.ingest.warc import Warc
from tests.stages.ingest.archives import RECORDS, member, noise
from tests.stages.ingest.sites import Site

DATA = noise(7, 300_000)


def read(store: Store, start: int, stop: int, known: Info) -> bytes:
    """All chunks joined."""
    return b"".join(store.chunks(start, stop, known))


def test_what_is_known_of_a_file(site: Site) -> None:
    site.files |= {"/a": DATA, "/empty": b""}
    info = Web(f"{site.url}/a").info()
    assert info
    assert (info.size, info.ranged) == (300_000, True)
    empty = Web(f"{site.url}/empty").info()
    assert empty
    assert empty.size == 0
    assert Web(f"{site.url}/none").info() is None
    site.troubles.append(410)
    assert Web(f"{site.url}/a").info() is None
    site.ranges = False
    unranged = Web(f"{site.url}/a").info()
    assert unranged == Info(size=300_000, stamp=info.stamp, ranged=False)


def test_what_denies_what() -> None:
    one = Info(size=1, stamp='"x"')
    assert not one.differs(one)
    assert not one.differs(Info(size=1, stamp=""))
    assert not one.differs(Info(size=1, stamp='"x"', ranged=False))
    assert one.differs(Info(size=2, stamp='"x"'))
    assert one.differs(Info(size=1, stamp='"y"'))


def test_weak_etags_and_dates_are_stamps_too(site: Site) -> None:
    where = {"Content-Range": "bytes 0-0/9"}
    site.troubles.extend([(206, where | {"ETag": 'W/"x"'}), (206, where | {"ETag": '"x"'})])
    infos = [Web(f"{site.url}/a").info() for _ in range(2)]
    assert infos[0] == infos[1] == Info(size=9, stamp='"x"')
    site.troubles.extend([(206, where | {"Last-Modified": "today"}), (206, where)])
    assert [i.stamp for i in (Web(f"{site.url}/a").info() for _ in range(2)) if i] == ["today", ""]


def test_parts(site: Site) -> None:
    site.files["/a"] = DATA
    known = Info(size=len(DATA), stamp="")
    assert read(Web(f"{site.url}/a"), 5, 100_005, known) == DATA[5:100_005]
    site.ranges = False
    with pytest.raises(Unranged):
        read(Web(f"{site.url}/a"), 5, 105, known)
    assert read(Web(f"{site.url}/a"), 0, len(DATA), known) == DATA
    with pytest.raises(Changed):
        read(Web(f"{site.url}/a"), 0, 10, Info(size=10, stamp=""))


def test_bytes_are_as_they_are_stored(site: Site) -> None:
    """Stores like to say that a .gz is gzip-encoded, and clients then like to decompress it."""
    packed = member(DATA[:1000])
    site.troubles.extend([(206, {"Content-Range": "bytes 0-6/7", "Content-Encoding": "gzip"})])
    assert read(Web(f"{site.url}/a"), 0, 7, Info(size=7, stamp="")) == b"trouble"
    site.files["/a.gz"] = packed
    with open_file(f"{site.url}/a.gz") as file:
        assert file.read() == packed


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after(site: Site, status: int) -> None:
    soon = email.utils.formatdate(time.time() + 100, usegmt=True)
    for said, low, high in (("7", 7, 7), (soon, 90, 101), ("soon", None, None), ("", None, None)):
        site.troubles.append((status, {"Retry-After": said}))
        with pytest.raises(Transient, match=str(status)) as caught:
            Web(f"{site.url}/a").info()
        assert caught.value.slow
        if low is None or high is None:
            assert caught.value.wait is None
        else:
            assert caught.value.wait is not None
            assert low <= caught.value.wait <= high


def test_redirects_are_followed_and_circles_are_not(site: Site) -> None:
    site.files["/a"] = DATA
    site.troubles.append((302, {"Location": "/a"}))
    info = Web(f"{site.url}/moved").info()
    assert info
    assert info.size == len(DATA)
    site.troubles.extend([(302, {"Location": "/a"})] * 40)
    with pytest.raises(RunError, match=r"/a: .*redirects"):
        Web(f"{site.url}/a").info()


def test_memory_is_a_store_too(hasty: Path) -> None:
    system = fsspec.filesystem("memory")
    system.store.clear()
    data = b"".join(map(member, RECORDS))
    for name in ("b", "a"):
        system.pipe_file(f"/in/{name}.warc.gz", data)
    files = expand("memory://in/*.gz")
    assert files == ["memory:///in/a.warc.gz", "memory:///in/b.warc.gz"]
    assert expand(files[0]) == files[:1]
    with pytest.raises(PlanError, match="no file matches 'memory://in/c', 'memory://out/"):
        expand(["memory://in/c", "memory://out/*", "memory://in"])
    (split,) = byte_splits(files[:1], 1 << 30)
    with open_split(split) as file:
        assert file.read() == data
    batches = [
        b for s in Warc(paths="memory://in/*", split_bytes=500).splits() for b in Warc(paths="").read(s)
    ]
    assert sum(len(b) for b in batches) == 2 * len(RECORDS)
    system.pipe_file("/in/a.warc.gz", data + b"more")
    with pytest.raises(Changed), open_split(split) as file:
        file.read()
    system.store.clear()


def test_what_cannot_be_opened_says_what_to_do() -> None:
    with pytest.raises(PlanError, match="nosuchscheme"):
        store_of("nosuchscheme://a/b")
    with pytest.raises(PlanError, match=r"pip install 'corpusmill\[remote\]'"):
        store_of("adl://a/b")


def test_errors_of_files_that_lie_somewhere(hasty: Path, tmp_path: Path) -> None:
    store = Stored(f"file://{tmp_path}")

    def fails(error: Exception) -> None:
        raise error

    for error in (PermissionError(13, "no"), IsADirectoryError(21, "folder"), OSError(22, "what?")):
        with pytest.raises(RunError, match=f"{tmp_path}: {type(error).__name__}"):
            store._request(lambda e=error: fails(e))  # type: ignore[misc]
    for passing in (TimeoutError(), ConnectionResetError(), OSError(121, "inside"), OSError(16, "SlowDown")):
        with pytest.raises(Transient) as caught:
            store._request(lambda e=passing: fails(e))  # type: ignore[misc]
        assert caught.value.slow == ("SlowDown" in str(passing))
    with pytest.raises(ValueError, match="ours"):
        store._request(lambda: fails(ValueError("ours")))
