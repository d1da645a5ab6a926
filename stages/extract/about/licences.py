"""Licences by the names of the SPDX list, from the addresses that pages link to."""

from __future__ import annotations

import re

_CC = re.compile(
    r"creativecommons\.org/(?:licen[sc]es/(by(?:-(?:nc|nd|sa)){0,2}|sampling\+?|nc-sampling\+)"
    r"|(publicdomain)/(zero|mark))/?(?:(\d\.\d)(?:/([a-z]{2,3}(?:-[a-z]{2})?)(?![a-z.]))?)?",
    re.IGNORECASE,
)
_CC_WORDS = re.compile(
    r"\bCC(?:[ -](BY(?:-(?:NC|ND|SA)){0,2})|[ -]?(?:0|ZERO))\b(?:[ -](\d\.\d))?", re.IGNORECASE
)
_GNU = re.compile(
    r"gnu\.org/(?:copyleft|licenses)/(?:[a-z-]+/)?(fdl|gpl|lgpl|agpl)(?:-(\d\.\d))?", re.IGNORECASE
)
_OTHERS = (
    (re.compile(r"apache\.org/licenses/license-2\.0()", re.IGNORECASE), "Apache-2.0"),
    (re.compile(r"opensource\.org/licenses?/mit\b()", re.IGNORECASE), "MIT"),
    (re.compile(r"nationalarchives\.gov\.uk/doc/open-government-licence(?:/version/(\d))?"), "OGL-UK"),
)
_ADDRESS = re.compile(r"(?:https?:)?//\S{3,300}")


def licence_name(text: str) -> str | None:
    """`CC-BY-SA-4.0`, `CC0-1.0`, … of an address or name that says so; another address as it is; else None.

    A version that is not given is left out (`CC-BY`); ported licences keep their country (`CC-BY-3.0-DE`).
    """
    text = text.strip()[:500]
    if match := _CC.search(text):
        kind, public, mark, version, country = match.groups()
        if public:
            return f"CC0-{version or '1.0'}" if mark.lower() == "zero" else f"CC-PDM-{version or '1.0'}"
        ported = country.upper() if country and len(country) == 2 else None
        return "-".join(filter(None, ("CC", kind.upper(), version, ported)))
    if match := _CC_WORDS.search(text):
        kind, version = match.groups()
        return "-".join(filter(None, ("CC", kind.upper(), version))) if kind else f"CC0-{version or '1.0'}"
    if match := _GNU.search(text):
        name = match[1].upper().replace("FDL", "GFDL")
        return f"{name}-{match[2]}" if match[2] else name
    for pattern, name in _OTHERS:
        if match := pattern.search(text):
            return f"{name}-{match[1]}" if match[1] else name
    return match[0] if (match := _ADDRESS.match(text)) else None
