"""Passages that stand elsewhere in the corpus, word for word: marked, cut out, or a reason to drop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Ge

from pipeline.bounds import Fraction
from pipeline.errors import PlanError
from pipeline.schema import TEXT, column, put
from pipeline.sql import Relation, Sql
from pipeline.stage import Look, Relate
from stages.dedup.substrings.spans import JOINED, SPAN, SUBSTRING, cut, join
from stages.dedup.substrings.tokens import tokenized, tokenizer
from stages.dedup.substrings.winnow import Bounds, fingerprints, windows
from stages.text.buffers import view

PART_BYTES = 8 << 20
"""Bytes of text whose tokens are in memory at a time."""
GROUP_DOCS = 256
"""Documents whose spans are joined at a time."""

_NOBODY = -(1 << 62)
"""Stands for the document with the first copy: all documents come later."""

PRINT = pa.struct(
    [
        column("fingerprint", pa.int64(), "least hash of the runs of tokens of a window"),
        column("bit", pa.int64(), "about where in the text, as a power of two"),
    ]
)
WINDOW = pa.struct(
    [
        column("hash", pa.int64(), "of its tokens"),
        column("fingerprint", pa.int32(), "first half of its fingerprint"),
        column("block", pa.int32(), "number of its first token // min_tokens"),
        *SPAN,
    ]
)

_PRINTS = """
SELECT doc, print.fingerprint AS fingerprint, print.bit AS bit
FROM (SELECT doc, unnest(prints) AS print FROM {keys})
"""
_WINDOWS = """
SELECT doc, size, w.hash AS hash, w.fingerprint AS fingerprint, w.block AS block,
       w.start AS start, w.stop AS stop
FROM (SELECT doc, size, unnest(windows) AS w FROM {looked})
"""
_OWN = """
SELECT doc, size, r.start AS start, r.stop AS stop FROM (SELECT doc, size, unnest(own) AS r FROM {looked})
"""
_BLOCKS = """
SELECT w.doc, w.size, min(w.start) AS start, max(w.stop) AS stop
FROM {windows} AS w JOIN {copied} AS c ON w.hash = c.hash AND w.fingerprint = c.fingerprint
WHERE w.doc > c.first_doc GROUP BY w.doc, w.size, w.block
"""
"""Windows of one block overlap, so all from the first to the last of them is repeated: one row for many."""


@dataclass(frozen=True, kw_only=True)
class SubstringDedup(Relate):
    """Find passages of `min_tokens` tokens and more that stand elsewhere, too.

    A window of `min_tokens` tokens is repeated if an equal one stands earlier, in the same document or in one
    before it; the spans of a document are the union of its repeated windows. So the first copy of a passage
    stays, by the input's order and not by that of work; `keep: none` takes all copies.

    Source: Lee et al. 2022, "Deduplicating Training Data Makes Language Models Better", section 4.1
        (ExactSubstr; 50 tokens).
    Differs: there is no suffix array of the corpus. Winnowed fingerprints, one for about 16 tokens
        (Schleimer, Wilkerson, Aiken 2003), find documents and places where windows may be equal; only those
        windows are compared, by 96 bits of hashes. Tokens are words unless a tokenizer is named, and white
        space between words is not compared.
    Not implemented: comparing with documents that are not the run's.
    Null: null text has no spans and a null struct; text of fewer tokens than `min_tokens` has no spans.
    Cost: 0.55 ms for a document of 10 kB, passes and queries together, a fifth of documents having a copy.

    What a text repeats with a period shorter than a window (a a a) is left with one period.
    """

    reads: ClassVar[pa.Schema] = pa.schema([TEXT])
    adds: ClassVar[pa.Schema] = pa.schema([SUBSTRING])
    key_columns: ClassVar[pa.Schema] = pa.schema(
        [column("prints", pa.list_(PRINT), "the text's winnowed fingerprints")]
    )
    feature_columns: ClassVar[pa.Schema] = pa.schema(
        [
            column("size", pa.int64(), "of the text in UTF-8", "bytes"),
            column("windows", pa.list_(WINDOW), "that other documents may have, too; each content once"),
            column("own", pa.list_(SPAN), "ranges that the document itself repeats"),
        ]
    )

    min_tokens: Annotated[int, Ge(2)] = 50
    """Length of a window: shorter repetitions are not seen."""
    tokens: str = "word"
    """`word` (between white space; a CJK character is one), `char`, `byte`, or a tokenizer.json or .tiktoken
    file."""
    fold_case: bool = False
    """Words and characters that differ in case alone are equal."""
    keep: Literal["first", "none"] = "first"
    """Whether the first copy of a passage stays."""
    action: Literal["mark", "cut", "drop"] = "cut"
    """`mark` adds the column only, `cut` takes the spans out of the text, `drop` drops documents."""
    max_frac: Fraction | None = None
    """Drop documents of which a larger share of bytes is in spans. By default 0 for `drop`, 1 for `cut`."""

    def check(self) -> None:
        if self.fold_case and self.tokens not in ("word", "char"):
            raise PlanError(f"fold_case: bytes and tokens are compared as they are (tokens: {self.tokens})")
        if self.max_frac is not None and self.action == "mark":
            raise PlanError("max_frac: action mark drops nothing; set action: drop, or cut")
        tokenizer(self.tokens)

    def stamp(self) -> str:
        encoder = tokenizer(self.tokens)
        return encoder.sha256 if encoder else ""

    def makes(self) -> pa.Schema:
        return pa.schema([TEXT, SUBSTRING] if self.action == "cut" else [SUBSTRING])

    def verdicts(self) -> pa.Schema:
        return pa.schema([SUBSTRING])

    @property
    def limit(self) -> float:
        """The share of bytes in spans up to which a document stays."""
        if self.action == "mark" or (self.action == "cut" and self.max_frac is None):
            return 1.0
        return self.max_frac or 0.0

    def keys(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        parts = [
            fingerprints(tokenized(part.column("text"), self.tokens, self.fold_case), self.min_tokens)
            for part in parted(batch)
        ]
        prints = [as_lists(part.offsets, PRINT, part.hashes, part.bits) for part in parts]
        return pa.RecordBatch.from_arrays([pa.concat_arrays(prints)], schema=self.key_columns)

    def features(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        listed, own = [], []
        for part in parted(batch):
            text = part.column("text")
            tokens = tokenized(text, self.tokens, self.fold_case)
            begins, wanted = view(text).offsets[:-1], part.column("bits").to_numpy()
            found, ranges = windows(tokens, begins, wanted, self.min_tokens, self.keep == "none")
            listed.append(as_lists(found.offsets, WINDOW, *found[:-1]))
            own.append(as_lists(ranges.offsets, SPAN, *ranges[:-1]))
        size = pc.binary_length(batch.column("text")).cast(pa.int64())
        return pa.RecordBatch.from_arrays(
            [size, pa.concat_arrays(listed), pa.concat_arrays(own)], schema=self.feature_columns
        )

    def relate(self, keys: Relation, sql: Sql, look: Look) -> Relation:
        prints = sql.view(_PRINTS, keys=keys)
        shared = sql(
            "SELECT fingerprint FROM {prints} GROUP BY fingerprint HAVING count(*) > 1", prints=prints
        )
        asked = sql(
            "SELECT p.doc, bit_or(p.bit) AS bits FROM {prints} AS p "
            "JOIN {shared} AS s ON p.fingerprint = s.fingerprint GROUP BY p.doc",
            prints=prints,
            shared=shared,
        )
        look.metric("documents_compared", asked.count())
        looked = look.second_pass(asked)
        windows, own = sql.view(_WINDOWS, looked=looked), sql.view(_OWN, looked=looked)
        first = "min(doc)" if self.keep == "first" else f"CAST({_NOBODY} AS BIGINT)"
        copied = sql(
            f"SELECT hash, fingerprint, {first} AS first_doc FROM {{windows}} "
            "GROUP BY hash, fingerprint HAVING count(*) > 1",
            windows=windows,
        )
        ranges = sql(
            f"SELECT doc // {GROUP_DOCS} AS part, * FROM ({_BLOCKS} UNION ALL SELECT * FROM {{own}})",
            windows=windows,
            copied=copied,
            own=own,
        )
        spans = sql.apply(join, ranges, JOINED, by=("part", "doc", "start"))
        return sql(
            f"SELECT doc, CASE WHEN share > CAST({self.limit!r} AS DOUBLE) THEN 'repeated_substring' END "
            "AS reason, substring FROM {spans}",
            spans=spans,
        )

    def rewrite(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        text, spans = batch.column("text"), batch.column("substring")
        zeros = pa.array([{"n_spans": 0, "n_bytes": 0, "frac": 0.0, "spans": []}], SUBSTRING.type)
        rows = np.where(spans.is_valid(), np.arange(len(batch)), len(batch))
        take = pa.array(rows, mask=np.asarray(text.is_null()))
        batch = put(batch, SUBSTRING, pa.concat_arrays([spans, zeros]).take(take))
        stays = pc.less_equal(pc.struct_field(spans, "frac"), self.limit).fill_null(False)
        if self.action == "cut" and pc.any(stays).as_py():
            pairs = zip(text.filter(stays).to_pylist(), spans.filter(stays).to_pylist(), strict=True)
            shorter = pa.array([cut(body, repeated["spans"]) for body, repeated in pairs], pa.string())
            batch = put(batch, TEXT, pc.replace_with_mask(text, stays, shorter))
        return batch


def parted(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """`batch` in parts of about PART_BYTES of text; at least one."""
    ends = np.cumsum(pc.fill_null(pc.binary_length(batch.column("text")), 0).to_numpy(zero_copy_only=False))
    start = 0
    while start < max(1, len(batch)):
        base = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, base + PART_BYTES)))
        yield batch.slice(start, stop - start)
        start = stop


def as_lists(offsets: Bounds, struct: pa.StructType, *columns: np.ndarray) -> pa.ListArray:
    """list<struct>: columns that lie one after the other, cut at `offsets` (int32 [rows + 1])."""
    values = pa.StructArray.from_arrays([pa.array(c) for c in columns], fields=list(struct))
    return pa.ListArray.from_arrays(pa.array(offsets), values)
