from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.urls.address import take_apart
from stages.urls.normal import Buffer, letters, page, readable


def rows(buffer: Buffer) -> list[bytes]:
    data, ends = buffer
    return [data[a:b].tobytes() for a, b in pairwise(ends)]


def pages(*urls: str | None) -> list[bytes]:
    parts = take_apart(pa.array(urls, pa.string()))
    return rows(page(parts.urls.data, parts.spans, parts.hosts.data, parts.hosts.offsets))


def read(*urls: str | None) -> list[bytes]:
    parts = take_apart(pa.array(urls, pa.string()))
    return rows(readable(parts.urls.data, parts.spans)[0])


@pytest.mark.parametrize(
    "same",
    [
        ["http://example.com", "https://www.Example.com/", "example.com", "//EXAMPLE.com./#top", "http://u:p@example.com:80?"],
        ["https://a.com/x", "http://a.com/x/", "a.com/x//", "https://a.com:443/x#y", "http://a.com:/%78"],
        ["http://a.com/%7Eme", "http://a.com/%7eme", "http://a.com/~me"],
        ["http://a.com/%C3%A9", "http://a.com/%c3%a9", "http://a.com/é"],
        ["http://a.com/?b=1", "https://a.com?b=1#x"],
        ["http://bücher.de/", "http://xn--bcher-kva.de"],
    ],
)  # fmt: skip
def test_addresses_of_one_page_are_equal(same: list[str]) -> None:
    assert len(set(pages(*same))) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://a.com/x", "http://a.com/X"),
        ("http://a.com/x?a", "http://a.com/x?b"),
        ("http://a.com:81/", "http://a.com/"),
        ("https://a.com:80/", "https://a.com/"),
        ("http://a.com/%2F", "http://a.com/"),
        ("http://b.a.com/", "http://a.com/"),
        ("http://www.com/", "http://com/"),
        ("mailto:a@b.c", "mailto:a@b.d"),
    ],
)
def test_addresses_of_different_pages_are_not(one: str, other: str) -> None:
    assert len(set(pages(one, other))) == 2


def test_pages_in_their_normal_form() -> None:
    have = pages("HTTP://WWW.A.com:8080/b/%3f/?c=%zz é", None, "urn:x#y", "", "http:///p")
    assert have == [b"a.com:8080/b/%3F?c=%zz %C3%A9", b"", b"urn:x", b"", b"http:///p"]


def test_the_readable_form() -> None:
    have = read("HTTP://A.com/%D0%9F%41?X=%FF%2", None, "ÜBER.de/İ")
    assert have == ["://a.com/пa?x=".encode() + b"\xff%2", b"", "über.de/i".encode()]


def test_letters_and_digits_alone() -> None:
    parts = take_apart(pa.array(["HTTP://A.com/%D0-é_9", None, "--"]))
    assert rows(letters(parts.urls.data, parts.spans)) == [b"httpacomd09", b"", b""]


@given(st.lists(st.none() | st.text() | st.text("%aA2Fé/ⱥȺ?:.", max_size=30), max_size=6))
def test_forms_of_rows_do_not_depend_on_other_rows(urls: list[str | None]) -> None:
    assert pages(*urls) == [pages(u)[0] for u in urls]
    assert read(*urls) == [read(u)[0] for u in urls]


PAGE = r"https?://[a-z]{1,9}\.com(:[0-9]{1,4})?(/[a-zA-Z0-9%~é -]{0,9}){0,3}(\?[a-z=%é]{1,9})?"


@given(st.from_regex(PAGE, fullmatch=True))
def test_a_normal_form_is_its_own(url: str) -> None:
    once = pages(url)[0].decode()
    assert pages(once)[0].decode() == once
