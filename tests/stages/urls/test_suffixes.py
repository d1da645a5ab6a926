from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from stages.text.buffers import view
from stages.urls import suffixes
from stages.urls.address import normal_host

ORACLE = {
    private: PublicSuffixList(accept_unknown=False, only_icann=not private) for private in (False, True)
}
WILD = {
    r
    for seed, r in suffixes._rules(suffixes.path().read_text(encoding="utf-8"), True)
    if seed == suffixes.WILDCARD
}
"""What follows `*.`: to the oracle a suffix as well, to the algorithm (and tldextract) not."""
RULES = [r for _, r in suffixes._rules(suffixes.path().read_text(encoding="utf-8"), True)]


def found(hosts: list[str], private: bool = False) -> list[tuple[str | None, str | None]]:
    """(suffix, registered domain) of each host."""
    texts = view(pa.array(hosts))
    out = []
    for row, (suffix, domain) in enumerate(suffixes.find(*texts[:2], suffixes.load(private)).tolist()):
        stop = texts.offsets[row + 1]
        pair = [texts.data[a:stop].tobytes().decode() if a >= 0 else None for a in (suffix, domain)]
        out.append((pair[0], pair[1]))
    return out


@pytest.mark.parametrize(
    ("host", "suffix", "domain"),
    [
        ("example.com", "com", "example.com"),
        ("a.b.example.co.uk", "co.uk", "example.co.uk"),
        ("com", "com", None),
        ("co.uk", "co.uk", None),
        ("www.ck", "ck", "www.ck"),  # an exception to *.ck
        ("a.www.ck", "ck", "www.ck"),
        ("foo.ck", "foo.ck", None),
        ("bar.foo.ck", "foo.ck", "bar.foo.ck"),
        ("xn--55qx5d.cn", "xn--55qx5d.cn", None),
        ("shop.xn--55qx5d.cn", "xn--55qx5d.cn", "shop.xn--55qx5d.cn"),
        ("localhost", None, None),
        ("printer.lan", None, None),
        ("1.2.3.4", None, None),
        ("me.github.io", "io", "github.io"),
        ("", None, None),
    ],
)
def test_suffix_and_domain(host: str, suffix: str | None, domain: str | None) -> None:
    assert found([host]) == [(suffix, domain)]


def test_names_that_companies_give_out() -> None:
    assert found(["a.me.github.io", "github.io"], private=True) == [
        ("github.io", "me.github.io"),
        ("github.io", None),
    ]


@pytest.mark.parametrize("private", [False, True])
@given(
    st.lists(st.sampled_from(RULES), min_size=1), st.lists(st.sampled_from(["", "a.", "a.b.c."]), min_size=1)
)
def test_agrees_with_the_lists_own_algorithm(private: bool, rules: list[str], before: list[str]) -> None:
    hosts = [b + rule for rule in rules for b in before]
    for host, (suffix, domain) in zip(hosts, found(hosts, private), strict=True):
        if host not in WILD:
            assert domain == ORACLE[private].privatesuffix(host)
            assert suffix == ORACLE[private].publicsuffix(host)
    assert len(found(hosts, private)) == len(rules) * len(before) > 0


def test_agrees_with_the_tests_that_come_with_the_list() -> None:
    text = (suffixes.path().parent / "test_psl.txt").read_text(encoding="utf-8")
    cases = re.findall(r"^checkPublicSuffix\('([^']+)', (?:null|'([^']+)')\)", text, re.MULTILINE)
    known = [(h.lower(), d or None) for h, d in cases if not h.lower().endswith(("example", "local", "test"))]
    hosts = [normal_host(host.encode()) for host, _ in known]
    kept = [(h, d and normal_host(d.encode())) for h, (_, d) in zip(hosts, known, strict=True) if h]
    assert len(kept) > 60
    assert [domain for _, domain in found([h for h, _ in kept], private=True)] == [d for _, d in kept]


def test_every_rule_of_the_list_is_known() -> None:
    assert len(RULES) > 9_000
    pairs = found([f"x.y.{rule}" for rule in RULES], private=True)
    assert all(domain is not None for _, domain in pairs)
    assert np.all(np.diff(suffixes.load(True).hashes.astype(object)) > 0)


def test_a_host_of_many_labels_is_read_from_the_right() -> None:
    assert found(["a." * 5_000 + "example.com"]) == [("com", "example.com")]
