from pathlib import Path

import pytest

from mixtures.inventory import Inventory, SourceTokens
from pipeline.errors import PlanError


def test_read_sums_the_padding_of_the_parts(tmp_path: Path, make_inventory, write_tokens) -> None:
    written = make_inventory({"web": 5, "books": 2}, 10, padding={"web": 7})
    read = Inventory.read(write_tokens(tmp_path, written))
    assert read == written
    assert read.sources["web"] == SourceTokens(n_sequences=5, n_tokens=43, n_padding=7, n_bytes=200)


def test_the_order_of_the_sources_is_that_of_the_file(tmp_path: Path, make_inventory, write_tokens) -> None:
    read = Inventory.read(write_tokens(tmp_path, make_inventory({"z": 1, "a": 2, "m": 3})))
    assert list(read.sources) == ["z", "a", "m"]


def test_no_tokens_yet(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"tokens\.json is not there.*make them first"):
        Inventory.read(tmp_path)


@pytest.mark.parametrize("wrong", [{"n_tokens": 499}, {"n_sequences": 4}, {"parts": []}])
def test_numbers_that_do_not_add_up(tmp_path: Path, make_inventory, write_tokens, wrong: dict) -> None:
    write_tokens(tmp_path, make_inventory({"web": 5, "books": 2}), web=wrong)
    with pytest.raises(PlanError, match="'web' does not add up"):
        Inventory.read(tmp_path)
