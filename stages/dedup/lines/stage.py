"""The stage `line_dedup`: units of text that other documents have, too, are taken out of documents."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Ge

from pipeline.bounds import Count, Fraction, Natural
from pipeline.schema import TEXT, column, put
from pipeline.stage import Look, Relate, Relation, Sql
from pipeline.store import digest
from stages.dedup.lines.hashes import UnitSettings, collect
from stages.dedup.lines.profiles import Keep, Profile, Repeats, settings_of
from stages.dedup.lines.queries import REMOVED, copies, frequent, packed, touched
from stages.dedup.lines.removal import N_BYTES_REMOVED, removed_of, without
from stages.dedup.lines.scopes import COLUMNS, Within, scopes
from stages.dedup.lines.units import Sentences, Unit, n_units, unit_kind
from stages.text.normal import Normalize, form
from stages.text.table import words
from stages.urls import suffixes

FromProfile: TypeAlias = Literal["profile"]
"""The profile says it."""

COUNTS = (
    column("n_units", pa.int64(), "lines, paragraphs or sentences that are not blank", "units"),
    column("n_removed", pa.int64(), "of them, those that went", "units"),
    column("n_bytes_removed", pa.int64(), "text that went", "UTF-8 bytes"),
)
LINE_DEDUP = column("line_dedup", pa.struct(COUNTS), "what went as others have it too; null for null text")
_LEFT = ("nothing_left", "min_words_left", "min_sentences_left")


@dataclass(frozen=True, kw_only=True)
class LineDedup(Relate):
    """Take out of each document what other documents say too: lines, paragraphs, sentences, or spans of them.

    Units are equal if their normalised texts are. With `keep: first` all copies go but the one in the first
    document; with `keep: none` a unit goes from all documents, if at least `min_documents` of the scope and
    `min_frac_documents` of its documents have it. Of a unit that a document says several times and does not
    lose, the first stays. A profile fills in the settings that say `profile`.

    What stays keeps its order; a unit brings the white space before it, and the first brings none.

    Source: Wenzek et al. 2020 (CCNet), arXiv:1911.00359, section 3.1, and cc_net's dedup.py (`ccnet`);
        Raffel et al. 2020 (T5), arXiv:1910.10683, section 2.2 (`c4`), and the program that made C4,
        tensorflow_datasets/text/c4_utils.py (`c4_program`); datatrove 0.10, sentence_dedup.py (`datatrove`);
        Yang et al. 2023 (Baichuan 2), arXiv:2309.10305, section 2.1 (`baichuan2`).
    Differs: hashes are XXH64, and the scope is all that is asked for: cc_net compares 50 of 1,600 files. A
        document that loses nothing is kept however short. Of the copies that C4's program finds, the document
        whose address has the lowest MD5 keeps one, here the first. `boilerplate` is ours.
    Null: null text is untouched, and its struct null. A document whose scope is unknown (no host, no source)
        is a scope of its own.
    Cost: 95 us for a document of 14 kB to compare its lines, 210 us its sentences (English 366 us), and as
        much to rewrite it; the queries took 37 s for 1,000,000 documents of 30 lines.
    """

    reads: ClassVar[pa.Schema] = pa.schema([TEXT])
    adds: ClassVar[pa.Schema] = pa.schema([TEXT, LINE_DEDUP])
    key_columns: ClassVar[pa.Schema] = pa.schema(
        [
            column(
                "hashes", pa.list_(pa.int64()), "different units, each with its scope; null for null text"
            ),
            column("scope", pa.int64(), "hash of the scope; null where its size is not asked for"),
            column("n_hashes", pa.int64(), "length of `hashes`"),
            column("n_fixed", pa.int64(), "units that are too short to be compared"),
            column("n_repeated", pa.int64(), "units that the document has said before"),
        ]
    )
    feature_columns: ClassVar[pa.Schema] = pa.schema([column("reason", pa.string(), "null keeps")])

    profile: Profile = "ccnet"
    """Published settings: `ccnet` (lines, no copy stays), `c4` (spans of three sentences, as its paper says),
    `c4_program` (lines, as its program does), `datatrove` (English spans), `baichuan2` (sentences),
    `boilerplate` (lines that many pages of a site have)."""
    unit: Unit | FromProfile = "profile"
    """`line`, `paragraph` (between blank lines), `sentence`, or `span`: `span` sentences in a row."""
    span: Count | FromProfile = "profile"
    """Sentences in a span."""
    sentences: Sentences | FromProfile = "profile"
    """Ends of sentences: by Unicode's rules, for any language (`unicode`), or as spaCy does (`english`)."""
    normalize: Normalize | FromProfile = "profile"
    """What is compared: `none` (bytes), `whitespace` (words), `lower`, `cc_net`, `datatrove`."""
    within: Within | FromProfile = "profile"
    """Copies count within the whole `corpus`, or within one `source`, `domain` or `file`."""
    keep: Keep | FromProfile = "profile"
    """Whether the `first` document keeps what several have, or `none` does."""
    repeats: Repeats | FromProfile = "profile"
    """What becomes of a unit that the same document said before: `drop` or `keep`."""
    min_documents: Annotated[int, Ge(2)] | FromProfile = "profile"
    """Number of documents in which a unit must be to go from them, with `keep: none`."""
    min_frac_documents: Fraction | FromProfile = "profile"
    """Share of the scope's documents in which it must be, besides."""
    min_chars: Natural | FromProfile = "profile"
    """Units with fewer characters, normalised, are never touched; 0: nor are blank lines spared."""
    min_words: Natural | FromProfile = "profile"
    """Units with fewer words are never touched, either; a CJK ideograph or kana is one."""
    min_words_removed: Natural | FromProfile = "profile"
    """What would go in one piece stays if it has fewer words."""
    min_words_left: Natural | FromProfile = "profile"
    """A document that lost something is dropped if it has fewer words left (`english`: as spaCy counts)."""
    min_sentences_left: Natural | FromProfile = "profile"
    """The same with sentences. A document of which nothing is left is always dropped."""

    def check(self) -> None:
        self.settings()
        if self.settings()["within"] == "domain":
            suffixes.load(True)

    def stamp(self) -> str:
        return digest(suffixes.path()) if self.settings()["within"] == "domain" else ""

    def needs(self) -> pa.Schema:
        return pa.schema([TEXT, *COLUMNS[self.settings()["within"]]])

    def verdicts(self) -> pa.Schema:
        return pa.schema([REMOVED])

    def settings(self) -> dict[str, Any]:
        """Those of the profile, where the recipe does not say otherwise."""
        return settings_of(self.profile, {k: v for k, v in asdict(self).items() if k != "profile"})

    def keys(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        seeds = scopes(batch, self.settings()["within"])
        hashes, counts = collect(batch.column("text"), seeds, self._units())
        sized = bool(self.settings()["min_frac_documents"])
        scope = pa.array(seeds.view(np.int64), mask=np.full(len(batch), not sized))
        lengths = pc.fill_null(pc.list_value_length(hashes), 0).cast(pa.int64())
        return pa.RecordBatch.from_arrays(
            [hashes, scope, lengths, *map(pa.array, counts.T)], schema=self.key_columns
        )

    def relate(self, keys: Relation, sql: Sql, look: Look) -> Relation:
        own = self.settings()
        if own["keep"] == "first":
            removed = copies(keys, sql)
        else:
            removed = frequent(keys, sql, own["min_documents"], own["min_frac_documents"])
        lists = touched(keys, packed(removed, sql), sql)
        if own["span"] == 1 and not any(own[k] for k in ("min_words_removed", *_LEFT[1:])):
            return sql(
                f"SELECT doc, CASE WHEN is_empty THEN '{_LEFT[0]}' END AS reason, {REMOVED.name} "
                "FROM {lists}",
                lists=lists,
            )
        reasons = look.second_pass(sql(f"SELECT doc, {REMOVED.name} FROM {{lists}}", lists=lists))
        return sql(
            f"SELECT l.doc, s.reason, l.{REMOVED.name} "
            "FROM {lists} AS l JOIN {reasons} AS s ON l.doc = s.doc",
            lists=lists,
            reasons=reasons,
        )

    def features(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        own = self.settings()
        text, counts = self._without(batch)
        english = own["sentences"] == "english"
        n_words = np.diff(words(text, "english" if english else "default").offsets)
        n_sentences = n_units(text, unit_kind("sentence", own["sentences"], False))
        limits = n_words < own["min_words_left"], n_sentences < own["min_sentences_left"]
        failed = np.stack([n_words < 1, *limits]) & (counts[:, N_BYTES_REMOVED] > 0)
        first = pa.array(failed.argmax(axis=0), mask=~failed.any(axis=0))
        reasons = pa.array(_LEFT, pa.string()).take(first)
        return pa.RecordBatch.from_arrays([reasons], schema=self.feature_columns)

    def rewrite(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        text, counts = self._without(batch)
        struct = pa.StructArray.from_arrays(
            [pa.array(c) for c in counts.T], fields=list(COUNTS), mask=text.is_null()
        )
        return put(put(batch, TEXT, text), LINE_DEDUP, struct).drop_columns([REMOVED.name])

    def _without(self, batch: pa.RecordBatch) -> tuple[pa.StringArray, npt.NDArray[np.int64]]:
        own = self.settings()
        removed = removed_of(batch.column(batch.schema.get_field_index(REMOVED.name)))
        seeds = scopes(batch, own["within"])
        return without(batch.column("text"), seeds, removed, self._units(), own["min_words_removed"])

    def _units(self) -> UnitSettings:
        own = self.settings()
        return UnitSettings(
            kind=unit_kind(own["unit"], own["sentences"], own["min_chars"] == 0),
            span=own["span"],
            form=form(own["normalize"]),
            min_chars=own["min_chars"],
            min_words=own["min_words"],
            repeats=int(own["repeats"] == "drop"),
        )
