from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
import tldextract
from hypothesis import given
from hypothesis import strategies as st

from stages.urls.address import LANGUAGES, PARTS, measure, normal_host, take_apart


def addresses(urls: list[str | None], private: bool = False) -> list[dict[str, Any]]:
    columns, _ = measure(take_apart(pa.array(urls, pa.string()), private))
    rows: list[dict[str, Any]] = pa.StructArray.from_arrays(columns, fields=list(PARTS)).to_pylist()
    return rows


def address(url: str) -> dict[str, Any]:
    return addresses([url])[0]


def test_all_parts_of_an_address() -> None:
    assert address("HTTPS://me@Blog.Example.CO.uk.:8443/en-gb/a-b//x%201?q=%C3%A9&&r#top") == {
        "scheme": "https",
        "host": "blog.example.co.uk",
        "registered_domain": "example.co.uk",
        "suffix": "co.uk",
        "language_hint": "en",
        "is_ip": False,
        "has_query": True,
        "n_labels": 4,
        "path_depth": 3,
        "n_parameters": 2,
        "n_chars": 68,
        "n_words": 16,
        "n_digits": 5,
        "n_hyphens": 2,
        "frac_digits": pytest.approx(5 / 56),
    }


@pytest.mark.parametrize("url", ["", " ", "http://", "http:///", "//", ":", "?", "#", "http://[", "\x00"])
def test_what_is_no_address_has_null_parts_and_is_counted(url: str) -> None:
    row = address(url)
    assert [row[k] for k in ("host", "registered_domain", "suffix", "language_hint")] == [None] * 4
    numbers = {k: row[k] for k in row if k.startswith(("n_", "frac_", "path_"))}
    assert None not in numbers.values()
    assert numbers["n_labels"] == numbers["n_words"] == 0


@pytest.mark.parametrize(
    ("host", "want"),
    [
        ("bücher.de", "xn--bcher-kva.de"),
        ("BÜCHER.de", "xn--bcher-kva.de"),
        ("bu\u0308cher.de", "xn--bcher-kva.de"),
        ("日本。jp", "xn--wgv71a.jp"),
        ("faß.de", "xn--fa-hia.de"),  # as browsers do since 2016, not as IDNA 2003 (fass.de)
        ("i❤.ws", "xn--i-7iq.ws"),
        ("a_b.%65xample.com", "a_b.example.com"),
        ("[::1]", "[::1]"),
        ("[2001:DB8:0:0:0:0:0:1]", "[2001:db8::1]"),
        ("[::1", "[::1]"),
        ("[x]", None),
        ("%ff.com", None),
        ("a%20b.com", None),
        ("a%2fb.com", None),
        ("。", None),
        ("ü" * 300 + ".de", None),
    ],
)
def test_hosts_in_their_normal_form(host: str, want: str | None) -> None:
    assert normal_host(host.encode()) == want
    if "%2f" not in host:
        assert address(f"http://{host}/")["host"] == want


@pytest.mark.parametrize(
    ("host", "ip"),
    [
        ("1.2.3.4", True),
        ("255.255.255.255", True),
        ("0.0.0.0", True),
        ("256.1.1.1", False),
        ("1.2.3", False),
        ("1.2.3.4.5", False),
        ("01.2.3.4", False),
        ("1.2.3.x", False),
        ("[::1]", True),
    ],
)
def test_ip_addresses(host: str, ip: bool) -> None:
    assert address(f"http://{host}/")["is_ip"] is ip


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("http://a.com/de", "de"),
        ("http://a.com/de/x", "de"),
        ("http://a.com/pt-BR/x", "pt"),
        ("http://a.com/zh_cn/", "zh"),
        ("http://fr.a.com/x", "fr"),
        ("http://fr.a.com/de/", "de"),
        ("http://fr.com/x", None),
        ("http://a.com/us/", None),
        ("http://a.com/deu/", None),
        ("http://a.com/x/de/", None),
        ("http://a.com/en-glish/", None),
        ("http://a.com/EN/", "en"),
    ],
)
def test_languages_that_an_address_names(url: str, hint: str | None) -> None:
    assert address(url)["language_hint"] == hint


def test_there_are_as_many_languages_as_in_the_standard() -> None:
    assert len(LANGUAGES) == len(set(LANGUAGES)) == 183


def test_words_are_counted_on_what_escapes_stand_for() -> None:
    row = address("https://ru.wikipedia.org/wiki/%D0%9F%D1%83%D1%88%D0%BA%D0%B8%D0%BD%2C_%D0%90")
    assert (row["n_words"], row["n_digits"]) == (6, 0)


URL = st.text("htp:/@[].?#%\\ aé1-&=", max_size=40) | st.text(max_size=20)


@given(st.lists(st.none() | URL, max_size=8))
def test_rows_do_not_know_each_other(urls: list[str | None]) -> None:
    assert addresses(urls) == [addresses([u])[0] for u in urls]


@given(st.lists(URL, min_size=1, max_size=8))
def test_every_number_is_defined_and_every_string_is_utf_8(urls: list[str]) -> None:
    columns, _ = measure(take_apart(pa.array(urls, pa.string())))
    table = pa.RecordBatch.from_arrays(columns, [f.name for f in PARTS])
    table.validate(full=True)
    for name in table.schema.names:
        if name.startswith(("n_", "frac_", "path_", "is_", "has_")):
            assert table.column(name).null_count == 0
    assert all(0 <= f <= 1 for f in table.column("frac_digits").to_pylist())
    assert table.num_rows == len(urls)


@pytest.mark.data
def test_domains_are_those_of_tldextract(urls: list[str]) -> None:
    extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    differ = []
    for url, row in zip(urls, addresses(list(urls)), strict=True):
        want = extract(url).top_domain_under_public_suffix.lower().encode("idna").decode()
        if (row["registered_domain"] or "") != want:
            differ.append((url, row["registered_domain"], want))
    assert len(urls) > 1_000
    assert differ == []
