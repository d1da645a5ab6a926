"""Documents' tokens to training sequences of one length, and which chunk of which document stands where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Ge

from pipeline.errors import RunError
from pipeline.keyed import hash64, key
from pipeline.schema import FILE, ID, OFFSET, URL, column
from pipeline.shards import BATCH_BYTES, BATCH_ROWS
from pipeline.stage import Stream
from stages.text.kernel import kernel
from stages.tokens.bestfit import Layout, best_fit, concat
from stages.tokens.encoder import END_OF_TEXT, Encoder, load
from stages.tokens.tokenize import TOKENS, encoder_of

Strategy = Literal["best_fit", "concat"]
SequenceLength: TypeAlias = Annotated[int, Ge(2)]
"""At least an end-of-text id and a token."""

PLACE = [
    column("start", pa.int32(), "position of the chunk's end-of-text id in the sequence", "tokens"),
    column("n_tokens", pa.int32(), "length of the chunk with that id", "tokens"),
    column("first_token", pa.int32(), "offset of the chunk in its document's tokens", "tokens"),
    column("n_bytes", pa.int32(), "UTF-8 bytes of the text it covers", "bytes"),
]
PROVENANCE = [ID, URL, FILE, OFFSET]
CHUNK = pa.struct([*PLACE, *PROVENANCE])
CHUNKS = column("chunks", pa.list_(CHUNK), "chunks of a sequence in order; end-of-text ids follow as padding")


@dataclass(frozen=True, kw_only=True)
class Pack(Stream):
    """Rows of documents become rows of sequences. What is packed together depends on where shards end.

    Source: Ding et al. 2024, "Fewer Truncations Improve Language Modeling", arXiv:2404.10830, section 3.
    Differs: each chunk of a document begins with the end-of-text id, so that document masks can be rebuilt
    from the tokens; ties, and the order of sequences, follow a keyed hash and not the input.
    Not implemented: packing over several shards; windows (all tokens of a shard are held in memory).
    Null: a document without tokens is in no sequence.
    Cost: 29 us/document of 1,030 tokens (sequences of 512); the assignment alone under 1 us/document.
    """

    reads: ClassVar[pa.Schema] = pa.schema([*PROVENANCE, TOKENS])
    adds: ClassVar[pa.Schema] = pa.schema([TOKENS, CHUNKS])
    example: ClassVar[Mapping[str, Any]] = {"tokenizer": "bytes"}
    version: ClassVar[int] = 2

    sequence_length: SequenceLength = 512
    """Tokens in a sequence, end-of-text ids and padding included."""
    strategy: Strategy = "best_fit"
    """`best_fit` cuts only documents longer than a sequence; `concat` cuts wherever a sequence ends."""
    seed: int = 0
    """Seed of ties and of the order of sequences."""
    tokenizer: str | None = None
    """Tokenizer that made the tokens; not needed after `tokenize`, whose column says so."""
    pretokenizer: str | None = None
    """As in `tokenize`."""
    end_of_text: str = END_OF_TEXT
    """As in `tokenize`, where `tokenizer` is set."""

    def check(self) -> None:
        if self.tokenizer is not None:
            load(self.tokenizer, self.end_of_text, self.pretokenizer)

    def flow(self, schema: pa.Schema) -> pa.Schema:
        super().flow(schema)
        self._encoder(schema)
        return pa.schema([schema.field("tokens"), CHUNKS])

    def stream(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held = [batch.select(self.reads.names) for batch in batches]
        if held:
            yield from self.sequences(pa.Table.from_batches(held))

    def sequences(self, documents: pa.Table) -> Iterator[pa.RecordBatch]:
        """Batches of `adds` from all documents of a shard; `documents` has the columns of `reads`.

        Raises:
            PlanError: nothing says which tokenizer made the tokens.
            RunError: another one did.
        """
        encoder = self._encoder(documents.schema)
        tokens = documents.column("tokens")
        lengths = pc.fill_null(pc.list_value_length(tokens), 0).to_numpy()
        if not lengths.any():
            return
        layout = self._lay_out(lengths, documents.column("id"))
        ids = np.concatenate([part.flatten().to_numpy() for part in tokens.chunks])
        if not 0 <= ids.min() <= ids.max() < encoder.vocab_size:
            raise RunError(f"tokens are not of {encoder.path}: it has no id {ids.min()} or {ids.max()}")
        shard = _Shard(
            layout=layout,
            ids=ids,
            begins=np.cumsum(lengths, dtype=np.int64) - lengths,
            provenance=documents.select([f.name for f in PROVENANCE]).combine_chunks(),
        )
        n = max(1, min(BATCH_ROWS, BATCH_BYTES // (4 * self.sequence_length)))
        for first in range(0, layout.n_rows, n):
            yield shard.rows(first, min(n, layout.n_rows - first), self.sequence_length, encoder)

    def _encoder(self, schema: pa.Schema) -> Encoder:
        if self.tokenizer is None:
            return encoder_of(schema.field("tokens"))
        return load(self.tokenizer, self.end_of_text, self.pretokenizer)

    def _lay_out(self, lengths: npt.NDArray[np.int32], ids: pa.ChunkedArray) -> Layout:
        # Copies of one document (`rehydrate` makes them) have one id, and shall not stand side by side.
        ties = hash64(ids, self.seed, "pack") + _times_before(ids) * np.uint64(key("copy") | 1)
        if self.strategy == "concat":
            return concat(lengths, self.sequence_length, ties)
        return best_fit(lengths, self.sequence_length, ties, key(self.seed, "pack rows"))


def _times_before(ids: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """uint64 [rows]: how often each row's id stands in rows before it."""
    codes = ids.combine_chunks().dictionary_encode().indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    first = np.flatnonzero(np.diff(codes[order], prepend=-1))
    before = np.empty(len(codes), np.uint64)
    before[order] = np.arange(len(codes)) - np.repeat(first, np.diff(first, append=len(codes)))
    return before


@dataclass(frozen=True, kw_only=True, eq=False)
class _Shard:
    """All tokens of a shard, and where each of them goes."""

    layout: Layout
    ids: npt.NDArray[np.int32]
    """[tokens] of all documents, one after the other."""
    begins: npt.NDArray[np.int64]
    """[documents] where each begins in `ids`."""
    provenance: pa.Table

    def rows(self, first: int, n_rows: int, length: int, encoder: Encoder) -> pa.RecordBatch:
        """Rows [first, first + n_rows) as tokens and chunks."""
        layout = self.layout
        low, high = np.searchsorted(layout.row, [first, first + n_rows])
        here = slice(low, high)
        document, first_token = layout.document[here], layout.first_token[here]
        row = layout.row[here] - first
        out = np.full((n_rows, length), encoder.end_of_text, np.int32)
        n_bytes = np.empty(high - low, np.int32)
        begins = self.begins[document] + first_token
        places = layout.start[here], layout.n_tokens[here]
        _write(self.ids, begins, encoder.token_bytes, row, *places, out, n_bytes)
        taken = self.provenance.take(pa.array(document)).combine_chunks()
        columns = [*places, first_token, n_bytes]
        chunks = pa.StructArray.from_arrays(
            [*map(pa.array, columns), *(taken.column(f.name).combine_chunks() for f in PROVENANCE)],
            fields=list(CHUNK),
        )
        ends = np.searchsorted(row, np.arange(n_rows + 1)).astype(np.int32)
        every = np.arange(0, out.size + 1, length, dtype=np.int32)
        lists = [(every, pa.array(out.reshape(-1))), (ends, chunks)]
        return pa.RecordBatch.from_arrays(
            [pa.ListArray.from_arrays(pa.array(offsets), values) for offsets, values in lists],
            schema=Pack.adds,
        )


@kernel
def _write(
    ids: npt.NDArray[np.int32], begins: npt.NDArray[np.int64], token_bytes: npt.NDArray[np.int32],
    row: npt.NDArray[np.int64], start: npt.NDArray[np.int32], n_tokens: npt.NDArray[np.int32],
    out: npt.NDArray[np.int32], n_bytes: npt.NDArray[np.int32],
) -> None:  # fmt: skip
    """Copy each chunk's tokens behind its end-of-text id, which `out` is full of, and count their bytes."""
    for c in range(len(row)):
        total = 0
        # The id itself is not written: `out` holds nothing but it, so padding costs no second pass either.
        for k in range(n_tokens[c] - 1):
            token = ids[begins[c] + k]
            out[row[c], start[c] + 1 + k] = token
            total += token_bytes[token]
        n_bytes[c] = total
