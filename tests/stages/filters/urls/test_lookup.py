from __future__ import annotations

from typing import get_args

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from stages.filters.urls import lookup
from stages.urls.address import measure, take_apart
from stages.urls.table import Block, Kind, Table, build


def table(kind: Kind, *entries: str) -> Table:
    """One list, its number 0; a score is the place of the entry."""
    hashes = np.array([xxhash.xxh64_intdigest(e.encode()) for e in entries], np.uint64)
    return build([Block(0, kind, hashes, np.arange(len(entries), dtype=np.float64))])


def matches(
    kind: Kind, entries: list[str], urls: list[str | None], exact: bool = False
) -> set[tuple[int, str]]:
    addresses = take_apart(pa.array(urls, pa.string()))
    _, text = measure(addresses)
    found = list(lookup.match(addresses, text, {kind: table(kind, *entries)}, exact))
    assert all(entries[int(m.score)] == m.entry for m in found)
    return {(m.row, m.entry) for m in found}


def test_a_domain_matches_itself_and_all_below_it() -> None:
    urls = [
        "http://a.com",
        "http://x.y.A.com./p",
        "http://ba.com/",
        "http://a.com.org",
        None,
        "a.com",
        "urn:a.com",
    ]
    assert matches("domain", ["a.com", "y.a.com", "org"], list(urls)) == {
        (0, "a.com"),
        (1, "a.com"),
        (1, "y.a.com"),
        (3, "org"),
        (5, "a.com"),
    }


def test_a_domain_of_datatrove_matches_whole_hosts_and_registered_domains() -> None:
    urls = ["http://x.y.a.com", "http://y.a.com", "http://1.2.3.4/", "http://localhost/"]
    entries = ["a.com", "y.a.com", "com", "1.2.3.4", "localhost"]
    assert matches("domain", entries, list(urls), exact=True) == {(0, "a.com"), (1, "a.com"), (1, "y.a.com")}


def test_a_page_matches_itself_in_any_spelling() -> None:
    urls = ["https://www.a.com/p/?x#y", "http://a.com/p", "http://a.com/p?x=2"]
    assert matches("page", ["a.com/p?x"], list(urls)) == {(0, "a.com/p?x")}
    assert matches("page", [str(urls[1])], list(urls), exact=True) == {(1, urls[1])}


def test_a_folder_matches_what_is_in_it() -> None:
    urls = [
        "http://a.com/p",
        "http://a.com/p/q/r",
        "http://a.com/pq",
        "http://a.com/p?x",
        "http://a.com/",
        None,
    ]
    assert matches("folder", ["a.com/p"], list(urls)) == {(0, "a.com/p"), (1, "a.com/p"), (3, "a.com/p")}
    assert {row for row, _ in matches("folder", ["a.com"], list(urls))} == {0, 1, 2, 3, 4}


def test_words() -> None:
    urls = ["http://Casino.com/free-casino_x", "http://a.com/%D0%9F%D0%9E/casinos", None]
    assert matches("word", ["casino", "по", "http"], list(urls)) == {(0, "casino"), (1, "по")}
    assert matches("word", ["casino", "http"], list(urls), exact=True) == {
        (0, "casino"),
        (0, "http"),
        (1, "http"),
    }


def test_only_so_many_parts_are_looked_up() -> None:
    deep = "x." * 15 + "com"
    assert matches("domain", [deep, "x." + deep], [f"http://x.x.{deep}/"]) == {(0, deep)}
    path = "a.com" + "/x" * 15
    assert matches("folder", [path, path + "/x"], [f"http://{path}/x/x"]) == {(0, path)}


def test_more_matches_than_there_was_room_for() -> None:
    words = [f"w{i}" for i in range(500)]
    assert matches("word", words, ["http://a.com/" + "/".join(words)]) == {(0, w) for w in words}


@pytest.mark.parametrize("exact", [False, True])
def test_a_word_that_is_repeated_without_end_is_one_match(exact: bool) -> None:
    addresses = take_apart(pa.array(["http://a.com/" + "w/" * 1_000_000 + "w"] * 2))
    found = lookup.match(addresses, measure(addresses)[1], {"word": table("word", "w")}, exact)
    assert [(m.row, m.entry) for m in found] == [(0, "w"), (1, "w")]


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("kind", get_args(Kind))
@given(st.lists(st.none() | st.text("htp:/@.?#%\\ aé1-", max_size=30), max_size=6))
def test_rows_do_not_know_each_other(kind: Kind, exact: bool, urls: list[str | None]) -> None:
    if exact and kind == "folder":
        return
    entries = ["a", "p", "1", "h", "a/p", "é", "", "t.p"]
    want = {(i, e) for i, url in enumerate(urls) for _, e in matches(kind, entries, [url], exact)}
    assert matches(kind, entries, urls, exact) == want
