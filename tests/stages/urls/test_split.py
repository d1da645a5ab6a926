from __future__ import annotations

from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.text.buffers import view
from stages.urls.split import (
    FRAGMENT,
    HOST,
    HOST_STOP,
    ODD,
    PATH,
    PORT,
    PORT_STOP,
    QUERY,
    SCHEME,
    START,
    STOP,
    split,
    strings,
)

ENDS = {
    "scheme": (START, SCHEME),
    "host": (HOST, HOST_STOP),
    "port": (PORT, PORT_STOP),
    "path": (PATH, QUERY),
    "query": (QUERY, FRAGMENT),
    "fragment": (FRAGMENT, STOP),
}


def parts(url: str, bare: bool = False) -> dict[str, str]:
    """What of an address is not empty."""
    data = url.encode()
    spans = split(view(pa.array([url])), bare)[0]
    found = {name: data[spans[a] : spans[b]].decode() for name, (a, b) in ENDS.items()}
    return {name: text for name, text in found.items() if text}


@pytest.mark.parametrize(
    ("url", "want"),
    [
        ("http://a.com", {"scheme": "http", "host": "a.com"}),
        (
            "https://me:pw@A.com:8080/p/q?x=1#f",
            {
                "scheme": "https",
                "host": "A.com",
                "port": "8080",
                "path": "/p/q",
                "query": "?x=1",
                "fragment": "#f",
            },
        ),
        (" \t http://a.com/\x00\n", {"scheme": "http", "host": "a.com", "path": "/"}),
        ("//a.com/p", {"host": "a.com", "path": "/p"}),
        ("a.com/p", {"host": "a.com", "path": "/p"}),
        ("a.com:80/p", {"host": "a.com", "port": "80", "path": "/p"}),
        ("localhost:80", {"host": "localhost", "port": "80"}),
        ("localhost", {"path": "localhost"}),
        ("read me.html", {"path": "read me.html"}),
        ("mailto:x@a.com", {"scheme": "mailto", "path": "x@a.com"}),
        ("urn:uuid:12", {"scheme": "urn", "path": "uuid:12"}),
        ("http://a.com?x", {"scheme": "http", "host": "a.com", "query": "?x"}),
        ("http://a.com#?x", {"scheme": "http", "host": "a.com", "fragment": "#?x"}),
        ("http://a@b@c.com/", {"scheme": "http", "host": "c.com", "path": "/"}),
        ("http:\\\\a.com\\p", {"scheme": "http", "host": "a.com", "path": "\\p"}),
        ("http://a.com../", {"scheme": "http", "host": "a.com", "path": "/"}),
        ("http://a.com.:81/", {"scheme": "http", "host": "a.com", "port": "81", "path": "/"}),
        ("http://[::1]:80/", {"scheme": "http", "host": "[::1]", "port": "80", "path": "/"}),
        ("http://a.com:/", {"scheme": "http", "host": "a.com", "path": "/"}),
        ("http://a.com:8o/", {"scheme": "http", "path": "/"}),
        ("http://a..com/", {"scheme": "http", "path": "/"}),
        ("http://.a.com/", {"scheme": "http", "path": "/"}),
        ("http://a b.com/", {"scheme": "http", "path": "/"}),
        ("http:///p", {"scheme": "http", "path": "/p"}),
        ("http://", {"scheme": "http"}),
        ("http:", {"scheme": "http"}),
        (":", {"path": ":"}),
        ("", {}),
    ],
)
def test_parts(url: str, want: dict[str, str]) -> None:
    assert parts(url) == want


def test_a_list_may_name_a_host_without_a_dot() -> None:
    assert parts("xxx", bare=True) == {"host": "xxx"}


@pytest.mark.parametrize(("host", "odd"), [("bücher.de", 1), ("%61.com", 1), ("[::1]", 1), ("a_b.com", 0)])
def test_hosts_that_python_looks_at(host: str, odd: int) -> None:
    spans = split(view(pa.array([f"http://{host}/"])))[0]
    assert spans[ODD] == odd
    assert spans[HOST_STOP] - spans[HOST] == len(host.encode())


def test_a_host_has_no_more_characters_than_dns_takes() -> None:
    assert "host" in parts("http://" + "a." * 125 + "com/")
    assert "host" not in parts("http://" + "a." * 126 + "com/")


LABEL = st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,8}[a-z0-9])?", fullmatch=True)


@given(
    scheme=st.sampled_from(["http", "https", "ftp"]),
    user=st.sampled_from(["", "u@", "u:p@"]),
    host=st.lists(LABEL, min_size=1, max_size=5).map(".".join),
    port=st.sampled_from(["", ":1", ":65535"]),
    path=st.from_regex(r"(/[a-zA-Z0-9%:@._~-]*){0,4}", fullmatch=True),
    query=st.from_regex(r"(\?[a-z=&/?%]*)?", fullmatch=True),
    fragment=st.from_regex(r"(#[a-z?/#]*)?", fullmatch=True),
)
def test_agrees_with_urllib_on_addresses_that_are_well_formed(
    scheme: str, user: str, host: str, port: str, path: str, query: str, fragment: str
) -> None:
    url = f"{scheme}://{user}{host}{port}{path}{query}{fragment}"
    want, have = urlsplit(url), parts(url)
    assert have["scheme"] == want.scheme
    assert have["host"] == want.hostname
    assert have.get("port", "") == ("" if want.port is None else str(want.port))
    assert have.get("path", "") == want.path
    assert have.get("query", "")[1:] == want.query
    assert have.get("fragment", "")[1:] == want.fragment


@given(st.lists(st.none() | st.text() | st.text("htp:/@[].?#%\\ a1", max_size=30), max_size=6))
def test_whatever_comes_the_parts_stand_in_order_inside_their_row(urls: list[str | None]) -> None:
    texts = view(pa.array(urls, pa.string()))
    for row, spans in enumerate(split(texts).tolist()):
        if urls[row] is None:
            assert not any(spans)
            continue
        order = [texts.offsets[row], *(spans[i] for i in (START, SCHEME, PATH, QUERY, FRAGMENT, STOP))]
        assert order == sorted(order)
        assert order[-1] <= texts.offsets[row + 1]
        assert order[0] <= spans[HOST] <= spans[HOST_STOP] <= spans[PORT] <= spans[PORT_STOP] <= order[-1]
    assert len(split(texts)) == len(urls)


def test_strings_are_copied_in_lower_case_or_as_they_are() -> None:
    data = np.frombuffer("AbcÜd".encode(), np.uint8)
    starts, stops = np.array([0, -1, 3, 2]), np.array([2, 9, 6, 2])
    assert strings(data, starts, stops).to_pylist() == ["ab", None, "Üd", ""]
    assert strings(data, starts, stops, lower=False).to_pylist() == ["Ab", None, "Üd", ""]
