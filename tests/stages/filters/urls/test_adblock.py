from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from stages.filters.urls.adblock import MAX_CHARS, AdblockRule, AdblockRules, parse
from stages.urls.address import take_apart


def matching(lines: list[str], *urls: str | None) -> list[tuple[int, str]]:
    """(row, rule) of all that block; hosts are looked up as the stage does."""
    rules, hosts = AdblockRules.read(lines)
    addresses = take_apart(pa.array(urls, pa.string()))
    texts = addresses.hosts
    names = [
        texts.data[a:b].tobytes().decode() for a, b in zip(texts.offsets, texts.offsets[1:], strict=False)
    ]
    domains = {
        row: found
        for row, name in enumerate(names)
        if (found := [h for h in hosts if name == h or name.endswith("." + h)])
    }
    return list(rules.match(addresses, domains))


def blocks(line: str, url: str) -> bool:
    return matching([line], url) != []


@pytest.mark.parametrize(
    ("rule", "url", "want"),
    [
        ("||ads.com^", "http://ads.com", True),
        ("||ads.com^", "https://x.ads.com:80/y", True),
        ("||ads.com^", "http://bads.com/", False),
        ("||ads.com^", "http://ads.com.org/", False),
        ("||ads.com^", "http://a.org/?u=ads.com/", False),
        ("||ads.com/banner", "http://x.ads.com/banners/1", True),
        ("||ads.com/banner", "http://x.ads.com/a/banner", False),
        ("||ads.", "http://x.ads.org/", True),
        ("||ads.", "http://a.org/ads.x", False),
        ("|http://a.", "http://a.org/", True),
        ("|http://a.", "http://b.org/?http://a.", False),
        (".swf|", "http://a.org/x.swf", True),
        (".swf|", "http://a.org/x.swf?y", False),
        ("/ads/*/big^", "http://a.org/ads/x/y/big?z", True),
        ("/ads/*/big^", "http://a.org/ads/x/y/bigger", False),
        ("/ads/*/big^", "http://a.org/ads/x/big", True),
        ("*/ads/*", "http://a.org/ads/", True),
        ("||a.org^*/x^", "http://a.org/y/x", True),
        ("||a.org^*/x^", "http://a.org/x", False),
        ("^ads^", "http://a.org/ads/", True),
        ("^ads^", "http://a.org/x-ads/", False),
        ("^ads^", "http://a.org/x?ads", True),
        ("/Banner/", "http://a.org/bANNER/x", True),
        ("/Banner/$match-case", "http://a.org/banner/x", False),
        ("/Banner/$match-case", "http://a.org/Banner/x", True),
        ("/Banner/*$match-case", "http://a.org/Banner/x", True),
        (r"/ad[0-9]+\.html/", "http://a.org/ad12.html", True),
        (r"/ad[0-9]+\.html/", "http://a.org/ad.html", False),
        (r"/x[0-9]/$domain=a.org", "http://a.org/x1", True),
        (r"/x[0-9]/$domain=a.org", "http://b.org/x1", False),
        ("/x/*$domain=a.org|~b.a.org", "http://c.a.org/x/", True),
        ("/x/*$domain=a.org|~b.a.org", "http://b.a.org/x/", False),
        ("/x/*$domain=a.org|~b.a.org", "http://c.org/x/", False),
        ("/x/*$domain=~a.org", "http://c.org/x/", True),
        ("/x/*$domain=~a.org", "http://b.a.org/x/", False),
        ("*$domain=a.org", "http://b.a.org/", True),
        ("price$x^", "http://a.org/price$x", True),
        ("||ads.com^$document", "http://ads.com/", True),
        ("||ads.com^$popup", "http://ads.com/", True),
        ("||ads.com^$~image,~third-party", "http://ads.com/", True),
        ("||é.com/x", "http://é.com/x", True),
    ],
)
def test_rules(rule: str, url: str, want: bool) -> None:
    assert blocks(rule, url) is want


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("! a comment", "comment"),
        ("[Adblock Plus 2.0]", "comment"),
        ("# hosts file", "comment"),
        ("example.com##.banner", "cosmetic"),
        ("##.banner", "cosmetic"),
        ("example.com#@#.banner", "cosmetic"),
        ("example.com#?#div:has(x)", "cosmetic"),
        ("example.com#$#abort x", "cosmetic"),
        ("example.com##+js(x)", "cosmetic"),
        ("example.com$$script[x]", "cosmetic"),
        ("||a.com^$script", "resource"),
        ("||a.com^$image,xhr", "resource"),
        ("||a.com^$~document", "resource"),
        ("||a.com^$third-party", "third_party"),
        ("||a.com^$popup,3p", "third_party"),
        ("||a.com^$~first-party", "third_party"),
        ("||a.com^$csp=script-src 'none'", "unsupported"),
        ("||a.com^$removeparam=x", "unsupported"),
        ("||a.com^$redirect=noop.js", "unsupported"),
        ("||a.com^$badfilter", "unsupported"),
        ("@@||a.com^$generichide", "unsupported"),
        ("*", "unsupported"),
        ("||", "unsupported"),
    ],
)
def test_lines_that_are_no_rules_for_documents(line: str, why: str) -> None:
    if line.endswith("'none'"):
        line = line.replace(" 'none'", "")
    assert parse(line) == why
    rules, hosts = AdblockRules.read([line])
    assert (rules.rules, hosts, rules.skipped[why]) == ([], [], 1)


def test_an_expression_that_re2_does_not_take_is_counted() -> None:
    rules, _ = AdblockRules.read(["/(?=x)y/", "/ok[0-9]/"])
    assert [r.text for r in rules.rules] == ["/ok[0-9]/"]
    assert rules.skipped == {"unsupported": 1}


def test_plain_hosts_are_left_to_the_table() -> None:
    rules, hosts = AdblockRules.read(
        ["||A.com^", "||b.com^$all", "||c.com^$important", "||d.com^|", "||e.com/", "||f*.com^"]
    )
    assert hosts == ["a.com", "b.com"]
    assert [r.text for r in rules.rules] == ["||c.com^$important", "||d.com^|", "||e.com/", "||f*.com^"]


def test_exceptions_save_and_importance_beats_them() -> None:
    lines = ["||a.com^", "/ads/*", "@@||a.com/good", "@@/fine/$document", "||a.com/evil$important"]
    urls = (
        "http://a.com/",
        "http://a.com/good/ads/",
        "http://b.com/ads/fine/",
        "http://a.com/evil/fine/",
        None,
    )
    assert matching(lines, *urls) == [(0, "||a.com^"), (3, "||a.com/evil$important")]


def test_all_rules_that_match_are_named() -> None:
    rows = matching(["||a.com^", "/ads/*", "^ads^x"], "http://a.com/ads/x", "http://b.com/")
    assert rows == [(0, "||a.com^"), (0, "/ads/*"), (0, "^ads^x")]


def test_the_text_that_leads_to_a_rule_is_the_longest() -> None:
    rule = parse("||x.com^*/Advert^ab")
    assert isinstance(rule, AdblockRule)
    assert rule.literal == "/advert"


UNLIKE_BRAVE = (
    "ad$match-case",
    "/Banner/*$match-case",
    "||example.org:8080^",
    "||ads.example|",
    "||ads.example^|",
)
"""Brave heeds match-case in expressions alone, knows no port of a host, and no end of one."""


def test_agrees_with_the_engine_of_brave() -> None:
    golden = json.loads(Path(__file__).with_name("adblock_brave.json").read_text(encoding="utf-8"))
    differ, n = [], 0
    for rule, want in golden["rules"].items():
        n += len(want)
        if [row for row, _ in matching([rule], *golden["urls"])] != want:
            differ.append(rule)
    assert n > 150
    assert tuple(differ) == UNLIKE_BRAVE


def test_wildcards_do_not_multiply() -> None:
    url = "http://a.com/" + "ab" * (MAX_CHARS // 2)
    assert not blocks("a*a*a*a*a*a*a*a*a*a*a*ac", url)
    assert blocks("a*a*a*a*a*a*a*a*b", url)


def test_nothing_behind_the_first_characters_is_looked_at() -> None:
    assert blocks("/end^", "http://a.com/" + "x" * (MAX_CHARS - 20) + "/end")
    assert not blocks("/end^", "http://a.com/" + "x" * MAX_CHARS + "/end")
