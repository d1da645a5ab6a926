"""Paths of a store: names like `pathlib`'s, and nothing that could quietly be a local file."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import pytest

from pipeline.errors import PlanError
from pipeline.objects.path import ObjectPath, location
from pipeline.store import write_json


def test_names_are_those_of_paths() -> None:
    path = ObjectPath("s3://bucket/run") / Path("_run/web") / "part-00000.json"
    assert str(path) == f"{path}" == "s3://bucket/run/_run/web/part-00000.json"
    assert (path.name, path.suffix, str(path.parent)) == (
        "part-00000.json",
        ".json",
        "s3://bucket/run/_run/web",
    )
    assert str(path.with_name("a")) == "s3://bucket/run/_run/web/a"
    assert path.absolute() is path
    below = path.relative_to(ObjectPath("s3://bucket/run"))
    assert (str(below), type(below)) == ("_run/web/part-00000.json", type(Path()))
    again = pickle.loads(pickle.dumps(path))
    assert (again, type(again), str(again)) == (path, ObjectPath, str(path))


def test_the_systems_calls_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = ObjectPath("s3://bucket/run/a")
    for attempt in (
        path.stat,
        path.touch,
        path.lstat,
        lambda: path.rename("b"),
        lambda: list(path.iterdir()),
    ):
        with pytest.raises(TypeError, match="s3://bucket/run/a is no file of this machine"):
            attempt()
    with pytest.raises(TypeError, match="is written with"):
        path.open("wb")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("http://x/y", "cannot be written as http://: a local or mounted folder can, and s3://"),
        ("s3://bucket", "s3://bucket is a bucket: name a folder in it, such as s3://bucket/runs/first"),
        ("s3://bucket/run[1]", r"s3://bucket/run\[1\]: no \*, \? and \[ in the name"),
        ("gs://b/c", r"gs:// needs the package gcsfs: pip install gcsfs$"),
    ],
)
def test_outputs_that_cannot_be(text: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)  # whether or not it is installed here
    with pytest.raises(PlanError, match=message):
        location(text)


def test_a_folder_is_a_path_and_imports_nothing() -> None:
    assert location("runs/a") == Path("runs/a")
    assert type(location("runs/a")) is type(Path())


def test_what_lies_below(output: ObjectPath) -> None:
    assert (output.below(), output.exists(), output.is_dir()) == ([], False, False)
    for name in ("a.json", "ab.json", "deep/c.json", "deep/er/d.json"):
        write_json(output / name, {})
    write_json(output.with_name(f"{output.name}-beside") / "x.json", {})
    assert output.below() == ["a.json", "ab.json", "deep/c.json", "deep/er/d.json"]
    assert list(output.glob("*.json")) == [output / "a.json", output / "ab.json"]
    assert list(output.glob("*/*.json")) == [output / "deep/c.json"]
    assert (output.is_dir(), output.is_file(), (output / "a.json").is_file()) == (True, False, True)
    (output / "a.json").unlink()
    (output / "a.json").unlink(missing_ok=True)
    assert not (output / "a.json").exists()
    with pytest.raises(FileNotFoundError):
        (output / "a.json").read_text()
