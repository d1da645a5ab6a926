"""Objects are there when they are complete; many go at once."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from pipeline.errors import RunError
from pipeline.objects import scratch, transfer
from pipeline.objects.path import ObjectPath
from pipeline.store import (
    atomic,
    atomic_folder,
    fetch,
    fetched,
    find_json,
    names,
    read_jsons,
    remove,
    workplace,
    write_json,
)
from tests.pipeline.objects.conftest import Requests


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A TMPDIR of the test's own."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def left(place: Path) -> list[Path]:
    return [p for folder in place.glob("corpusmill-scratch-*") for p in folder.iterdir()]


def test_an_object_is_there_when_it_is_complete(output: ObjectPath, place: Path) -> None:
    with pytest.raises(TypeError):
        write_json(output / "a", {1, 2})
    assert output.below() == []
    with atomic(output / "a") as temporary:
        temporary.write_text("é")
        assert output.below() == []
    assert (output / "a").read_text() == "é"
    with fetched(output / "a") as here:
        assert here.read_text() == "é"
    assert left(place) == []


def _die_before_the_upload(path: Path) -> None:
    with atomic(path) as temporary:
        temporary.write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)


def test_what_killed_processes_leave_is_swept(
    output: ObjectPath, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(place))
    child = multiprocessing.get_context("spawn").Process(target=_die_before_the_upload, args=(output / "f",))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert output.below() == []
    with atomic(output / "mine") as temporary:
        temporary.write_text("of a process that lives")
        assert len(left(place)) == 2
        scratch.sweep()
        assert left(place) == [temporary]


def test_a_large_file_goes_in_parts(output: ObjectPath, requests: Requests) -> None:
    with atomic(output / "large") as temporary:
        temporary.write_bytes(b"x" * (101 << 20))
        requests.take()
    assert requests.take() == {"POST": 2, "PUT": 3}
    with fetched(output / "large") as here:
        assert here.stat().st_size == 101 << 20
    remove(output)


def test_a_folder_is_there_with_its_last_file(output: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> None:
    write_json(output / "bucket=1" / "old.json", {})
    write_json(output / "width.json", 1)
    seen: list[list[str]] = []
    call = ObjectPath.call

    def watched(self: ObjectPath, method: str, *args: object, **more: object) -> object:
        if method in ("put", "put_file"):
            seen.append(output.below())
        return call(self, method, *args, **more)

    monkeypatch.setattr(ObjectPath, "call", watched)
    with atomic_folder(output, "width.json") as temporary:
        (temporary / "bucket=2").mkdir()
        for name in ("a", "b"):
            (temporary / "bucket=2" / name).write_text(name)
        (temporary / "width.json").write_text("2")
    assert seen == [[], ["bucket=2/a", "bucket=2/b"]]
    assert output.below() == ["bucket=2/a", "bucket=2/b", "width.json"]


def test_many_are_few_requests(output: ObjectPath, place: Path, requests: Requests) -> None:
    paths = [output / f"{i:03d}.json" for i in range(100)]
    for i, path in enumerate(paths):
        write_json(path, i)
    requests.take()
    assert names(output) == {path.name for path in paths}
    assert requests.take() == {"LIST": 1}
    assert list(read_jsons(iter(paths))) == list(range(100))
    assert requests.take() == {"GET": 100}
    assert find_json(output / "none") is None
    assert requests.take() == {"GET": 1}
    with workplace(output) as here:
        local = place / "local"
        files = fetch([paths[7], local, paths[3]], here)
        assert files[1] == local
        assert [f.read_text() for f in files[::2]] == ["7\n", "3\n"]
    assert not here.exists()
    requests.take()
    transfer.move({path: output / "there" / path.name for path in paths})
    assert requests.take() == {"HEAD": 100, "PUT": 100, "DELETE": 1}
    assert output.below() == [f"there/{path.name}" for path in paths]
    requests.take()
    remove(output)
    assert output.below() == []


def test_what_may_not_be_removed_is_noticed(output: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> None:
    write_json(output / "a", 1)
    call = ObjectPath.call
    monkeypatch.setattr(
        ObjectPath,
        "call",
        lambda self, method, *a, **k: None if method == "rm" else call(self, method, *a, **k),
    )
    with pytest.raises(RunError, match="a cannot be removed: may these credentials do that"):
        remove(output)
