"""One shard of documents to one part of the tokens folder: binary, chunks, account."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine import Account
from pipeline.errors import RunError
from pipeline.keyed import uniform
from pipeline.shards import ShardWriter, read_shard
from pipeline.store import atomic, read_json, write_json
from stages.tokens.format import CHUNK_ROWS, dtype_for
from stages.tokens.pack import PROVENANCE, Pack
from stages.tokens.tokenize import Tokenize

HELDOUT = "heldout"


@dataclass(frozen=True, kw_only=True)
class PackTask:
    """Tokenize and pack one shard, training documents and held-out ones apart."""

    name: str
    shard: Path
    output: Path
    """`<tokens folder>/<source>/<part>.bin`; held-out ones go to `heldout/` beside it."""
    tokenize: Tokenize
    pack: Pack
    heldout_frac: float

    def run(self) -> Account:
        done = self.output.with_suffix(".json")
        if done.exists():
            account: Account = read_json(done)
            return account
        training, heldout = self._documents()
        beside = self.output.parent / HELDOUT / self.output.name
        held_account = self._write(beside, heldout)
        write_json(beside.with_suffix(".json"), held_account)
        account = self._write(self.output, training) | {HELDOUT: held_account}
        write_json(done, account)
        return account

    def _documents(self) -> tuple[pa.Table, pa.Table]:
        """All documents of the shard as tokens: for training, and held out by a keyed hash of their ids."""
        columns = [f.name for f in PROVENANCE]
        schema = self.tokenize.flow(pa.schema([*PROVENANCE, *self.tokenize.reads]))
        schema = pa.schema([schema.field(name) for name in (*columns, "tokens")])
        parts: tuple[list[pa.RecordBatch], list[pa.RecordBatch]] = ([], [])
        for batch in read_shard(self.shard, [*columns, "text"]):
            if "text" not in batch.schema.names:
                raise RunError(f"{self.shard} has no column 'text' to make tokens of")
            made = self.tokenize.process(batch).select(schema.names)
            held = uniform(batch.column("id"), self.pack.seed, HELDOUT) < self.heldout_frac
            for kept, mask in zip(parts, (~held, held), strict=True):
                kept.append(made.filter(pa.array(mask)))
        training, heldout = (pa.Table.from_batches(kept) if kept else schema.empty_table() for kept in parts)
        return training, heldout

    def _write(self, path: Path, documents: pa.Table) -> Account:
        """Write one part; the account says what is in it."""
        dtype = np.dtype(dtype_for(self.tokenize.encoder().vocab_size)).newbyteorder("<")
        with_tokens = int(np.count_nonzero(pc.list_value_length(documents.column("tokens"))))
        n = {"n_documents": with_tokens, "n_empty": len(documents) - with_tokens}
        n |= dict.fromkeys(("n_sequences", "n_chunks", "n_tokens", "n_padding", "n_bytes"), 0)
        sha256 = hashlib.sha256()
        chunks_path = path.with_suffix(".parquet")
        with (
            ShardWriter(chunks_path, CHUNK_ROWS) as chunks,
            atomic(path) as temporary,
            temporary.open("wb") as file,
        ):
            for batch in self.pack.sequences(documents):
                rows = np.ascontiguousarray(batch.column("tokens").values.to_numpy(), dtype)
                file.write(rows.data)
                sha256.update(rows.data)
                chunks.write(_chunk_rows(batch, n["n_sequences"]))
                _count(n, batch, self.pack.sequence_length)
        return {**n, "sha256": sha256.hexdigest()}


def _chunk_rows(batch: pa.RecordBatch, first_row: int) -> pa.RecordBatch:
    lists = batch.column("chunks")
    sequence = pc.add(pc.list_parent_indices(lists), first_row).cast(pa.int32())
    return pa.RecordBatch.from_arrays([sequence, *lists.flatten().flatten()], schema=CHUNK_ROWS)


def _count(n: dict[str, int], batch: pa.RecordBatch, sequence_length: int) -> None:
    chunks = batch.column("chunks").values
    n_tokens = pc.sum(chunks.field("n_tokens")).as_py()
    n["n_sequences"] += len(batch)
    n["n_chunks"] += len(chunks)
    n["n_tokens"] += n_tokens
    n["n_padding"] += len(batch) * sequence_length - n_tokens
    n["n_bytes"] += pc.sum(chunks.field("n_bytes")).as_py()
