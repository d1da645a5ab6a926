"""Files that exist only when complete, and the names under which results are published."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from pipeline.errors import PlanError
from pipeline.store import atomic, digest, publish, read_json, write_json


def _die_between_write_and_rename(path: Path) -> None:
    with atomic(path) as temporary:
        temporary.write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_killed_before_the_rename_leaves_no_file(tmp_path: Path) -> None:
    child = multiprocessing.get_context("spawn").Process(
        target=_die_between_write_and_rename, args=(tmp_path / "f",)
    )
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert not (tmp_path / "f").exists()


def test_atomic_replaces_and_keeps_the_old_on_error(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "f.json"
    write_json(path, {"a": "é"})
    with pytest.raises(TypeError):
        write_json(path, {"a": {1, 2}})
    assert read_json(path) == {"a": "é"}
    assert list(path.parent.iterdir()) == [path]


def test_a_digest_of_several_files_follows_each_and_their_order(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    a, b = tmp_path / "a", tmp_path / "b"
    assert digest(a) == hashlib.sha256(b"a").hexdigest()
    assert len({digest(a), digest(str(b)), digest(a, b), digest(b, a)}) == 4
    with pytest.raises(PlanError, match=r"cannot read .*missing: No such file"):
        digest(a, tmp_path / "missing")


def made(folder: Path, *names: str) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(name)
    return {name: folder / name for name in names}


def test_publishing_links_and_takes_away_what_is_no_longer_there(tmp_path: Path) -> None:
    out = tmp_path / "documents"
    files = made(tmp_path / "work", "part-0.parquet", "part-1.parquet")
    publish(files, out)
    (out / "mine.parquet").touch()
    publish({"part-1.parquet": files["part-1.parquet"]}, out)
    assert sorted(p.name for p in out.iterdir()) == ["mine.parquet", "part-1.parquet"]
    assert (out / "part-1.parquet").samefile(files["part-1.parquet"])


def test_publishing_again_follows_a_file_that_was_replaced(tmp_path: Path) -> None:
    out, files = tmp_path / "documents", made(tmp_path / "work", "part-0.parquet")
    publish(files, out)
    with atomic(files["part-0.parquet"]) as temporary:
        temporary.write_text("newer")
    assert (out / "part-0.parquet").read_text() == "part-0.parquet"
    publish(files, out)
    assert (out / "part-0.parquet").read_text() == "newer"
    publish({}, out)
    assert not out.exists()


def test_where_there_are_no_hard_links_names_are_symbolic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise PermissionError("no hard links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    files = made(tmp_path / "work", "part-0.parquet")
    publish(files, tmp_path / "documents")
    (tmp_path / "documents").rename(tmp_path / "moved")
    assert (tmp_path / "moved" / "part-0.parquet").is_symlink()
    assert (tmp_path / "moved" / "part-0.parquet").read_text() == "part-0.parquet"
