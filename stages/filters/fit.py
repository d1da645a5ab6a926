"""Fits limits and stop words of the heuristics to languages, on good documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from classifiers.card import CARD, Card
from classifiers.fit import SAMPLE, Fit
from classifiers.sampling import HeldoutFraction
from pipeline.bounds import Count, Fraction
from pipeline.errors import PlanError, RunError
from pipeline.registry import find, stages, suggest
from pipeline.schema import TEXT
from pipeline.section import Context
from pipeline.store import atomic
from stages.filters.adapt import file
from stages.filters.adapt.card import effect, summary
from stages.filters.adapt.frequent import frequencies, stop_words
from stages.filters.adapt.limits import Method, Values, adapted, loosened
from stages.filters.adapt.outcomes import Pair, measured, pairs
from stages.filters.adapt.reference import Reference
from stages.filters.measured import Profile, SignalRules

FILE = "languages.yaml"
LOSES = 0.2
"""Languages that lose a larger share under the limits for English are named in the card."""

Choice = Method | float | None
PUBLISHED: Mapping[str, Choice] = {
    "gopher_rules": "english",
    "gopher_rules.min_mean_word_length": "mean_std",
    "gopher_rules.max_mean_word_length": "mean_std",
    "gopher_rules.min_frac_alphabetic_words": "mean_std",
    "repetition_rules": "mean_std",
    "fineweb_rules": "tail",
    "fineweb_rules.max_newlines_per_word": "tail",
    "fineweb_rules.max_frac_short_lines": None,
    "fineweb_rules.max_frac_chars_duplicate_lines": 0.1,
}
"""What FineWeb2 did (docs/languages.md has how far that can be seen): stage, or stage.rule -> how."""
RULES = ("gopher_rules", "repetition_rules", "fineweb_rules")


@dataclass(frozen=True, kw_only=True)
class FitHeuristics(Fit):
    """Fit limits and stop words to the languages of good documents, English ones among them.

    Source: FineWeb2 (Penedo et al. 2025, arXiv:2506.20920) and its repository, huggingface/fineweb-2.
    """

    model: ClassVar[str] = "limits and stop words of the heuristics, by language"
    reads: ClassVar[pa.Schema] = pa.schema([TEXT])

    language: str = "language"
    """Column of languages: strings, or structs with `label` as `identify_language` adds them."""
    rename: dict[str, str] = field(default_factory=dict)
    """Language as it is named there -> as the rules will find it in `language.label`."""
    english: str = "en"
    """The language that the published limits were made for; it gets no entry."""
    profile: Profile = "paper"
    """Whose signals are measured, and whose limits are adapted."""
    rules: list[str] = field(default_factory=lambda: list(RULES))
    """Stages whose limits are adapted."""
    method: dict[str, Choice] = field(default_factory=dict)
    """stage, or stage.rule -> english, mean_std, quantile, tail or median_ratio; a number is the limit in all
    languages, null switches the rule off. What is not named here is as FineWeb2 has it."""
    tail: Fraction = 0.1
    """Share of the texts of a language that a rule of method `tail` drops."""
    max_dropped: Fraction = 0.1
    """An adapted limit that would drop more of the texts of its language is loosened; 1 leaves all alone."""
    stricter: bool = False
    """Whether an adapted limit may be stricter than that for English, as FineWeb2's may."""
    stop_word_frac: Fraction = 0.008
    """Words that are a larger share of all words are stop words."""
    min_stop_words: Count = 8
    """So many of the most frequent words are stop words in any case."""
    max_stop_words: Count = 64
    """Most stop words of a language."""
    n_documents: Count = 10_000
    """Texts of a language that are looked at, by a keyed hash; each text counts once."""
    min_documents: Count = 100
    """A language with fewer texts to fit to gets no entry."""
    heldout_frac: HeldoutFraction = 0.1
    """Share of the texts that nothing is fitted to: what limits drop is measured on them."""
    seed: int = 0
    """Another seed takes other texts, and holds out others."""

    def check(self, sources: list[str]) -> None:
        if self.n_documents < self.min_documents:
            raise PlanError(f"n_documents {self.n_documents}: fewer than min_documents {self.min_documents}")
        families = {
            k for k in stages() if k.endswith("_rules") and issubclass(find("stages", k), SignalRules)
        }
        for name in self.rules:
            if name not in families:
                raise PlanError(f"rules: {name!r} is no stage of rules{suggest(name, families)}")
        known = []
        for pair in pairs(self.rules, self.profile, None):
            pair.signals.check()
            pair.rules.check()
            known += [pair.rules.stage, *(f"{pair.rules.stage}.{rule}" for rule in pair.rules.rules())]
        for name in self.method:
            if name not in known:
                raise PlanError(f"method: none of the rules is {name!r}{suggest(name, known)}")

    def check_columns(self, schema: pa.Schema) -> None:
        super().check_columns(schema)
        index = schema.get_field_index(self.language)
        if index < 0:
            raise PlanError(
                f"language: they have no column {self.language!r}{suggest(self.language, schema.names)}; "
                "the step identify_language adds `language`"
            )
        type_ = schema.field(index).type
        labelled = pa.types.is_struct(type_) and type_.get_field_index("label") >= 0
        if not (labelled or pa.types.is_string(type_)):
            raise PlanError(
                f"language: column {self.language!r} is {type_}, neither text nor a struct with a label"
            )

    def choice(self, stage: str, rule: str) -> Choice:
        """How a rule is adapted: what the settings say of it, else of its stage, else what was published."""
        for table in (self.method, PUBLISHED):
            for name in (f"{stage}.{rule}", stage):
                if name in table:
                    return table[name]
        return "english"

    def fit(self, context: Context, folder: Path) -> Card:
        """Write `languages.yaml`.

        Raises:
            RunError: English, or all other languages, have fewer than `min_documents` texts.
        """
        reference = Reference.draw(
            context,
            folder / SAMPLE,
            language=self.language,
            rename=self.rename,
            n_documents=self.n_documents,
            heldout_frac=self.heldout_frac,
            seed=self.seed,
        )
        return Adaptation(self, reference, context, folder).run()


class Adaptation:
    """One fit: the reference texts, and what is found in them."""

    def __init__(self, settings: FitHeuristics, reference: Reference, context: Context, folder: Path):
        self.settings, self.reference, self.context, self.folder = settings, reference, context, folder
        sizes = {language: reference.n_fitted(language) for language in reference.languages}
        self.languages = [
            k for k, n in sizes.items() if n >= settings.min_documents and k != settings.english
        ]
        self.too_few = {k: n for k, n in sizes.items() if n < settings.min_documents}
        if settings.english not in sizes or settings.english in self.too_few:
            raise RunError(
                f"{sizes.get(settings.english, 0)} texts are in {settings.english!r}, for which the "
                f"published limits were made: at least min_documents ({settings.min_documents}) are needed"
            )
        if not self.languages:
            raise RunError(f"no other language has {settings.min_documents} texts: {self.too_few or 'none'}")

    def run(self) -> Card:
        """Write the file; say what is in it."""
        entries = self._stop_words()
        path = self.folder / SAMPLE / "stop_words.yaml"
        path.write_text(file.text(entries, []), encoding="utf-8")
        tuned = pairs(self.settings.rules, self.settings.profile, str(path))
        english = [measured(pair, self.reference.texts(self.settings.english, False)) for pair in tuned]
        rules: dict[str, Any] = {}
        for done, language in enumerate(self.languages):
            self.context.progress("limits", done, len(self.languages))
            limits, rules[language] = self._limits(language, tuned, english)
            entries[language] = entries[language] | limits
        self.context.progress("limits", len(self.languages), len(self.languages))
        with atomic(self.folder / FILE) as temporary:
            temporary.write_text(file.text(entries, self._header()), encoding="utf-8")
        return self._card(rules)

    def _stop_words(self) -> dict[str, dict[str, Any]]:
        settings = self.settings
        english = frequencies(self.reference.texts(settings.english, False))
        bounds = settings.stop_word_frac, settings.min_stop_words, settings.max_stop_words
        return {
            k: {"stop_words": stop_words(frequencies(self.reference.texts(k, False)), english, *bounds)}
            for k in self.languages
        }

    def _limits(
        self, language: str, tuned: list[Pair], english: list[dict[str, Values]]
    ) -> tuple[dict[str, dict[str, float | None]], dict[str, Any]]:
        """stage -> rule -> limit, where it is not that for English; and what was seen of each rule."""
        limits: dict[str, dict[str, float | None]] = {}
        seen: dict[str, Any] = {}
        for pair, reference in zip(tuned, english, strict=True):
            stage, values = pair.rules.stage, measured(pair, self.reference.texts(language, False))
            published = pair.rules.limits(self.settings.english)
            for rule in pair.rules.rules():
                before = published.get(rule)
                limit = self._limit(stage, rule, before, reference[rule], values[rule])
                if limit != before:
                    limits.setdefault(stage, {})[rule] = limit
                seen[f"{stage}.{rule}"] = {
                    "method": self.settings.choice(stage, rule),
                    "english": before,
                    "fitted": limit,
                    **summary(values[rule]),
                }
        return limits, seen

    def _limit(
        self, stage: str, rule: str, before: float | None, english: Values, values: Values
    ) -> float | None:
        settings, choice = self.settings, self.settings.choice(stage, rule)
        if not isinstance(choice, str):
            return choice
        if before is None and f"{stage}.{rule}" not in {**PUBLISHED, **settings.method}:
            return None  # a rule that is off stays off, unless it is named itself
        limit = adapted(choice, rule, before, english, values, settings.tail)
        if limit is None:
            return before
        limit = loosened(limit, rule, values, settings.max_dropped)
        if before is None or settings.stricter:
            return limit
        return min(limit, before) if rule.startswith("min_") else max(limit, before)

    def _header(self) -> list[str]:
        settings, n = self.settings, sum(self.reference.size(k) for k in self.languages)
        sample = self.reference.sample.digest()[:12]
        methods = ", ".join(f"{k}: {settings.choice(k, '')}" for k in settings.rules)
        return [
            f"Limits and stop words by language, for the profile {settings.profile}; made by pipeline fit.",
            f"From {n:,} texts in {len(self.languages)} languages (sample {sample}).",
            f"Methods: {methods}; those of single rules are in {CARD}.",
            "What is not listed is as for English; null: the rule is off.",
        ]

    def _card(self, rules: Mapping[str, Any]) -> Card:
        settings = self.settings
        before = pairs(settings.rules, settings.profile, None)
        after = pairs(settings.rules, settings.profile, str(self.folder / FILE))
        languages: dict[str, Any] = {}
        for done, language in enumerate([settings.english, *self.languages]):
            self.context.progress("effect", done, len(self.languages) + 1)
            languages[language] = effect(self.reference, language, before, after)
            languages[language] |= {"rules": rules[language]} if language in rules else {}
        self.context.progress("effect", len(self.languages) + 1, len(self.languages) + 1)
        kept = {language: languages[language]["kept"]["english"] for language in self.languages}
        losing = [k for k, share in kept.items() if share is not None and share < 1 - LOSES]
        return Card(
            files=(FILE,),
            summary=f"{len(self.languages)} languages, {len(self.too_few)} with too few documents; "
            f"under the limits for English more than {LOSES:.0%} is lost of: {', '.join(losing) or 'none'}",
            measured={"languages": languages, "loses_under_english": losing},
            more={"sample_sha256": self.reference.sample.digest(), "too_few_documents": self.too_few},
        )
