from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.store import digest
from stages.filters.adapt.file import WIDTH, text
from stages.filters.measured import load_languages

words = st.text(st.characters(categories=["Ll", "Lo", "Mn"]), min_size=1, max_size=9)
numbers = st.one_of(st.none(), st.integers(0, 9), st.floats(0, 1e6).map(lambda x: float(f"{x:.4g}")))
entries = st.fixed_dictionaries(
    {"stop_words": st.lists(words, max_size=30)},
    optional={"gopher_rules": st.dictionaries(st.sampled_from(["min_a", "max_b", "max_c"]), numbers)},
)


def test_what_yaml_takes_for_something_else_is_quoted() -> None:
    written = text({"no": {"stop_words": ["no", "yes", "on", "null", "~", "å"]}}, ["from here"])
    assert written == "# from here\n'no':\n  stop_words: ['no', 'yes', 'on', 'null', '~', å]\n"
    assert yaml.safe_load(written) == {"no": {"stop_words": ["no", "yes", "on", "null", "~", "å"]}}


def test_a_rule_stands_in_a_line_and_all_is_sorted() -> None:
    written = text({"zh": {"b": {"min_y": 1.5, "max_x": None}, "a": {"max_z": 3}}, "de": {}}, [])
    assert written == "de: {}\nzh:\n  a:\n    max_z: 3\n  b:\n    max_x: null\n    min_y: 1.5\n"


def test_many_words_take_several_lines() -> None:
    written = text({"de": {"stop_words": [f"wort{i}" for i in range(99)]}}, [])
    assert len(written.splitlines()) > 5
    assert max(map(len, written.splitlines())) <= WIDTH + 8


@given(st.dictionaries(words, entries, max_size=4))
def test_round_trip(languages: dict[str, Any]) -> None:
    written = text(languages, ["a comment", ""])
    assert (yaml.safe_load(written) or {}) == languages


@pytest.mark.parametrize("language", ["no", "de", "deu_Latn", "zh-TW", "on"])
def test_the_stages_read_it(tmp_path: Path, language: str) -> None:
    path = tmp_path / "languages.yaml"
    entry = {"stop_words": ["no", "å"], "gopher_rules": {"min_n_words": 3.0}}
    path.write_text(text({language: entry}, ["x"]), encoding="utf-8")
    assert load_languages(str(path), digest(str(path))) == {language: entry}
