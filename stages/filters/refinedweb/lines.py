"""Take out lines that belong to menus and counters, and drop the pages that lose too many words so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from pipeline.bounds import Fraction
from pipeline.errors import PlanError
from pipeline.schema import TEXT, column, put
from stages.filters.measured import Limit, Limits, SignalRules, Signals
from stages.filters.refinedweb.corrections import (
    COUNTED,
    N_COUNTS,
    N_WORDS,
    N_WORDS_REMOVED,
    Corrections,
    correct,
    hashes,
)
from stages.filters.refinedweb.menus import Menus, patterns
from stages.text.buffers import view

SIGNALS = (
    column("n_lines", pa.int64(), "lines that are not blank", "lines"),
    column("n_lines_kept", pa.int64(), "of them, those that stay", "lines"),
    column("n_lines_uppercase", pa.int64(), "lines that went as most characters are capitals", "lines"),
    column("n_lines_numeric", pa.int64(), "lines that went as they are a number", "lines"),
    column("n_lines_counter", pa.int64(), "lines that went as they count (3 likes)", "lines"),
    column("n_lines_one_word", pa.int64(), "lines that went as they are one word", "lines"),
    column("n_lines_emptied", pa.int64(), "lines that went as a phrase of menus was all they held", "lines"),
    column("n_lines_edited", pa.int64(), "lines that stay without a phrase of menus", "lines"),
    column("n_words", pa.int64(), "words before", "words"),
    column("n_words_removed", pa.int64(), "words that went", "words"),
    column("frac_words_removed", pa.float64(), "words that went; 0 where there were none", "of words"),
)
REFINEDWEB = column(
    "refinedweb", pa.struct(SIGNALS), "what line-wise corrections removed; null where text is null"
)


@dataclass(frozen=True, kw_only=True)
class RefinedWebLines(Signals):
    """Take capitals, numbers, counters and single words out of `text`, phrases of menus out of short lines.

    A line counts at the first check that it fails. Blank lines between others stay.

    Source: Penedo et al. 2023 (RefinedWeb), arXiv:2306.01116, appendix G.2, table "line-wise corrections".
    Differs: the paper gives an example for each rule, no lists. Taken here, as DCLM took them: more than half
        of a line's characters are capitals; the words that are counted; one phrase for each place. Only here:
        counters in the singular (1 like), numbers with spaces, fractions, white space about phrases. Profile
        `dclm` reads as baselines/mappers/modifiers.py does, where a dot in a phrase is any character; that
        strips the page after each step, this stage once before and once after.
    Null: null text stays null and gives a null struct; where no line is kept, text is empty.
    Cost: 53 us for a document of 10 kB (185 MB/s).
    """

    signals: ClassVar[pa.Field] = REFINEDWEB
    profiles: ClassVar[tuple[str, ...]] = ("paper", "dclm")

    max_frac_uppercase: Fraction = 0.5
    """A line of which a larger share of the characters are capitals goes."""
    prefixes: tuple[str, ...] = ("Sign-in",)
    """Phrases cut from the start of lines of up to ten words, in any case."""
    suffixes: tuple[str, ...] = ("Read more...",)
    """Phrases cut from the end of such lines."""
    anywhere: tuple[str, ...] = ("items in cart",)
    """Phrases cut wherever they stand in such lines."""

    def check(self) -> None:
        super().check()
        if "" in (*self.prefixes, *self.suffixes, *self.anywhere):
            raise PlanError("an empty phrase is in every line")

    def makes(self) -> pa.Schema:
        return pa.schema([TEXT, self._column()])

    def corrections(self) -> Corrections:
        """What is looked for under this profile and these settings."""
        dclm = self.profile == "dclm"
        return Corrections(
            self.max_frac_uppercase,
            hashes(COUNTED if dclm else (*COUNTED, *(w.removesuffix("s") for w in COUNTED))),
            Menus(patterns(self.prefixes), patterns(self.suffixes), patterns(self.anywhere), not dclm),
            dclm,
        )

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        before = batch.column("text")
        given = view(before)
        out = np.empty(int(given.offsets[-1] - given.offsets[0]), np.uint8)
        ends, counts = np.zeros(len(batch) + 1, np.int32), np.zeros((len(batch), N_COUNTS), np.int64)
        correct(given.data, given.offsets, given.valid, self.corrections(), out, ends, counts)
        buffers = pa.py_buffer(ends), pa.py_buffer(out[: int(ends[-1])]), pa.array(given.valid).buffers()[1]
        text = pa.StringArray.from_buffers(len(batch), *buffers)
        removed = counts[:, N_WORDS_REMOVED] / np.maximum(counts[:, N_WORDS], 1)
        values = [*(pa.array(c) for c in counts.T), pa.array(removed)]
        struct = pa.StructArray.from_arrays(values, fields=list(SIGNALS), mask=before.is_null())
        return put(put(batch, TEXT, text), self._column(), struct)


@dataclass(frozen=True, kw_only=True)
class RefinedWebRules(SignalRules):
    """Drop pages of which line-wise corrections took too much: they are menus for the most part.

    Source: Penedo et al. 2023 (RefinedWeb), arXiv:2306.01116, section 3.2 and appendix G.2.
    Differs: the paper and `dclm` have the same limit; `dclm` also drops a page without words.
    Null: a document without signals is dropped, reason `no_signals`.
    """

    signals: ClassVar[pa.Field] = REFINEDWEB
    measured_by: ClassVar[str] = "refinedweb_lines"
    stage: ClassVar[str] = "refinedweb_rules"
    published: ClassVar[Mapping[str, Limits]] = {
        "paper": {"max_frac_words_removed": 0.05},
        "dclm": {"min_n_words": 1},
    }

    max_frac_words_removed: Limit = "profile"
    """Largest share of the words that may go."""
    min_n_words: Limit = "profile"
    """Fewest words before."""
    min_n_lines_kept: Limit = "profile"
    """Fewest lines that stay."""
