from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.errors import PlanError
from stages.ingest.paths import STAMP_BYTES, byte_splits, expand, open_file, size_and_stamp


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.gz", "a.gz", "a.txt", "deep/er/c.gz", "odd[1].gz"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 10)
    return tmp_path


def names(folder: Path, paths: list[str]) -> list[str]:
    return [str(Path(p).relative_to(folder)) for p in paths]


def test_patterns(folder: Path) -> None:
    assert names(folder, expand(f"{folder}/a.gz")) == ["a.gz"]
    assert names(folder, expand(f"{folder}/[ab].*")) == ["a.gz", "a.txt", "b.gz"]
    assert names(folder, expand(f"{folder}/**/*.gz")) == ["a.gz", "b.gz", "deep/er/c.gz", "odd[1].gz"]
    assert names(folder, expand(f"{folder}/odd[1].gz")) == ["odd[1].gz"], "a file of that name comes first"


def test_lists_are_sorted_and_have_no_duplicates(folder: Path) -> None:
    found = expand([f"{folder}/b.gz", f"{folder}/*.gz", f"{folder}/./a.gz", f"{folder}/deep/../a.gz"])
    assert names(folder, found) == ["a.gz", "b.gz", "odd[1].gz"]


def test_relative_paths_stay_relative(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert expand("*.gz") == ["a.gz", "b.gz", "odd[1].gz"]
    assert expand("./deep/**/c.gz") == ["deep/er/c.gz"]


def test_urls_go_through_fsspec(folder: Path) -> None:
    found = expand(f"file://{folder}/[ab].gz")
    assert [Path(p).name for p in found] == ["a.gz", "b.gz"]
    assert all(p.startswith("file://") for p in found)
    with open_file(found[0]) as file:
        file.seek(4)
        assert file.read(4) == b"a.gz"
    size, stamp = size_and_stamp(found[0])
    assert size == 40
    assert stamp


@pytest.mark.parametrize(
    "form", ["{}/none.gz", "{}/*.none", "file://{}/none.gz", "file://{}/*.none", "{}/deep"]
)
def test_what_matches_nothing_is_named(folder: Path, form: str) -> None:
    pattern = form.format(folder)
    with pytest.raises(PlanError) as caught:
        expand([f"{folder}/a.gz", pattern])
    assert repr(pattern) in str(caught.value)
    assert ("is a folder" in str(caught.value)) == form.endswith("deep")


def test_all_problems_at_once(folder: Path) -> None:
    with pytest.raises(PlanError, match=r"'x\.gz', 'y\.gz'"):
        expand(["x.gz", f"{folder}/a.gz", "y.gz"])
    with pytest.raises(PlanError, match="empty"):
        expand([])
    with pytest.raises(PlanError, match="nosuchscheme"):
        expand("nosuchscheme://a/b")


def test_splits_cover_the_file_once(folder: Path) -> None:
    (folder / "empty.gz").touch()
    files = expand([f"{folder}/a.gz", f"{folder}/empty.gz", f"{folder}/odd[1].gz"])
    splits = byte_splits(files, 17)
    cover = [(Path(s.path).name, s.start, s.stop, s.size) for s in splits]
    assert cover[:3] == [("a.gz", 0, 17, 40), ("a.gz", 17, 34, 40), ("a.gz", 34, 40, 40)]
    assert cover[3] == ("empty.gz", 0, 0, 0)
    assert [c[1:] for c in cover[4:]] == [(i, min(i + 17, 90), 90) for i in range(0, 90, 17)]


def test_the_stamp_changes_with_the_file(folder: Path) -> None:
    path = str(folder / "a.gz")
    before = size_and_stamp(path)
    os.utime(path, ns=(1, 123456789))
    after = size_and_stamp(path)
    assert after != before
    assert after[1].startswith("123456789-")
    assert size_and_stamp(path) == after


@pytest.mark.parametrize("size", [1, 100, STAMP_BYTES, 2 * STAMP_BYTES + 1, 3 * STAMP_BYTES, 1 << 20])
def test_an_edit_that_keeps_size_and_time_is_noticed(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a"
    stamps = set()
    last = size - 1
    for edited in {0, min(STAMP_BYTES, size) - 1, last // 2, last - min(STAMP_BYTES, size) + 1, last}:
        data = bytearray(size)
        data[edited] = 1
        path.write_bytes(data)
        os.utime(path, ns=(1, 1))
        stamps.add((edited, size_and_stamp(str(path))))
    assert len({stamp for _, stamp in stamps}) == len({edited for edited, _ in stamps})


def test_of_a_large_file_little_is_read_for_its_stamp(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.truncate(1 << 40)
    assert size_and_stamp(str(tmp_path / "a"))[0] == 1 << 40


def test_a_file_that_goes_away_while_runs_are_planned_is_named(folder: Path) -> None:
    with pytest.raises(PlanError, match=r"none\.gz: cannot be read: No such file"):
        byte_splits([str(folder / "none.gz")], 10)


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("~/corpus/*.gz", "'~' is not expanded"),
        ("file://~/a.gz", "'~' is not expanded"),
        ("$CORPUS/*.gz", r"'\$CORPUS' is not expanded"),
        ("data/${DUMP}/a.gz", r"'\$\{DUMP\}' is not expanded"),
        ("{a,b}.gz", "braces are not expanded"),
        ("de*", "'de\\*' matches folders only: name their files, as in de\\*/\\*"),
        ("deep/", "'deep/' is a folder: name its files, as in deep/\\*$"),
        ("", "no file matches ''$"),
        ("none", "no file matches 'none'$"),
    ],
)
def test_what_a_shell_would_expand_is_said(
    folder: Path, pattern: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(PlanError, match=hint):
        expand(pattern)


def test_files_of_such_names_are_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for name in ("~a", "$HOME", "{a,b}"):
        Path(name).touch()
        assert expand(name) == [name]
