"""Recipes: what is read, and that every mistake is named with its line, all of them at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import read
from pipeline.errors import ConfigError
from tests.toy import Lines, Long, write_lines

pytestmark = pytest.mark.usefixtures("toys")

GOOD = """\
name: small
source: {use: lines, with: {paths: [%s]}}
steps:
  - use: count
  - use: long
    with: {min_n_chars: 5}
  - use: one_per_letter
output: out
"""


@pytest.fixture
def words(tmp_path: Path) -> str:
    return write_lines(tmp_path, {"a.txt": "one\ntwo\n"})[0]


def problems(tmp_path: Path, text: str) -> list[str]:
    """'line: where: message' of each problem of a recipe."""
    path = tmp_path / "stages.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        read(str(path))
    assert error.value.exit_code == 2
    lines = str(error.value).splitlines()
    assert all(line.startswith(f"{path}:") for line in lines)
    return [line.removeprefix(f"{path}:") for line in lines]


def test_a_good_recipe(tmp_path: Path, words: str) -> None:
    path = tmp_path / "stages.yaml"
    path.write_text(GOOD % words)
    recipe = read(str(path))
    assert (recipe.name, recipe.output) == ("small", Path("out"))
    (chain,) = recipe.chains
    assert chain.source.step == Lines(paths=(words,), source="small")
    assert [s.name for s in chain.steps] == ["count", "long", "one_per_letter"]
    assert chain.steps[1].step == Long(min_n_chars=5)
    assert [s.line for s in chain.steps] == [4, 5, 7]
    assert read(str(path), Path("elsewhere")).output == Path("elsewhere")


def test_several_sources_with_steps_of_their_own_and_common_ones(tmp_path: Path, words: str) -> None:
    path = tmp_path / "stages.yaml"
    path.write_text(f"""\
sources:
  web: {{use: lines, with: {{paths: ["{words}"]}}, steps: [{{use: count}}, {{use: long, save: true}}]}}
  books: {{use: lines, with: {{paths: ["{words}"], source: print}}}}
steps:
  - use: one_per_letter
  - {{use: one_per_letter, with: {{extra: 2}}}}
output: out
""")
    web, books = read(str(path)).chains
    assert [s.name for s in web.steps] == ["count", "long", "one_per_letter", "one_per_letter-2"]
    assert (web.shared_from, books.shared_from) == (2, 0)
    assert web.saves == {1}
    assert isinstance(web.source.step, Lines)
    assert isinstance(books.source.step, Lines)
    assert (web.source.step.source, books.source.step.source) == ("web", "print")


def test_all_mistakes_are_named_at_once(tmp_path: Path, words: str) -> None:
    found = problems(
        tmp_path,
        f"""\
nmae: small
source: {{use: lines, with: {{paths: ["{words}"], rows: "3"}}}}
steps:
  - use: cuont
  - use: long
    with: {{min_n_char: 5}}
  - with: {{}}
output: out
""",
    )
    assert found == [
        "1: nmae: unknown key; did you mean 'name'?",
        '2: rows: must be a valid integer, not "3"; write 3 without quotes '
        "(YAML reads 1e3 as text, 1.0e+3 as a number)",
        "4: cuont: no stage 'cuont'; did you mean 'count'?",
        "6: min_n_char: unknown setting; did you mean 'min_n_chars'?",
        "7: steps.2: needs use: and the name of a stage (`pipeline stages` lists them)",
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("min_n_chars: 1e3", 'valid integer, not "1e3"; write 1000 without quotes'),
        ("min_n_chars: no", "valid integer, not false; YAML reads no, off, yes, on as true or false"),
        ("min_n_chars: .nan", "nan is not a number one can compare with"),
        ("min_n_chars: 2020-01-01", "YAML reads this as a date; write it in quotes"),
        ("1: 5", "key 1 is not text; write it in quotes"),
        ("[5]", "must be a mapping of settings, not [5]"),
    ],
)
def test_traps_of_yaml(tmp_path: Path, words: str, settings: str, message: str) -> None:
    text = GOOD.replace("{min_n_chars: 5}", settings if settings[0] == "[" else f"{{{settings}}}") % words
    (problem,) = problems(tmp_path, text)
    assert problem.startswith("6: ")
    assert message in problem


def test_a_key_that_stands_twice(tmp_path: Path, words: str) -> None:
    (problem,) = problems(tmp_path, GOOD % words + "output: other\n")
    assert problem == "9: output: stands twice, first in line 8; YAML would keep the last"


def test_accounts_are_of_one_step_whatever_its_name(tmp_path: Path, words: str) -> None:
    steps = "steps: [{use: count}, {use: long}, {use: long, name: long-2}, {use: long}]"
    path = tmp_path / "long.yaml"
    path.write_text(f"source: {{use: lines, with: {{paths: [{words}]}}}}\n{steps}\noutput: {tmp_path}/out\n")
    (chain,) = read(str(path)).chains
    assert chain.source.name == "long"
    assert [step.name for step in chain.steps] == ["count", "long-2", "long-2-2", "long-3"]


def test_a_column_nobody_makes(tmp_path: Path, words: str) -> None:
    (problem,) = problems(tmp_path, (GOOD % words).replace("  - use: count\n", ""))
    assert (
        problem
        == "4: long: reads column 'n_chars', which no earlier step provides: put `- use: count` before it"
    )


def test_an_unknown_step_does_not_hide_what_is_wrong_before_it(tmp_path: Path, words: str) -> None:
    text = (GOOD % words).replace("  - use: count\n", "").replace("one_per_letter", "one_per_leter")
    assert problems(tmp_path, text) == [
        "4: long: reads column 'n_chars', which no earlier step provides: put `- use: count` before it",
        "6: one_per_leter: no stage 'one_per_leter'; did you mean 'one_per_letter'?",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "1: recipe: must be a mapping"),
        ("output: out\n", "1: recipe: needs either source: (one) or sources: (several, by name)"),
        ("name: [x]\noutput: o\nsource: {use: lines, with: {paths: []}}\n", "1: name: must be text"),
        ("source: {use: count}\noutput: out\n", "1: count: is not a source"),
        ("source: {use: lines}\noutput: out\n", "1: paths: is required"),
        ("source: {use: lines, with: {paths: []}}\n", "1: output: is required"),
        (
            "source: {use: lines, with: {paths: []}}\noutput: ftp://x/y\n",
            "2: output: cannot be written as ftp://",
        ),
        (
            "source: {use: lines, with: {paths: []}}\noutput: s3://x/y\ntokens: {tokenizer: gpt2}\n",
            "3: tokens: needs a local or mounted folder as output, not s3://x/y, for now",
        ),
        ("source: {use: lines, with: {paths: []}}\nsteps: count\noutput: o\n", "2: steps: must be a list"),
        (
            "source: {use: lines, with: {paths: []}}\noutput: o\nshard_bytes: true\n",
            "3: shard_bytes: must be a number of bytes, at least 1, not true",
        ),
        (
            "source: {use: lines, with: {paths: []}}\noutput: o\nengine: spark\n",
            "3: engine: must be a mapping",
        ),
        (
            "source: {use: lines, with: {paths: []}}\noutput: o\nengine: {sparc: {}}\n",
            "3: engine.sparc: unknown key; did you mean 'spark'?",
        ),
        (
            "source: {use: lines, with: {paths: []}}\noutput: o\nengine: {spark: 1}\n",
            "3: engine.spark: must be a mapping of settings, not 1",
        ),
        ("sources: {}\noutput: o\n", "1: sources: must be a mapping of names to sources"),
        ("a: [\n", "2: yaml: "),
        (
            "source: {use: lines, with: {paths: []}}\nsteps: [{use: lines}]\noutput: o\n",
            "2: lines: is a source; it stands under source:",
        ),
        (
            "source: {use: lines, with: {paths: []}}\nsteps: [{use: count, save: 1}]\noutput: o\n",
            "2: steps.0.save: must be true or false",
        ),
        (
            "source: {use: lines, with: {paths: []}}\nsteps: [{use: count, name: 'a b'}]\noutput: o\n",
            "2: steps.0.name: must be a word",
        ),
    ],
)
def test_recipes_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    assert message in "\n".join(problems(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read(str(tmp_path / "none.yaml"))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "stages.yaml"
    path.write_bytes(b"name: \xff\n")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        read(str(path))


def test_a_missing_file_does_not_hide_other_mistakes(tmp_path: Path) -> None:
    text = """\
sources:
  web: {use: jsonl, with: {paths: nowhere/*.jsonl}}
steps:
  - use: gopher_rules
tokens: {tokenizer: bytes, sequence_length: 1}
mixture: {weights: {wbe: 1.0}}
output: out
"""
    found = problems(tmp_path, text)
    assert [f.split(": ")[0] for f in found] == ["2", "4", "5", "6", "6"]
    assert "no file matches 'nowhere/*.jsonl'" in found[0]
    assert "column 'gopher'" in found[1]
    assert "put `- use: gopher_signals` before it" in found[1]
    assert "did you mean 'web'" in found[3]


def test_measure_all_puts_signals_before_rules(tmp_path: Path, words: str) -> None:
    path = tmp_path / "stages.yaml"
    late = "name: late\nsource: {use: lines, with: {paths: [%s]}}\noutput: out\nsteps:\n"
    late += "  - use: one_per_letter\n  - use: count\n"
    path.write_text(late % words)
    assert [s.name for s in read(str(path)).chains[0].steps] == ["one_per_letter", "count"]
    path.write_text(late % words + "measure: all\n")
    assert [s.name for s in read(str(path)).chains[0].steps] == ["count", "one_per_letter"]


def test_measure_is_all_or_not_there(tmp_path: Path, words: str) -> None:
    assert problems(tmp_path, GOOD % words + "measure: some\n") == [
        "9: measure: must be all, or not be there: then steps run as they are written"
    ]


def test_a_mistake_of_one_setting_has_its_line(tmp_path: Path, words: str) -> None:
    steps = "  - use: keep_if\n    with:\n      where: nobody > 1\n  - use: one_per_letter\n"
    (line,) = problems(tmp_path, GOOD.replace("  - use: one_per_letter\n", steps) % words)
    assert line.startswith("9: keep_if: where: ")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("2024-run.yaml", "2024-run"),
        ("cc.small.yaml", "cc-small"),
        ("my run (2).yaml", "my-run-2"),
        ("größe_1.yaml", "größe_1"),
        ("....yaml", "recipe"),
    ],
)
def test_a_recipe_without_a_name_has_its_files(toys: Path, tmp_path: Path, file: str, name: str) -> None:
    (tmp_path / "a.txt").write_text("apple\n")
    path = tmp_path / file
    path.write_text(f"source: {{use: lines, with: {{paths: ['{tmp_path}/a.txt']}}}}\noutput: out\n")
    recipe = read(str(path))
    assert (recipe.name, recipe.chains[0].source.name) == (name, name)


@pytest.mark.parametrize("given", ["my run", "a/b", "''"])
def test_a_name_that_is_no_word_is_the_recipes_problem(toys: Path, tmp_path: Path, given: str) -> None:
    (tmp_path / "a.txt").write_text("apple\n")
    path = tmp_path / "recipe.yaml"
    source = f"{{use: lines, with: {{paths: ['{tmp_path}/a.txt']}}}}"
    path.write_text(f"output: out\nname: {given}\nsource: {source}\n")
    with pytest.raises(ConfigError, match=r"^\S+:2: name: must be a word: letters, digits, _ and -$"):
        read(str(path))
    path.write_text(f"output: out\nsources:\n  {given}: {source}\n")
    with pytest.raises(ConfigError, match=r"^\S+:3: sources\.[^:]*: must be a word"):
        read(str(path))
