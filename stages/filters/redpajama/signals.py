"""Measure RedPajama-v2's quality signals, those that the text alone decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.schema import column, put
from stages.filters.badwords import languages, load_bad_words
from stages.filters.measured import Signals
from stages.filters.redpajama.counts import BULLETS, N_SIGNALS, TERMINALS, measure
from stages.filters.redpajama.lists import WordSet, word_set
from stages.filters.redpajama.normal import normal
from stages.text.buffers import view
from stages.text.ngrams import repeated
from stages.text.slots import slots

SIGNALS = (
    column("n_words", pa.int64(), "rps_doc_word_count: words of the normalised text", "words"),
    column("n_sentences", pa.int64(), "rps_doc_num_sentences: matches of \\b[^.!?]+[.!?]*", "sentences"),
    column("n_lines", pa.int64(), "lines, blank ones too", "lines"),
    column(
        "mean_word_length", pa.float64(), "rps_doc_mean_word_length: of the normalised words", "characters"
    ),
    column(
        "frac_unique_words", pa.float64(), "rps_doc_frac_unique_words: different normalised words", "of words"
    ),
    column("unigram_entropy", pa.float64(), "rps_doc_unigram_entropy: of the normalised words", "nats"),
    column("frac_stop_words", pa.float64(), "rps_doc_stop_word_fraction: words of `stop_words`", "of words"),
    column("symbols_per_word", pa.float64(), "rps_doc_symbol_to_word_ratio: #, ... and … to words", "1/word"),
    column(
        "frac_no_alphabetic_words",
        pa.float64(),
        "rps_doc_frac_no_alph_words: words without a to z",
        "of words",
    ),
    column("frac_all_caps_words", pa.float64(), "rps_doc_frac_all_caps_words: words in capitals", "of words"),
    column(
        "frac_ellipsis_lines", pa.float64(), "rps_doc_frac_lines_end_with_ellipsis: with ... or …", "of lines"
    ),
    column(
        "frac_terminal_punctuation_lines",
        pa.float64(),
        f"rps_lines_ending_with_terminal_punctution_mark, mean: lines that end with one of {TERMINALS}",
        "of lines",
    ),
    column(
        "frac_bullet_lines",
        pa.float64(),
        f"rps_lines_start_with_bulletpoint, mean: lines that start with one of {BULLETS}",
        "of lines",
    ),
    column("mean_words_per_line", pa.float64(), "rps_lines_num_words, mean: normalised words", "words"),
    column(
        "mean_frac_uppercase",
        pa.float64(),
        "rps_lines_uppercase_letter_fraction, mean over lines: capitals",
        "of characters",
    ),
    column(
        "mean_frac_numerals",
        pa.float64(),
        "rps_lines_numerical_chars_fraction, mean over normalised lines: numerals",
        "of characters",
    ),
    column("n_javascript", pa.int64(), "rps_lines_javascript_counts, sum: the word javascript", "words"),
    column("curly_brackets_per_char", pa.float64(), "rps_doc_curly_bracket: { and }", "1/character"),
    column(
        "lorem_ipsum_per_char", pa.float64(), "rps_doc_lorem_ipsum: in the normalised text", "1/character"
    ),
    column("n_bad_words", pa.int64(), "rps_doc_ldnoobw_words: entries of `bad_words`", "occurrences"),
    *(
        column(
            f"frac_chars_top_{n}gram",
            pa.float64(),
            f"rps_doc_frac_chars_top_{n}gram: in the most frequent {n}-gram",
            "of characters",
        )
        for n in (2, 3, 4)
    ),
    *(
        column(
            f"frac_chars_duplicate_{n}grams",
            pa.float64(),
            f"rps_doc_frac_chars_dupe_{n}grams: in {n}-grams that occur more than once",
            "of characters",
        )
        for n in range(5, 11)
    ),
)
REDPAJAMA = column("redpajama", pa.struct(SIGNALS), "RedPajama-v2's signals; null where text is null")


@dataclass(frozen=True, kw_only=True)
class RedPajamaSignals(Signals):
    """Measure the quality signals of RedPajama-v2; each says by which name it was published.

    None were published as rules, so there is no stage of rules: `keep_if` takes any, such as
    `where: redpajama.frac_unique_words > 0.1 and redpajama.n_words >= 50`. Words are those of the normalised
    text (no ASCII punctuation, lower case, NFD, split at white space), or where the published signal is of
    the raw text (stop words, symbols, letters, capitals) runs of letters and digits, or of other marks.

    Source: Weber et al. 2024 (RedPajama), arXiv:2411.12372, table of quality signals; definitions as in the
        program that made them, RedPajama-Data, app/src/core/quality_signals.
    Differs: signals of single lines are summed up for the document, as the name says (mean, sum or share).
        Values are not rounded to 8 digits. Stop words and bad words are lists that the user names, and null
        without one for the language; entries of `bad_words` are lower-cased and decomposed as the text is
        (there, those with accents never match). A capital sigma at the end of a word becomes σ.
    Not implemented: what needs models or other documents: importance weights (rps_doc_books_importance,
        _openwebtext_, _wikipedia_), classifiers (rps_doc_ml_wikiref_score, _palm_, _wikipedia_), ccnet's
        perplexity and language, minhash signatures, and rps_doc_ut1_blacklist (see `url_signals`).
    Null: null text gives a null struct; a mean or share of no words or no lines is null.
    Cost: 230 us for a document of 10 kB (43 MB/s).
    """

    signals: ClassVar[pa.Field] = REDPAJAMA

    stop_words: str | None = None
    """Lists of stop words by language: a JSON file, code -> list (as stopwords-json has it), or a folder with
    a file for each language. Null: not measured."""
    bad_words: str | None = None
    """Lists of bad words by language, in the same form (as LDNOOBW has it). Null: not measured."""
    language: str = "en"
    """Whose lists are taken where no column `language` says it."""

    def check(self) -> None:
        super().check()
        self.stamp()

    def stamp(self) -> str:
        return " ".join(load_bad_words(p, "paper").stamp for p in (self.stop_words, self.bad_words) if p)

    def measure(self, batch: pa.RecordBatch) -> npt.NDArray[np.float64]:
        given = view(batch.column("text"))
        longest = int(np.diff(given.offsets).max(initial=0))
        text, times = normal(longest), np.empty(longest + 1, np.int64)
        out = np.full((len(batch), N_SIGNALS), np.nan)
        for rows, stop_words, bad_words in self._groups(batch):
            distinct, scratch = slots(longest // 2 + 1), repeated(longest + 1)
            chosen = given.valid & rows
            measure(
                given.data, given.offsets, chosen, stop_words, bad_words, text, distinct, times, scratch, out
            )
        return out

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        measured = self.measure(batch)
        none = np.isnan(measured)
        arrays = [
            pa.array(np.where(none[:, i], 0, measured[:, i]), mask=none[:, i]).cast(f.type)
            for i, f in enumerate(SIGNALS)
        ]
        struct = pa.StructArray.from_arrays(arrays, fields=list(SIGNALS), mask=batch.column("text").is_null())
        return put(batch, self._column(), struct)

    def _groups(self, batch: pa.RecordBatch) -> list[tuple[npt.NDArray[np.bool_], WordSet, WordSet]]:
        """The rows of each language, and its lists."""
        stop = load_bad_words(self.stop_words, "paper").lists if self.stop_words else {}
        bad = load_bad_words(self.bad_words, "paper").lists if self.bad_words else {}
        if not stop and not bad:
            return [(np.ones(len(batch), np.bool_), word_set((), normal=False), word_set((), normal=True))]
        codes = languages(batch, self.language)
        return [
            (
                pc.equal(codes, code).to_numpy(zero_copy_only=False),
                word_set(stop.get(code, ()), normal=False),
                word_set(bad.get(code, ()), normal=True),
            )
            for code in pc.unique(codes).to_pylist()
        ]
