"""The heuristics FineWeb adds to C4's and Gopher's: found by comparing documents of good and bad crawls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.schema import column
from stages.filters.measured import Limit, Limits, SignalRules, Signals
from stages.text.buffers import Bytes, Offsets, view
from stages.text.kernel import Int, device, kernel
from stages.text.lines import strip
from stages.text.marks import ends_sentence
from stages.text.scan import count, count_chars
from stages.text.segments import (
    NEWLINE,
    NL,
    SPLITLINES,
    Numbers,
    Segments,
    SegmentScratch,
    next_segment,
    segment_scratch,
    times_met,
)
from stages.text.slots import bits_for
from stages.text.table import Splitter, words
from stages.text.unicode import decode_before

Values = npt.NDArray[np.float64]

SIGNALS = (
    column("frac_lines_punctuated", pa.float64(), "lines that end as a sentence does", "of lines"),
    column("frac_short_lines", pa.float64(), "lines of fewer than 30 characters", "of lines"),
    column("frac_chars_duplicate_lines", pa.float64(), "characters in repeated lines", "of characters"),
    column("newlines_per_word", pa.float64(), "newlines to words", "1/word"),
)
FINEWEB = column("fineweb", pa.struct(SIGNALS), "signals of the FineWeb rules; null where text is null")
FRAC_LINES_PUNCTUATED, FRAC_SHORT_LINES, FRAC_CHARS_DUPLICATE_LINES, NEWLINES_PER_WORD = range(4)
QUOTES = (ord('"'), ord("'"))


class FinewebDefinition(NamedTuple):
    """How a profile defines the signals. A truth value is 0 or 1, for kernels."""

    ends_with_quotes: int
    """Whether a line may end with a quotation mark."""
    max_short_chars: int
    """Characters of the longest line that is short."""
    of_text: int
    """Whether characters of repeated lines are put to those of the text without newlines, or of all lines."""


class FinewebProfile(NamedTuple):
    """What is counted, and how."""

    splitter: Splitter
    lines: Segments
    definition: FinewebDefinition


_PROFILES = {
    "paper": FinewebProfile(
        splitter="default",
        lines=Segments(separator=SPLITLINES, blank=0, stripped=1, every=0),
        definition=FinewebDefinition(ends_with_quotes=1, max_short_chars=29, of_text=0),
    ),
    "datatrove": FinewebProfile(
        splitter="english",
        lines=Segments(separator=NEWLINE, blank=0, stripped=0, every=0),
        definition=FinewebDefinition(ends_with_quotes=0, max_short_chars=30, of_text=1),
    ),
}


@dataclass(frozen=True, kw_only=True)
class FinewebSignals(Signals):
    """Measure what the FineWeb rules decide on.

    Source: Penedo et al. 2024 (FineWeb), arXiv:2406.17557, section 3.6; the profile `datatrove` follows the
        code that made the data, line by line in docs/heuristics.md.
    Differs: the paper does not define lines and punctuation. Blank lines are not counted, white space at the
        ends of a line is left out, and a line ends well with one of C4's marks (. ! ? " ') or what ends a
        sentence in another script. `datatrove` takes quotation marks for no end, and 30 characters for few.
        Newlines are put to words in the code alone.
    Null: null text gives a null struct; text without lines gives zeros, which the rules drop.
    Cost: 20 us for a document of 10 kB, and 34 us to find its words, if no step before has.
    """

    signals: ClassVar[pa.Field] = FINEWEB
    profiles: ClassVar[tuple[str, ...]] = tuple(_PROFILES)

    def measure(self, batch: pa.RecordBatch) -> npt.NDArray[np.float64]:
        profile, texts = _PROFILES[self.profile], view(batch.column("text"))
        n_words = np.diff(words(batch.column("text"), profile.splitter).offsets)
        measured = np.zeros((len(batch), len(SIGNALS)), np.float64)
        scratch = segment_scratch(texts.data, texts.offsets)
        _measure(*texts, n_words, profile.lines, profile.definition, scratch, measured)
        return measured


@dataclass(frozen=True, kw_only=True)
class FinewebRules(SignalRules):
    """Drop documents that break a FineWeb rule; null switches a rule off.

    Source: Penedo et al. 2024 (FineWeb), arXiv:2406.17557, section 3.6. The code that made the data allows
        .01 of characters in repeated lines, a tenth of the paper's limit, and has the rule on newlines.
    Differs: a document that is at a limit is kept; the paper says it goes.
    Null: a document without signals is dropped, reason `no_signals`.
    """

    signals: ClassVar[pa.Field] = FINEWEB
    measured_by: ClassVar[str] = "fineweb_signals"
    stage: ClassVar[str] = "fineweb_rules"
    published: ClassVar[Mapping[str, Limits]] = {
        "paper": {
            "min_frac_lines_punctuated": 0.12,
            "max_frac_short_lines": 0.67,
            "max_frac_chars_duplicate_lines": 0.1,
            "max_newlines_per_word": None,
        },
        "datatrove": {"max_frac_chars_duplicate_lines": 0.01, "max_newlines_per_word": 0.3},
    }

    min_frac_lines_punctuated: Limit = "profile"
    """Smallest share of lines that end as sentences do; .12. Below it menus and lists."""
    max_frac_short_lines: Limit = "profile"
    """Largest share of short lines; .67."""
    max_frac_chars_duplicate_lines: Limit = "profile"
    """Largest share of characters in repeated lines; the paper's .1, datatrove's .01."""
    max_newlines_per_word: Limit = "profile"
    """Most newlines for each word; datatrove's .3."""


@kernel
def _measure(
    data: Bytes, offsets: Offsets, valid: npt.NDArray[np.bool_], n_words: Numbers, lines: Segments,
    definition: FinewebDefinition, scratch: SegmentScratch, out: Values,
) -> None:  # fmt: skip
    oldest: Int = np.int64(1)
    for row in range(len(valid)):
        if valid[row]:
            start, stop = np.int64(offsets[row]), np.int64(offsets[row + 1])
            n_newlines = count(data, start, stop, NL)
            n_chars = count_chars(data, start, stop) - n_newlines if definition.of_text else np.int64(-1)
            oldest = _measure_lines(
                data, start, stop, lines, definition, n_chars, scratch, row, oldest, out[row]
            )
            if n_words[row]:
                out[row, NEWLINES_PER_WORD] = n_newlines / n_words[row]


@device
def _measure_lines(
    data: Bytes, start: Int, stop: Int, lines: Segments, definition: FinewebDefinition, n_chars: Int,
    scratch: SegmentScratch, row: Int, oldest: Int, out: Values,
) -> Int:  # fmt: skip
    """Fills the signals of lines; returns the next free id. `n_chars` below 0: those of the lines."""
    n_lines = n_punctuated = n_short = chars = chars_repeated = np.int64(0)
    pos, fresh, bits = start, oldest, bits_for(scratch.most[row])
    while pos <= stop:
        begin, end, pos = next_segment(data, pos, stop, lines.separator)
        inner, outer = strip(data, begin, end)
        if inner == outer:
            continue
        if lines.stripped:
            begin, end = inner, outer
        length = count_chars(data, begin, end)
        last, _ = decode_before(data, begin, end)
        n_lines += 1
        n_punctuated += ends_sentence(last) or (definition.ends_with_quotes and last in QUOTES)
        n_short += length <= definition.max_short_chars
        chars += length
        if times_met(data, begin, end, scratch, bits, oldest, fresh) == 1:
            fresh += 1
        else:
            chars_repeated += length
    if n_lines:
        out[FRAC_LINES_PUNCTUATED] = n_punctuated / n_lines
        out[FRAC_SHORT_LINES] = n_short / n_lines
        out[FRAC_CHARS_DUPLICATE_LINES] = chars_repeated / (chars if n_chars < 0 else n_chars)
    return fresh
