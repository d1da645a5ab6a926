"""The repetition heuristics of Gopher's MassiveText, as the paper has them and as the toolkits read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.schema import column
from stages.filters import repetition_counts
from stages.filters.measured import Limit, Limits, SignalRules, Signals
from stages.filters.repetition_counts import (
    FIRST,
    IF_EMPTY,
    IF_FEW_WORDS,
    IF_NO_LINES,
    IN_ALL,
    IN_ANY,
    JOINED,
    LATER,
    LONGEST,
    NEVER,
    OF_SEGMENTS,
    OF_TEXT,
    OF_WORDS,
    ONCE,
    REMOVED,
    WALKED,
    RepetitionDefinition,
)
from stages.text.buffers import view
from stages.text.ngrams import repeated
from stages.text.segments import BLANK, NEWLINE, NEWLINES, PAIR, PAIRS, SPLITLINES, Segments, segment_scratch
from stages.text.table import Splitter, words

_UNIT = "of characters"
SIGNALS = (
    column("frac_duplicate_paragraphs", pa.float64(), "paragraphs that repeat another", "of paragraphs"),
    column("frac_chars_duplicate_paragraphs", pa.float64(), "characters in them", _UNIT),
    column("frac_duplicate_lines", pa.float64(), "lines that repeat another", "of lines"),
    column("frac_chars_duplicate_lines", pa.float64(), "characters in them", _UNIT),
    *(
        column(f"frac_chars_top_{n}gram", pa.float64(), f"characters in the most frequent {n}-gram", _UNIT)
        for n in (2, 3, 4)
    ),
    *(
        column(f"frac_chars_duplicate_{n}grams", pa.float64(), f"characters in repeated {n}-grams", _UNIT)
        for n in range(5, 11)
    ),
)
REPETITION = column(
    "repetition", pa.struct(SIGNALS), "signals of the Gopher repetition rules; null where text is null"
)


class RepetitionProfile(NamedTuple):
    """How one of them reads the rules."""

    splitter: Splitter
    lines: Segments
    paragraphs: Segments
    definition: RepetitionDefinition


_PROFILES = {
    "paper": RepetitionProfile(
        splitter="default",
        lines=Segments(separator=SPLITLINES, blank=0, stripped=1, every=0),
        paragraphs=Segments(separator=BLANK, blank=0, stripped=1, every=0),
        definition=RepetitionDefinition(denominator=OF_SEGMENTS, top=ONCE, duplicate=IN_ANY, is_one=NEVER),
    ),
    "datatrove": RepetitionProfile(
        splitter="english",
        lines=Segments(separator=NEWLINES, blank=1, stripped=0, every=0),
        paragraphs=Segments(separator=PAIRS, blank=1, stripped=0, every=0),
        definition=RepetitionDefinition(denominator=OF_TEXT, top=JOINED, duplicate=WALKED, is_one=IF_EMPTY),
    ),
    "dolma": RepetitionProfile(
        splitter="space",
        lines=Segments(separator=NEWLINES, blank=1, stripped=0, every=1),
        paragraphs=Segments(separator=PAIRS, blank=0, stripped=1, every=1),
        definition=RepetitionDefinition(denominator=OF_WORDS, top=FIRST, duplicate=IN_ALL, is_one=NEVER),
    ),
    "dclm": RepetitionProfile(
        splitter="uax29",
        lines=Segments(separator=NEWLINE, blank=0, stripped=1, every=1),
        paragraphs=Segments(separator=PAIR, blank=0, stripped=1, every=1),
        definition=RepetitionDefinition(
            denominator=OF_SEGMENTS, top=LONGEST, duplicate=IN_ANY, is_one=IF_NO_LINES
        ),
    ),
    "curator": RepetitionProfile(
        splitter="space",
        lines=Segments(separator=NEWLINE, blank=0, stripped=0, every=0),
        paragraphs=Segments(separator=PAIR, blank=1, stripped=0, every=0),
        definition=RepetitionDefinition(
            denominator=OF_SEGMENTS, top=REMOVED, duplicate=LATER, is_one=IF_FEW_WORDS
        ),
    ),
}


@dataclass(frozen=True, kw_only=True)
class RepetitionSignals(Signals):
    """Measure how much of a document repeats itself, in lines, paragraphs and n-grams of words.

    Source: Rae et al. 2021 (Gopher), arXiv:2112.11446, appendix A.1.1, "Repetition Removal", table A1; the
        profiles of toolkits follow their code, line by line in docs/heuristics.md.
    Differs: the paper does not define what is repeated, nor what a share is of. Here all occurrences of a
        line or paragraph but the first are, out of the characters of all of them; lines and paragraphs are
        compared without white space around them. A word is in a repeated n-gram if any occurrence of one
        covers it, and counts once; n-grams are put to the characters of all words (see `stages.text.words`).
    Not implemented: datatrove compares n-grams as joined strings, where `a bc` is `ab c`; here they differ.
        Curator's splitters for Chinese and Japanese.
    Null: null text gives a null struct; text without words or lines gives zeros, but 1 where a profile's
        toolkit drops it for that.
    Cost: 51 us for a document of 10 kB, and 34 us to find its words, if no step before has.
    """

    signals: ClassVar[pa.Field] = REPETITION
    profiles: ClassVar[tuple[str, ...]] = tuple(_PROFILES)

    def measure(self, batch: pa.RecordBatch) -> npt.NDArray[np.float64]:
        profile, texts = _PROFILES[self.profile], view(batch.column("text"))
        table = words(batch.column("text"), profile.splitter)
        measured = np.zeros((len(batch), len(SIGNALS)), np.float64)
        definitions = profile.definition, profile.lines, profile.paragraphs
        of_segments = segment_scratch(texts.data, texts.offsets)
        of_grams = repeated(int(np.diff(table.offsets).max(initial=0)))
        repetition_counts.measure(*texts, table, *definitions, of_segments, of_grams, measured)
        return measured


_GOPHER_2021: Limits = {
    "max_frac_duplicate_paragraphs": 0.3,
    "max_frac_chars_duplicate_paragraphs": 0.2,
    "max_frac_duplicate_lines": 0.3,
    "max_frac_chars_duplicate_lines": 0.2,
    "max_frac_chars_top_2gram": 0.2,
    "max_frac_chars_top_3gram": 0.18,
    "max_frac_chars_top_4gram": 0.16,
    "max_frac_chars_duplicate_5grams": 0.15,
    "max_frac_chars_duplicate_6grams": 0.14,
    "max_frac_chars_duplicate_7grams": 0.13,
    "max_frac_chars_duplicate_8grams": 0.12,
    "max_frac_chars_duplicate_9grams": 0.11,
    "max_frac_chars_duplicate_10grams": 0.1,
}
_DOLMA: Limits = {
    "max_frac_duplicate_paragraphs": None,
    "max_frac_chars_duplicate_paragraphs": None,
    "max_frac_chars_duplicate_lines": 0.3,
}


@dataclass(frozen=True, kw_only=True)
class RepetitionRules(SignalRules):
    """Drop documents that repeat themselves too much; null switches a rule off.

    Source: Rae et al. 2021 (Gopher), arXiv:2112.11446, table A1; Dolma's mixes allow .3 of characters in
        repeated lines and have no rule on paragraphs.
    Differs: in what the signals differ.
    Null: a document without signals is dropped, reason `no_signals`.
    """

    signals: ClassVar[pa.Field] = REPETITION
    measured_by: ClassVar[str] = "repetition_signals"
    stage: ClassVar[str] = "repetition_rules"
    published: ClassVar[Mapping[str, Limits]] = {
        "paper": _GOPHER_2021,
        "datatrove": {},
        "dolma": _DOLMA,
        "dclm": {},
        "curator": {},
    }

    max_frac_duplicate_paragraphs: Limit = "profile"
    """Largest share of paragraphs that repeat another; .3."""
    max_frac_chars_duplicate_paragraphs: Limit = "profile"
    """Largest share of characters in repeated paragraphs; .2."""
    max_frac_duplicate_lines: Limit = "profile"
    """Largest share of lines that repeat another; .3."""
    max_frac_chars_duplicate_lines: Limit = "profile"
    """Largest share of characters in repeated lines; .2."""
    max_frac_chars_top_2gram: Limit = "profile"
    """Largest share of characters in the most frequent 2-gram; .2."""
    max_frac_chars_top_3gram: Limit = "profile"
    """Largest share of characters in the most frequent 3-gram; .18."""
    max_frac_chars_top_4gram: Limit = "profile"
    """Largest share of characters in the most frequent 4-gram; .16."""
    max_frac_chars_duplicate_5grams: Limit = "profile"
    """Largest share of characters in repeated 5-grams; .15."""
    max_frac_chars_duplicate_6grams: Limit = "profile"
    """Largest share of characters in repeated 6-grams; .14."""
    max_frac_chars_duplicate_7grams: Limit = "profile"
    """Largest share of characters in repeated 7-grams; .13."""
    max_frac_chars_duplicate_8grams: Limit = "profile"
    """Largest share of characters in repeated 8-grams; .12."""
    max_frac_chars_duplicate_9grams: Limit = "profile"
    """Largest share of characters in repeated 9-grams; .11."""
    max_frac_chars_duplicate_10grams: Limit = "profile"
    """Largest share of characters in repeated 10-grams; .1."""
