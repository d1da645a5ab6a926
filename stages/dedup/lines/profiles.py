"""What published pipelines did to lines and sentences that occur twice, as settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from pipeline.errors import PlanError

Profile: TypeAlias = Literal["ccnet", "c4", "c4_program", "datatrove", "baichuan2", "boilerplate"]
Keep: TypeAlias = Literal["first", "none"]
"""Document that keeps a unit which several share: the first, or none."""
Repeats: TypeAlias = Literal["drop", "keep"]

_OWN: Mapping[str, Any] = {
    "unit": "line",
    "span": 1,
    "sentences": "unicode",
    "normalize": "whitespace",
    "within": "corpus",
    "keep": "first",
    "repeats": "drop",
    "min_documents": 2,
    "min_frac_documents": 0.0,
    "min_chars": 1,
    "min_words": 0,
    "min_words_removed": 0,
    "min_words_left": 0,
    "min_sentences_left": 0,
}

PROFILES: Mapping[str, Mapping[str, Any]] = {
    "ccnet": {"normalize": "cc_net", "keep": "none", "min_chars": 0},
    "c4": {"unit": "span", "span": 3, "min_sentences_left": 3},
    "c4_program": {"normalize": "lower", "min_chars": 0, "min_sentences_left": 3},
    "datatrove": {
        "unit": "span",
        "span": 3,
        "sentences": "english",
        "normalize": "datatrove",
        "min_words_left": 50,
        "min_sentences_left": 3,
    },
    "baichuan2": {"unit": "sentence"},
    "boilerplate": {
        "within": "domain",
        "keep": "none",
        "repeats": "keep",
        "min_documents": 5,
        "min_frac_documents": 0.1,
    },
}


def settings_of(profile: Profile, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a profile, where `given` does not say otherwise.

    Raises:
        PlanError: they do not go together.
    """
    own = {**_OWN, **PROFILES[profile]}
    if given.get("unit", "profile") not in ("profile", own["unit"]):
        own["span"] = 3 if given["unit"] == "span" else 1
    settings = {**own, **{k: v for k, v in given.items() if v != "profile"}}
    if settings["unit"] != "span" and settings["span"] != 1:
        raise PlanError("span: counts the sentences of a span; say `unit: span`")
    if settings["keep"] == "first" and (settings["min_documents"] != 2 or settings["min_frac_documents"]):
        raise PlanError("keep: where the first document keeps a unit, how many have it does not matter; "
                        "min_documents and min_frac_documents go with `keep: none`")  # fmt: skip
    return settings
