"""YAML that is wrong, endless or hostile: one line with the file's, and work that has a bound."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pipeline.config import read
from pipeline.errors import ConfigError
from pipeline.yaml_file import MAX_BYTES, MAX_SHOWN, parse, printable

TENFOLD = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)
)
TWOFOLD = "a0: &a0 {x: 1}\n" + "".join(
    f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}], k{i}: *a{i - 1}}}\n" for i in range(1, 60)
)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: &a [*a]\nsource: *a\n", 1, r"alias \*a stands inside what it stands for"),
        ("a: &a\n  b: {c: *a}\n", 2, r"alias \*a stands inside what it stands for"),
        ("a: &a\n  <<: *a\n", 2, r"alias \*a stands inside what it stands for"),
        ("a: " + "[" * 50_000, 1, "nested more than 50 deep"),
        ("a: " + "{a: " * 5000 + "1" + "}" * 5000, 1, "nested more than 50 deep"),
        ("\n".join(" " * i + "a:" for i in range(3000)), 51, "nested more than 50 deep"),
        ("- " * 5000 + "x", 1, "nested more than 50 deep"),
        (TENFOLD, 5, "more than 100,000 values"),
        (TWOFOLD, 10, "more than 100,000 values"),
        ("a: &x 1\nb: &x 2\n", 2, "anchor &x stands twice, first in line 1"),
        ("a: *b\n", 1, "undefined alias"),
        ("a: 1\n---\nb: 1\n", 2, "a second document begins here"),
        ("a: 1\n\tb: 1\n", 2, "cannot start any token|found a tab|mapping values"),
        ("a: !!python/object/apply:os.system ['id']\n", 1, "could not determine a constructor"),
        ("a: !!int b\n", 1, "'b' cannot be read as int"),
        ('a: !!int ""\n', 1, "'' cannot be read as int"),
        ("a: 1\nb: 2024-13-45\n", 2, "'2024-13-45' cannot be read as timestamp; write text in quotes"),
        (f"a: {'1' * 5000}\n", 1, "a number of 5000 characters"),
        (f"a: {':'.join(['1'] * 100_000)}\n", 1, "a number of 199999 characters"),
        ('a: "\\Uffffffff"\n', 1, "."),
        ("a: 1\nb: \0\n", 2, "not allowed"),
        ("? [a]\n: 1\n", 1, "unhashable key"),
        ("<<: 3\n", 1, "merging"),
        (f"a: {'b' * MAX_BYTES}\n", 1, "has more than 8 MiB"),
        ("", 1, "must be a mapping, not null"),
        ("- a\n", 1, r"must be a mapping, not \[\"a\"\]"),
    ],
)
def test_what_no_recipe_is(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    began = time.process_time()
    with pytest.raises(ConfigError, match=said) as caught:
        read(str(path))
    assert time.process_time() - began < 1
    assert caught.value.exit_code == 2
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("data", [b"a: \xe9\n", "a: b\n".encode("utf-16")])
def test_what_is_no_utf_8(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "recipe.yaml").write_bytes(b"# one\n" + data)
    with pytest.raises(ConfigError, match="is not UTF-8"):
        parse(str(tmp_path / "recipe.yaml"))


def test_a_folder_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"1: file: cannot be read: Is a directory$"):
        parse(str(tmp_path))
    with pytest.raises(ConfigError, match=r"1: file: cannot be read: No such file or directory$"):
        parse(str(tmp_path / "none.yaml"))


def test_a_device_without_end_is_read_to_the_limit() -> None:
    with pytest.raises(ConfigError, match="has more than 8 MiB"):
        parse("/dev/zero")


def test_what_yaml_has_is_read(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("\ufeffbase: &base {a: 1, b: [x, y]}\r\nmore: {<<: *base, a: 2}\r\nlast: *base\r\n")
    _, values, repeated = parse(str(path))
    base = {"a": 1, "b": ["x", "y"]}
    assert values == {"base": base, "more": {**base, "a": 2}, "last": base}
    assert repeated == []


def test_keys_that_stand_twice_are_found_once_each(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("a: &a\n  b: 1\n  b: 2\nc: *a\nd: [*a, {e: 1,\n  e: 2}]\n")
    _, _, repeated = parse(str(path))
    assert sorted((p.line, p.where) for p in repeated) == [(3, "b"), (6, "e")]


def test_no_more_problems_than_anybody_reads(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("".join(f"k{i}: 1\n" for i in range(40_000)))
    with pytest.raises(ConfigError) as caught:
        read(str(path))
    assert len(caught.value.problems) == 100


def test_what_a_terminal_is_sent_is_text() -> None:
    assert printable("größe") == "größe"
    assert printable("\x1b[31mred\n") == r"\x1b[31mred\n"
    assert printable("\ud800") == r"\ud800"
    assert len(printable("a" * 9999)) == MAX_SHOWN + 3
