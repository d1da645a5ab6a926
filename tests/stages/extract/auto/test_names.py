"""Names by hash, and kinds of elements as the standard has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.extract.auto import names
from stages.text.markup import hash_name

VOID = "area base br col embed hr img input link meta source track wbr"  # 13.1.2
RAW = "script style textarea title iframe noembed noframes xmp"  # 13.1.2, 13.2.6.4


def test_each_name_is_found_by_its_hash() -> None:
    assert len(names.TAGS) == len(set(names.TAGS)) == len(names.TAG)
    for number, name in enumerate(names.TAGS):
        assert names.tag_number(hash_name(name)) == (number if name != "?" else 0)


@given(st.text("abcdehilprt1-", min_size=1, max_size=10))
def test_other_names_are_none(name: str) -> None:
    assert names.tag_number(hash_name(name)) == names.TAG.get(name, 0)
    assert names.attribute_number(hash_name(name)) == names._ATTRIBUTES.get(name, 0)


def test_kinds_are_those_of_the_standard() -> None:
    for name, number in names.TAG.items():
        kind = names.KIND[number]
        assert bool(kind & names.VOID) >= (name in VOID.split()), name
        assert bool(kind & names.RAW) == (name in RAW.split()), name
        if kind & names.CLOSES_P and name != "frameset":
            assert kind & names.BLOCK, name
    assert names.KIND[0] == 0


@pytest.mark.parametrize(
    ("name", "flag"),
    [("article", 1), ("product", 2), ("qapage", 4), ("webpage", 16), ("recipe", 64), ("hat", 0), ("", 0)],
)
def test_what_a_page_may_call_itself(name: str, flag: int) -> None:
    assert names.page_kind(hash_name(name)) == flag


def test_properties() -> None:
    values = [names.itemprop(hash_name(n)) for n in ("articlebody", "text", "name")]
    assert values == [1, 2, 3]
