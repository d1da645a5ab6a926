"""Which documents a sample takes: those of the smallest keyed hashes in each stratum, up to a budget."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Interval

from pipeline.errors import RunError
from pipeline.keyed import hash64, uniform
from pipeline.schema import put
from pipeline.shards import read_shard

Keys: TypeAlias = npt.NDArray[np.uint64]
Sizes: TypeAlias = npt.NDArray[np.int64]
HeldoutFraction: TypeAlias = Annotated[float, Interval(ge=0, lt=1)]
"""A share of documents that nothing is fitted to: at least 0, less than 1."""

STRATUM = pa.field("stratum", pa.string())
KEY = pa.field("key", pa.uint64())
HELDOUT = pa.field("heldout", pa.bool_())
SIZE = pa.field("size", pa.int64())
SMALLEST = pa.schema([STRATUM, HELDOUT, KEY, SIZE])


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Which documents are taken, and what of them."""

    name: str
    """Part of the hash: samples of other names are independent of this one."""
    columns: tuple[str, ...]
    """Columns that are wanted. Documents where the first is null or empty are not there."""
    budget: int
    """How much is taken of each stratum."""
    unit: Literal["documents", "bytes"] = "documents"
    """What the budget counts; bytes are those of the first column, and the last document may go over it."""
    by: Literal["id", "text"] = "id"
    """What is hashed. Documents that agree in it are taken for one."""
    stratum: str = ""
    """Column of strata: strings, or structs with `label`; documents without are not there. Empty: one."""
    rename: Mapping[str, str] = field(default_factory=dict)
    """Stratum as the column has it -> its name in the sample."""
    heldout_frac: float = 0.0
    """Share of documents, by another hash, that is marked `heldout`."""
    heldout_budget: int | None = None
    """How much is taken of those; null: they share the budget of the others."""
    seed: int = 0

    def read(self, shard: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Documents of a shard that are there: `columns`, and `stratum`, `heldout`, `key`, `size`."""
        wanted = dict.fromkeys(
            [*columns, self.columns[0], self.by, *([self.stratum] if self.stratum else [])]
        )
        for batch in read_shard(shard, list(wanted)):
            sizes = pc.fill_null(pc.binary_length(batch.column(self.columns[0])), 0)
            strata = self._strata(batch)
            there = pc.and_(pc.greater(sizes, 0), strata.is_valid())
            of_each = sizes.cast(pa.int64()) if self.unit == "bytes" else pa.repeat(pa.scalar(1), len(batch))
            hashed = batch.column(self.by)
            keys = pa.array(hash64(hashed.filter(there), self.seed, self.name))
            heldout = pa.array(uniform(hashed.filter(there), self.seed, "heldout") < self.heldout_frac)
            kept = batch.select(list(columns)).filter(there)
            marks = (strata.filter(there), heldout, keys, of_each.filter(there))
            for column, values in zip(SMALLEST, marks, strict=True):
                kept = put(kept, column, values)
            yield kept

    def _strata(self, batch: pa.RecordBatch) -> pa.StringArray:
        if not self.stratum:
            return pa.repeat(pa.scalar("", pa.string()), len(batch))
        names = [self.rename.get(k, k) if k else None for k in labels(batch.column(self.stratum))]
        return pa.array(names, pa.string())

    def group_budget(self, heldout: bool) -> int:
        """What may be taken of a group: see `groups`."""
        return self.heldout_budget if heldout and self.heldout_budget is not None else self.budget

    def groups(self, batch: pa.RecordBatch) -> Iterator[tuple[tuple[str, bool], npt.NDArray[np.int64]]]:
        """((stratum, heldout), its rows); all are in (stratum, False) where they share a budget."""
        encoded = batch.column(STRATUM.name).dictionary_encode()
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        heldout = batch.column(HELDOUT.name).to_numpy(zero_copy_only=False)
        apart = (False, True) if self.heldout_budget is not None else (False,)
        for code, stratum in enumerate(encoded.dictionary.to_pylist()):
            for side in apart:
                mask = codes == code if len(apart) == 1 else (codes == code) & (heldout == side)
                if mask.any():
                    yield (stratum, side), np.flatnonzero(mask)


def labels(column: pa.Array) -> Iterator[str | None]:
    """The strata of a column of strings, or of structs with `label`, also where these are JSON.

    Raises:
        RunError: it is neither.
    """
    if pa.types.is_struct(column.type) and column.type.get_field_index("label") >= 0:
        column = pc.struct_field(column, "label")
    if not pa.types.is_string(column.type):
        raise RunError(
            f"a column of {column.type} names no strata: it is neither text nor a struct with a label"
        )
    for value in column.to_pylist():
        yield _label(value) if value and value.startswith("{") else value


def _label(text: str) -> str | None:
    # A run exported as JSON lines has {"label": "de", "score": 0.98} here.
    try:
        value = json.loads(text)
    except ValueError:
        return text
    label = value.get("label") if isinstance(value, dict) else text
    return label if isinstance(label, str) else None


class Smallest:
    """The smallest keys that fill a budget, each once, with the size and the shard of its first document."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.keys, self.sizes, self.shards = (
            np.empty(0, np.uint64),
            np.empty(0, np.int64),
            np.empty(0, np.int32),
        )
        self._limit = np.uint64(0xFFFFFFFFFFFFFFFF)

    def add(self, keys: Keys, sizes: Sizes, shard: int = 0) -> None:
        """Take what is among the smallest so far."""
        low = keys <= self._limit
        if not low.any():
            return
        shards = np.full(int(np.count_nonzero(low)), shard, np.int32)
        # What is there stands first: of equal keys the first document stays.
        keys, first = np.unique(np.concatenate([self.keys, keys[low]]), return_index=True)
        sizes = np.concatenate([self.sizes, sizes[low]])[first]
        n = int(np.searchsorted(np.cumsum(sizes), self.budget)) + 1
        if n <= len(keys):
            self._limit = keys[n - 1]
        self.keys, self.sizes = keys[:n], sizes[:n]
        self.shards = np.concatenate([self.shards, shards])[first][:n]
