"""Names to classes through real entry points of distributions laid on the path."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import registry
from pipeline.errors import PipelineError
from pipeline.registry import UnknownName, find, names, suggest
from tests.pipeline.conftest import register
from tests.toy import Long


def test_stages_are_found_by_name(toys: Path) -> None:
    assert find("stages", "long") is Long


def test_unknown_names_are_answered_with_the_closest(toys: Path) -> None:
    with pytest.raises(UnknownName, match=r"no stage 'lnog'; did you mean 'long'\?") as error:
        find("stages", "lnog")
    assert error.value.exit_code == 2
    with pytest.raises(UnknownName, match="no engine 'lokal'; did you mean 'local'"):
        find("engines", "lokal")


def test_a_name_registered_twice_is_refused(toys: Path) -> None:
    register(toys, "pipeline.stages", again="tests.toy:STAGES")
    with pytest.raises(PipelineError, match=r"registered twice: tests\.toy:Lines"):
        registry.stages()


def test_our_own_tables_are_registered() -> None:
    assert {"warc", "extract_html", "minhash_dedup", "pack"} <= set(registry.stages())
    assert {"tokens", "mixture", "train"} <= set(names("sections"))
    assert {"local", "spark"} <= set(names("engines"))


def test_suggest_is_silent_when_nothing_is_close() -> None:
    assert suggest("xyz", ["gopher_rules", "warc"]) == ""
    assert suggest("gopher_rule", ["gopher_rules", "warc"]) == "; did you mean 'gopher_rules'?"
