from __future__ import annotations

import glob
import os
from pathlib import Path

import pytest

from stages.ingest.paths import expand
from stages.ingest.patterns import MAX_WAYS, local_files


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three files, the current folder above them."""
    for name in ("data/a.gz", "data/sub/b.gz", "other/deep/c.gz", "data/.hidden/d.gz", "data/sub/.e.gz"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def link(path: str, target: str) -> None:
    Path(path).symlink_to(target)


def test_as_glob_where_no_symlinks_are(folder: Path) -> None:
    patterns = [
        "**",
        "**/*",
        "**/*.gz",
        "data/**",
        "data/**/*.gz",
        "./**/*.gz",
        "*/**/*.gz",
        "**/deep/*",
        "**/*p/**",
        "**/**/c.gz",
        "**/sub/**/*.gz",
        "da**/*.gz",
        "data/**/.hidden/*",
        "**/.e.gz",
        "none/**",
        "d*/**/s*/b.gz",
        "**/",
        "data/sub/../**/b.gz",
        "[do]*/**",
    ]
    for pattern in patterns + [f"{folder}/{p}" for p in patterns]:
        matches = glob.glob(pattern, recursive=True)  # noqa: PTH207
        want = {os.path.normpath(name) for name in matches if Path(name).is_file()}
        assert {os.path.normpath(name) for name in local_files(pattern)} == want, pattern
    assert expand("**/*.gz") == ["data/a.gz", "data/sub/b.gz", "other/deep/c.gz"]


def test_symlinked_folders_that_are_no_circle_are_followed() -> None:
    link("data/there", "../other")
    link("data/again", "sub")
    link("data/file.gz", "a.gz")
    assert expand("data/**/*.gz") == [
        "data/a.gz",
        "data/again/b.gz",
        "data/file.gz",
        "data/sub/b.gz",
        "data/there/deep/c.gz",
    ]


@pytest.mark.parametrize("target", [".", "..", "../data", "../../data/sub"])
def test_a_circle_is_gone_round_once(folder: Path, target: str) -> None:
    link("data/sub/circle", target)
    want = ["data/a.gz", "data/sub/b.gz"]
    assert expand("data/**/*.gz") == want
    assert expand(f"{folder}/data/**/*.gz") == [f"{folder}/{name}" for name in want]
    assert expand("**/*.gz") == [*want, "other/deep/c.gz"]
    assert expand("data/**/sub/**/b.gz")[0] == "data/sub/b.gz"


def test_circles_of_several_folders() -> None:
    link("data/to_other", "../other")
    link("other/to_data", "../data")
    assert expand("**/*.gz") == ["data/a.gz", "data/sub/b.gz", "other/deep/c.gz"]
    assert expand("*/**/*.gz") == ["data/a.gz", "data/sub/b.gz", "other/deep/c.gz"]
    assert expand("data/**/*.gz") == ["data/a.gz", "data/sub/b.gz", "data/to_other/deep/c.gz"]


def test_a_circle_above_the_folder() -> None:
    link("data/sub/up", "../..")
    assert expand("data/sub/**/*.gz") == [
        "data/sub/b.gz",
        "data/sub/up/data/a.gz",
        "data/sub/up/other/deep/c.gz",
    ]


def test_very_many_ways_to_a_folder_are_bounded() -> None:
    for level in range(30):
        here = Path(f"many/{level}")
        here.mkdir(parents=True)
        (here / "f.gz").touch()
        for name in "xy":
            link(str(here / name), f"../{level + 1}")
    assert MAX_WAYS < 2**30
    assert expand("many/**/*.gz") == sorted(f"many/{level}/f.gz" for level in range(30))
    all_to_all = [Path(f"all/{i}") for i in range(12)]
    for here in all_to_all:
        here.mkdir(parents=True)
        (here / "f.gz").touch()
        for other in all_to_all:
            link(str(here / f"to_{other.name}"), f"../{other.name}")
    assert expand("all/**/*.gz") == sorted(f"all/{i}/f.gz" for i in range(12))
