"""Measure in one step, decide in another: what all stages of signals share, and all stages of rules.

A stage of signals adds one struct column of numbers. A stage of rules holds limits, each named `min_` or
`max_` and the signal. *Profiles* say whose definitions and limits are meant where toolkits differ; both
stages of a family name the same one, and the plan refuses what does not fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from pipeline.errors import PlanError
from pipeline.registry import suggest
from pipeline.schema import TEXT, made, put
from pipeline.stage import Filter, Map
from pipeline.store import digest
from stages.identify.language import LANGUAGE

Profile: TypeAlias = Literal["paper", "datatrove", "dolma", "dclm", "curator"]
"""Whose reading of a rule set: the paper's (ours where it is silent), or that of a toolkit."""
Limit: TypeAlias = float | Literal["profile"] | None
"""A threshold, which itself is allowed; `profile`: the profile's own; None: the rule is off."""
Limits: TypeAlias = Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Signals(Map):
    """A stage that measures numbers of each text, one struct column of them."""

    version: ClassVar[int] = 2
    signals: ClassVar[pa.Field]
    """The struct column. Its fields are int64 or float64."""
    profiles: ClassVar[tuple[str, ...]] = ("paper",)
    """Names of the profiles it knows, the default first."""
    reads: ClassVar[pa.Schema] = pa.schema([TEXT])

    profile: Profile = "paper"
    """Whose definitions: `paper`, or those of a toolkit (docs/heuristics.md tells them apart)."""

    def __init_subclass__(cls) -> None:
        cls.adds = pa.schema([cls.signals])

    def check(self) -> None:
        known(self.profile, self.profiles)

    def makes(self) -> pa.Schema:
        return pa.schema([self._column()])

    def _column(self) -> pa.Field:
        return made(self.signals, f"profile {self.profile}")

    def measure(self, batch: pa.RecordBatch) -> npt.NDArray[np.float64]:
        """float64 [rows, signals] in the order of the column's fields; rows of null text mean nothing."""
        raise NotImplementedError

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        measured = self.measure(batch)
        fields_ = list(self.signals.type)
        arrays = [pa.array(measured[:, i]).cast(f.type) for i, f in enumerate(fields_)]
        struct = pa.StructArray.from_arrays(arrays, fields=fields_, mask=batch.column("text").is_null())
        return put(batch, self._column(), struct)


@dataclass(frozen=True, kw_only=True)
class SignalRules(Filter):
    """A stage that drops documents whose signals are outside limits: its fields `min_…` and `max_…`.

    A limit is looked for in the recipe, then in the file of `languages`, then in the profile.
    """

    signals: ClassVar[pa.Field]
    """The struct column it decides on."""
    measured_by: ClassVar[str]
    """Registered name of the stage that adds it."""
    stage: ClassVar[str]
    """Registered name of the stage itself, which the file of `languages` goes by."""
    published: ClassVar[Mapping[str, Limits]]
    """profile -> rule -> limit. What the first profile holds is the default of the others."""

    profile: Profile = "paper"
    """Whose limits: `paper`, or those of a toolkit."""
    languages: str | None = None
    """A YAML file of limits by language, as `pipeline fit` writes it: language -> stage -> rule -> limit."""

    def __init_subclass__(cls) -> None:
        cls.reads = pa.schema([cls.signals])

    @classmethod
    def known_profiles(cls) -> tuple[str, ...]:
        """Names of the profiles it has limits for, the default first."""
        return tuple(cls.published)

    @classmethod
    def rules(cls) -> list[str]:
        """Names of the rules, in the order in which reasons are named."""
        return [f.name for f in fields(cls) if f.name.startswith(("min_", "max_"))]

    def check(self) -> None:
        known(self.profile, self.known_profiles())
        for language, limits in self._by_language().items():
            for rule in limits:
                if rule not in self.rules():
                    hint = suggest(rule, self.rules())
                    raise PlanError(f"{self.languages}: {language}: {self.stage} has no rule {rule!r}{hint}")

    def stamp(self) -> str:
        return digest(self.languages) if self.languages else ""

    def needs(self) -> pa.Schema:
        signals = made(self.signals, f"profile {self.profile}")
        return pa.schema([signals, *([LANGUAGE] if self.languages else [])])

    def limits(self, language: str | None = None) -> dict[str, float]:
        """rule -> limit for a document in `language`, without the rules that are off."""
        first, own = next(iter(self.published.values())), self.published[self.profile]
        by_language = self._by_language()
        tuned = by_language.get(language or "", by_language.get("default", {}))
        in_force: dict[str, float] = {}
        for rule in self.rules():
            limit: Limit = getattr(self, rule)
            if limit == "profile":
                limit = tuned.get(rule, own.get(rule, first.get(rule)))
            if limit is not None:
                in_force[rule] = float(limit)
        return in_force

    def reasons(self, batch: pa.RecordBatch) -> pa.ListArray:
        return named(self.failed(batch), ["no_signals", *self.rules()])

    def failed(self, batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """bool [rows, 1 + rules]: whether a signal is missing, and which rules each row breaks."""
        tuned = [k for k in self._by_language() if k != "default"]
        limits = np.array(
            [[self.limits(k).get(rule, np.nan) for rule in self.rules()] for k in [None, *tuned]], np.float64
        )
        group = groups(batch.column("language"), tuned) if tuned else np.zeros(len(batch), np.int64)
        return broken(batch.column(self.signals.name), self.rules(), limits[group])

    def _by_language(self) -> Mapping[str, Limits]:
        if not self.languages:
            return {}
        tuned = load_languages(self.languages, digest(self.languages))
        return {k: v[self.stage] for k, v in tuned.items() if self.stage in v}


def broken(
    signals: pa.StructArray, rules: Sequence[str], limits: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """bool [rows, 1 + rules]: whether a ruled signal is null, and else which rules each row breaks.

    `limits` is float64 [rows, rules], NaN where a rule is off.
    """
    failed = np.zeros((len(signals), 1 + len(rules)), np.bool_)
    failed[:, 0] = signals.is_null().to_numpy(zero_copy_only=False)
    for i, rule in enumerate(rules, start=1):
        limit = limits[:, i - 1]
        if np.isnan(limit).all():
            continue
        signal = pc.struct_field(signals, rule[4:])
        values = pc.fill_null(signal.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)
        failed[:, i] = values < limit if rule.startswith("min_") else values > limit
        failed[:, 0] |= signal.is_null().to_numpy(zero_copy_only=False) & ~np.isnan(limit)
    failed[failed[:, 0], 1:] = False
    return failed


def groups(language: pa.StructArray, labels: Sequence[str]) -> npt.NDArray[np.int64]:
    """int64 [rows]: 1 + where a row's language stands in `labels`, or 0."""
    index = pc.index_in(pc.struct_field(language, "label"), pa.array(labels, pa.string()))
    group: npt.NDArray[np.int64] = pc.fill_null(pc.add(index, 1), 0).to_numpy(zero_copy_only=False)
    return group.astype(np.int64)


def named(failed: npt.NDArray[np.bool_], names: Sequence[str]) -> pa.ListArray:
    """list<string> [rows]: of bool [rows, names] the names that are true."""
    ends = np.concatenate([[0], np.cumsum(failed.sum(axis=1))]).astype(np.int32)
    reasons = pa.array(names, pa.string()).take(pa.array(failed.nonzero()[1], pa.int64()))
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), reasons)


def known(profile: str, profiles: Sequence[str]) -> None:
    """Raise PlanError where a stage has no such profile."""
    if profile not in profiles:
        raise PlanError(f"profile must be one of {', '.join(profiles)}, not {profile}")


@lru_cache(maxsize=8)
def load_languages(path: str, content: str) -> dict[str, dict[str, Any]]:
    """language -> what is tuned for it: `stop_words`, and stage -> rule -> limit. `content` keys the cache.

    Raises:
        PlanError: the file does not hold that.
    """
    try:
        tuned = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PlanError(f"{path}: {error}") from error
    if not isinstance(tuned, dict) or not all(isinstance(k, str) for k in tuned):
        raise PlanError(f'{path}: must be a mapping of languages (quote "no": YAML reads it as false)')
    for language, stages in tuned.items():
        if not isinstance(stages, dict):
            raise PlanError(f"{path}: {language}: must be a mapping of stages to limits")
    return tuned
