"""What every family of signals must do, in every profile: a new one gets these tests by being registered.

A family is a stage that measures, and mostly one of rules that decides. Golden values stand in golden/, a
file for each column: what a text has by the paper or the toolkit, with how one comes to it. Slow readings of
the definitions, and what only one family has, are tested in tests/stages/filters.
"""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PlanError
from pipeline.registry import find, stages
from pipeline.schema import ID, made_by
from pipeline.stage import Map
from stages.filters.measured import SignalRules, Signals
from stages.filters.urls.lists import UrlList
from stages.identify.language import LANGUAGE
from tests.stages.filters import (
    test_c4,
    test_fineweb,
    test_gopher,
    test_redpajama,
    test_refinedweb,
    test_repetition,
)

GOLDEN = Path(__file__).parent / "golden"
EVERY_PROFILE = ("paper", "datatrove", "dolma", "dclm", "curator")
RULES = {
    stage.measured_by: name for name in stages() if issubclass(stage := find("stages", name), SignalRules)
}
"""stage that measures -> stage that decides"""
MEASURING = [name for name in stages() if issubclass(find("stages", name), Signals) or name in RULES]

SHORT = 3000
"""Characters of a hostile text that a slow reading reads, where it is no reading line by line."""


class Family(NamedTuple):
    """What cannot be asked of the registered stages."""

    texts: st.SearchStrategy[str]
    """Texts of what its kernels look for."""
    reading: Callable[[str, str], Mapping[str, Any]]
    """reading(text, profile): columns and signals, some of them, as plain Python has them."""
    n_read: int = SHORT
    settings: Mapping[str, Any] = {}
    """Of the stage that measures; names of `LISTS` become files."""
    rules: Mapping[str, Any] = {}
    """Of the stage that decides, where golden values name reasons."""
    limits_are_settings: bool = False
    """Whether no limit is published, so that every one is the recipe's."""


def edits(reference: Callable[[str, str], tuple[str, dict[str, int]]], *not_read: str) -> Callable[..., Any]:
    """The reading of a stage that edits: text and counts."""

    def read(text: str, profile: str) -> dict[str, Any]:
        kept, counts = reference(text, profile)
        return {"text": kept} | {k: n for k, n in counts.items() if k not in not_read}

    return read


def fineweb(text: str, profile: str) -> dict[str, float]:
    words = test_fineweb.split(text) if profile == "paper" else []
    signals = test_fineweb.reference(text, profile, words)
    return signals if profile == "paper" else {k: v for k, v in signals.items() if k.startswith("frac")}


def url(text: str, profile: str) -> dict[str, int]:
    """What can be counted on an address without scheme and escapes; C0 controls and spaces are none of it."""
    text = text.strip("".join(map(chr, range(33))))
    return {
        "n_chars": len(text),
        "n_digits": sum(map(text.count, "0123456789")),
        "n_hyphens": text.count("-"),
    }


FAMILIES = {
    "gopher_signals": Family(
        texts=test_gopher.TEXT | test_gopher.PHRASES,
        reading=lambda text, profile: test_gopher.READINGS[profile](text),
    ),
    "repetition_signals": Family(
        texts=test_repetition.TEXTS,
        reading=lambda text, profile: dict(
            zip(test_repetition.NAMES, test_repetition.READINGS[profile](text), strict=True)
        ),
    ),
    "fineweb_signals": Family(texts=test_fineweb.TEXTS, reading=fineweb),
    "c4_lines": Family(
        texts=test_c4.TEXTS,
        reading=edits(test_c4.reference, "n_chars", "n_sentences", "n_bad_words", "frac_bytes_kept"),
        n_read=400_000,
        settings={"bad_words": "bad"},
        rules={"min_n_sentences": None},  # DCLM counts them with nltk
    ),
    "refinedweb_lines": Family(
        texts=test_refinedweb.TEXTS,
        reading=edits(test_refinedweb.reference, "frac_words_removed"),
        n_read=300_000,
    ),
    "redpajama_signals": Family(
        texts=test_redpajama.TEXTS | test_redpajama.REPEATED,
        reading=lambda text, _: test_redpajama.reference(text),
        settings={"stop_words": "stop", "bad_words": "bad"},
    ),
    "url_signals": Family(
        texts=st.sampled_from(["http://good.com/a", "http://x.bad.com/"])
        | st.lists(
            st.sampled_from(["http://", "a.", "bad.com", "é", "/", "?", "&", "%41", "1", "-", "@"])
        ).map("".join),
        reading=url,
        settings={"lists": "urls"},
        limits_are_settings=True,
    ),
}
LISTS = {
    "stop": json.dumps({"en": test_redpajama.STOP}),
    "bad": json.dumps({"en": [*test_redpajama.BAD, "blib"]}),
    "urls": "bad.com\n",
    "scores.csv": "url,score\nhttp://good.com/a,3\nhttp://good.com/a/,2\n",
}


def profiles(name: str) -> tuple[str, ...]:
    stage = find("stages", name)
    return stage.profiles if issubclass(stage, Signals) else rules_of(name).known_profiles()


def rules_of(name: str) -> type[SignalRules]:
    rules: type[SignalRules] = find("stages", RULES[name])
    return rules


PROFILED = [(name, profile) for name in MEASURING for profile in profiles(name)]
DECIDING = [(name, profile) for name, profile in PROFILED if name in RULES]
each_profile = pytest.mark.parametrize(("name", "profile"), PROFILED)
each_rules_profile = pytest.mark.parametrize(("name", "profile"), DECIDING)
each_rules = pytest.mark.parametrize("name", RULES)


@pytest.fixture(scope="session")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the lists that settings name."""
    folder = tmp_path_factory.mktemp("lists")
    for name, content in LISTS.items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def measuring(name: str, profile: str, listed: Path) -> Map:
    settings = {k: str(listed / v) for k, v in FAMILIES[name].settings.items()}
    if "lists" in settings:
        scored = UrlList(path=str(listed / "scores.csv"), format="scored")
        lists = (UrlList(path=str(listed / "urls"), format="domains", name="bad"), scored)
        settings = {"lists": lists if profile == "paper" else lists[:1]}  # datatrove has no scores
    step: Map = find("stages", name)(profile=profile, **settings)
    step.check()
    return step


def batch(name: str, texts: list[str | None]) -> pa.RecordBatch:
    (column,) = find("stages", name).reads.names
    ids = pa.array([f"doc-{i}" for i in range(len(texts))], pa.string())
    return pa.record_batch({"id": ids, column: pa.array(texts, pa.string())})


def declared(name: str) -> pa.Field:
    """The struct column of a family."""
    stage = find("stages", name)
    return next(f for f in stage.adds if pa.types.is_struct(f.type))


def measured(step: Map, name: str, texts: list[str | None]) -> list[dict[str, Any] | None]:
    """Signals of each text; the text itself is among them where the stage edits it."""
    out = step.process(batch(name, texts))
    rows = zip(
        out["text"].to_pylist() if "text" in step.makes().names else texts,
        out[declared(name).name].to_pylist(),
        strict=True,
    )
    return [None if signals is None else {"text": text, **signals} for text, signals in rows]


def test_every_family_is_described_here() -> None:
    assert sorted(MEASURING) == sorted(FAMILIES)
    assert {len(find("stages", name).reads) for name in MEASURING} == {1}
    assert len(DECIDING) >= 20
    assert [n for n in RULES if rules_of(n).known_profiles() != profiles(n)] == []
    assert {n: find("stages", r).stage for n, r in RULES.items()} == RULES


# Golden values


class Expected(NamedTuple):
    """Rows of a golden file about one text in one profile."""

    name: str
    profile: str
    text: str
    values: dict[str, str]


def unescaped(text: str) -> str:
    """With escapes as Python has them, and ⟨ab×3⟩ for ababab."""
    text = text.encode("raw_unicode_escape").decode("unicode_escape")
    return re.sub("⟨(.+?)×([0-9]+)⟩", lambda m: m[1] * int(m[2]), text, flags=re.DOTALL)


def rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


@lru_cache
def golden() -> list[Expected]:
    """Signal `*` stands for those the text has no line for; several signals in a line are equal."""
    found = []
    for name in MEASURING:
        texts: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        for row in rows(GOLDEN / f"{declared(name).name}.csv"):
            texts[row["profile"], unescaped(row["text"])] |= dict.fromkeys(
                row["signal"].split(), row["value"]
            )
        for (profile, text), values in texts.items():
            others = values.pop("*", None)
            every = {f.name: others for f in declared(name).type if others is not None}
            found.append(Expected(name, profile, text, every | values))
    return found


def shown(value: Any, expected: str) -> Any:
    """A value as golden files have it: numbers as equal fractions are."""
    match value:
        case None | bool():
            return "null" if value is None else str(value).lower()
        case int() | float():
            number = (
                pytest.approx(float(Fraction(expected)), rel=1e-12, abs=0) if expected != "null" else None
            )
            return expected if value == number else str(value)
        case list():
            return " ".join(value)
    return value


@pytest.mark.parametrize("case", golden(), ids=lambda case: f"{case.name}-{case.profile}-{case.text[:40]!r}")
def test_golden_values(case: Expected, listed: Path) -> None:
    step = measuring(case.name, case.profile, listed)
    (signals,) = measured(step, case.name, [case.text])
    assert signals is not None
    if {"reason", "reasons"} & case.values.keys():
        rules = rules_of(case.name)(profile=case.profile, **FAMILIES[case.name].rules)
        (named,) = rules.reasons(step.process(batch(case.name, [case.text]))).to_pylist()
        signals |= {
            "reasons": named,
            "reason": case.values.get("reason") if case.values.get("reason") in named else None,
        }
    values = {k: unescaped(v) if k == "text" else v for k, v in case.values.items()}
    assert {k: shown(signals[k], v) for k, v in values.items()} == values


@pytest.mark.parametrize("name", MEASURING)
def test_there_are_golden_values_of_every_profile_and_every_signal(name: str) -> None:
    mine = [case for case in golden() if case.name == name]
    assert {case.profile for case in mine} == {*profiles(name)}
    assert {f.name for f in declared(name).type} - {
        signal for case in mine for signal in case.values
    } == set()
    assert len(mine) >= 5


# Null, nothing, and neighbours


@each_profile
def test_null_is_null_and_an_empty_text_is_measured(name: str, profile: str, listed: Path) -> None:
    step = measuring(name, profile, listed)
    nothing, empty = measured(step, name, [None, ""])
    assert nothing is None
    assert empty == measured(step, name, [""])[0]
    assert empty is not None
    out = step.process(batch(name, [None, "", None]))
    columns = {*step.makes().names, *step.needs().names}
    assert {c: out.column(c).is_null().to_pylist() for c in columns} == {
        c: [True, False, True] for c in columns
    }
    assert step.process(batch(name, [])).num_rows == 0
    assert step.process(batch(name, [None])).num_rows == 1


@each_profile
@given(data=st.data())
def test_neither_the_cut_into_batches_nor_neighbours_matter(
    name: str, profile: str, listed: Path, data: st.DataObject
) -> None:
    texts = data.draw(st.lists(st.none() | FAMILIES[name].texts, max_size=8))
    at = data.draw(st.integers(0, 8))
    step, given_batch = measuring(name, profile, listed), batch(name, texts)
    whole = step.process(given_batch)
    assert [
        row
        for part in (given_batch.slice(0, at), given_batch.slice(at))
        for row in step.process(part).to_pylist()
    ] == whole.to_pylist()
    order = pa.array(range(len(texts))[::-1], pa.int64())
    assert step.process(given_batch.take(order)).to_pylist() == whole.to_pylist()[::-1]
    whole.validate(full=True)
    assert whole.schema.equals(step.flow(given_batch.schema))
    assert whole.schema.field(declared(name).name).type == declared(name).type
    assert made_by(whole.schema.field(declared(name).name)) == f"profile {profile}"
    if name in RULES:
        rules = rules_of(name)(profile=profile)
        reasons = rules.reasons(whole).to_pylist()
        assert len(reasons) == len(texts)
        assert (
            rules.reasons(whole.slice(0, at)).to_pylist() + rules.reasons(whole.slice(at)).to_pylist()
            == reasons
        )


# Hostile texts


HOSTILE = {
    "a": 3_000_000,
    "\n": 1_000_000,
    "…": 300_000,
    "#": 900_000,
    "語": 300_000,
    "👍🏽": 200_000,
    "\0": 1000,
    "\ufffd ": 1000,
    "שלום ": 1000,
    "العربية. ": 2000,
    "语言。": 5000,
    "한": 50_000,
    "ΐ": 50_000,
    "👩\u200d👩": 1000,
    "A": 300_000,
    "1": 300_000,
    ".": 100_000,
    "[": 300_000,
    "{": 100_000,
    "[1": 200_000,
    ". ": 300_000,
    "a ": 100_000,
    "a b ": 200_000,
    "-\n": 300_000,
    "a\n": 400_000,
    "1 like\n": 20_000,
    "use cookie": 50_000,
    "sign-in": 30_000,
    "items in cart": 30_000,
}
TEXTS = [unit * n for unit, n in HOSTILE.items()] + ["\n\n".join(map(str, range(100_000)))]


@each_profile
def test_hostile_texts_have_the_values_of_the_slow_reading(name: str, profile: str, listed: Path) -> None:
    """In seconds: quadratic work on a megabyte would not end."""
    step, family = measuring(name, profile, listed), FAMILIES[name]
    n_finite = 0
    for signals in measured(step, name, list(TEXTS)):
        assert signals is not None
        numbers = [v for v in signals.values() if isinstance(v, int | float)]
        assert all(0 <= v < float("inf") for v in numbers)
        n_finite += len(numbers) > 3
    assert n_finite == len(TEXTS)
    read = [text[: family.n_read] for text in TEXTS]
    expected = [family.reading(text, profile) for text in read]
    for text, signals, theirs in zip(read, measured(step, name, list(read)), expected, strict=True):
        assert signals is not None
        assert theirs
        assert {k: signals[k] for k in theirs} == {
            k: pytest.approx(v, rel=1e-12, abs=1e-12) if isinstance(v, float) else v
            for k, v in theirs.items()
        }, text[:20]


# Rules


@lru_cache
def published() -> dict[tuple[str, str], dict[str, float]]:
    limits: dict[tuple[str, str], dict[str, float]] = {key: {} for key in DECIDING}
    for row in rows(GOLDEN / "limits.csv"):
        for profile in row["profiles"].split():
            limits[row["family"], profile][row["rule"]] = float(row["limit"])
    return limits


def row_of(name: str, **values: float) -> dict[str, Any]:
    """Signals of which each is 0, unless `values` has it."""
    numbers = {
        f.name: 0 for f in declared(name).type if pa.types.is_integer(f.type) or pa.types.is_floating(f.type)
    }
    lists = {f.name: [] for f in declared(name).type if pa.types.is_list(f.type)}
    return numbers | lists | values


def reasons(name: str, rules: SignalRules, *signals: dict[str, Any] | None) -> list[list[str]]:
    column = declared(name)
    array = pa.array(signals, column.type)
    ids = pa.array([f"doc-{i}" for i in range(len(signals))])
    named: list[list[str]] = rules.reasons(
        pa.RecordBatch.from_arrays([ids, array], schema=pa.schema([ID, column]))
    ).to_pylist()
    return named


def worse(name: str, rule: str, limit: float) -> float:
    """The next value beyond a limit."""
    step = -1 if rule.startswith("min_") else 1
    if pa.types.is_integer(declared(name).type.field(rule[4:]).type):
        return int(limit) + step
    return float(np.nextafter(limit, step * np.inf))


def good(name: str, profile: str) -> dict[str, Any]:
    """The worst document that a profile keeps: it is at every lower limit, and has nothing of the rest."""
    at = {rule[4:]: limit for rule, limit in published()[name, profile].items() if rule.startswith("min_")}
    types = {f.name: f.type for f in declared(name).type}
    return row_of(name, **{k: int(v) if pa.types.is_integer(types[k]) else v for k, v in at.items()})


@each_rules_profile
def test_limits_are_the_published_ones(name: str, profile: str) -> None:
    assert rules_of(name)(profile=profile).limits() == published()[name, profile]
    assert published()[name, profile] or FAMILIES[name].limits_are_settings


@each_rules_profile
def test_each_rule_allows_its_limit_and_nothing_worse(name: str, profile: str) -> None:
    stage, limits, fine = rules_of(name), published()[name, profile], good(name, profile)
    for rule in stage.rules():
        own: dict[str, Any] = {"profile": profile} if rule in limits else {"profile": profile, rule: 7.0}
        limit = limits.get(rule, 7.0)
        rows_ = [
            fine | {rule[4:]: limit if isinstance(fine[rule[4:]], float) else int(limit)},
            fine | {rule[4:]: worse(name, rule, limit)},
        ]
        others = {r: None for r in limits if r != rule and r[4:] == rule[4:]}
        assert reasons(name, stage(**own, **others), *rows_) == [[], [rule]], rule
        assert reasons(name, stage(**own | others | {rule: None}), *rows_) == [[], []], rule
        if rule not in limits:
            assert reasons(name, stage(profile=profile, **others), *rows_) == [[], []], rule
    assert len(stage.rules()) > 2
    assert {*limits} <= {*stage.rules()}


@each_rules
def test_all_rules_that_fail_are_named_in_their_order(name: str) -> None:
    stage = rules_of(name)
    limits = {
        rule: 7.0
        for rule in stage.rules()
        if f"min_{rule[4:]}" == rule or f"min_{rule[4:]}" not in stage.rules()
    }
    bad = row_of(name, **{rule[4:]: worse(name, rule, 7.0) for rule in limits})
    fine = row_of(name, **{rule[4:]: 7 for rule in limits})
    off = dict.fromkeys(rule for rule in stage.rules() if rule not in limits)
    settings: dict[str, Any] = limits | off
    assert reasons(name, stage(**settings), fine, bad, fine) == [[], [*limits], []]
    assert len(limits) > 2


@each_rules
def test_documents_without_signals_are_dropped_for_that_alone(name: str) -> None:
    stage = rules_of(name)
    rule, other = [r for r in stage.rules() if r != "min_score"][:2]  # who is in no list has no score
    if other[4:] == rule[4:]:
        other = stage.rules()[2]
    settings: dict[str, Any] = dict.fromkeys(stage.rules()) | {rule: 7.0, other: 7.0}
    fine = row_of(name, **{rule[4:]: 7, other[4:]: 7})
    unmeasured = fine | {rule[4:]: None, other[4:]: worse(name, other, 7.0)}
    assert reasons(name, stage(**settings), None, unmeasured, fine) == [["no_signals"], ["no_signals"], []]
    off = settings | {rule: None}
    assert reasons(name, stage(**off), None, unmeasured, fine) == [["no_signals"], [other], []]
    assert reasons(name, stage(**settings)) == []


@each_rules
def test_limits_of_a_language(name: str, tmp_path: Path) -> None:
    stage, file = rules_of(name), tmp_path / "languages.yaml"
    rule = next(r for r in stage.rules() if r.startswith("max_"))
    file.write_text(f"th: {{{stage.stage}: {{{rule}: 99}}}}\n")
    settings: dict[str, Any] = dict.fromkeys(r for r in stage.rules() if r != rule)
    published_limit = stage().limits().get(rule)
    rules = stage(languages=str(file), **settings)
    rules.check()
    labels = pa.array([{"label": "th", "score": 1.0}, {"label": "en", "score": 1.0}, None], LANGUAGE.type)
    signals = pa.array([row_of(name, **{rule[4:]: 99})] * 3, declared(name).type)
    given_batch = pa.RecordBatch.from_arrays([signals, labels], schema=pa.schema([declared(name), LANGUAGE]))
    broken = [rule] if published_limit is not None and published_limit < 99 else []
    assert rules.reasons(given_batch).to_pylist() == [[], broken, broken]
    file.write_text(f"th: {{{stage.stage}: {{{rule[:-1]}: 99}}}}\n")
    with pytest.raises(PlanError, match=f"did you mean '{rule}'"):
        rules.check()


@each_rules
def test_rules_want_the_signals_of_their_profile(name: str) -> None:
    stage, measure = rules_of(name), find("stages", name)
    before = pa.schema([ID, *measure.reads])
    for profile in profiles(name):
        schema = measure(profile=profile).flow(before)
        stage(profile=profile).flow(schema)
        for other in profiles(name):
            if other != profile:
                with pytest.raises(
                    PlanError, match=f"made by profile {other}, but it was made by profile {profile}"
                ):
                    stage(profile=other).flow(schema)
    with pytest.raises(PlanError, match=f"put `- use: {name}` before it"):
        stage().flow(before)


@pytest.mark.parametrize("name", [*MEASURING, *RULES.values()])
def test_other_profiles_are_refused(name: str) -> None:
    stage = find("stages", name)
    mine = stage.known_profiles() if issubclass(stage, SignalRules) else profiles(name)
    stage(profile=mine[-1]).check()
    for profile in (*(p for p in EVERY_PROFILE if p not in mine), "nobody"):
        with pytest.raises(PlanError, match=f"profile must be one of {', '.join(mine)}, not {profile}"):
            stage(profile=profile).check()
