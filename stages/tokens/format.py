"""The tokens folder: sequences as flat binaries, and beside each the chunks that say where they came from.

    tokens-<fingerprint>/
        tokens.json                      written last; what is where, counted
        tokenizer.json | *.tiktoken      the tokenizer used
        token_bytes.npy                  int32 [vocab_size], for bits per byte
        <source>/part-00000.bin          little-endian uint16 or uint32 [n_sequences, sequence_length]
        <source>/part-00000.parquet      one row per chunk, in row and position order
        <source>/part-00000.json         its account
        <source>/heldout/part-00000.*    the same, of documents kept out of training

A sequence is a run of chunks and then padding; a chunk is the end-of-text id and then tokens of one document.
Sequence g of a source is row g of its parts laid end to end.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import RunError
from pipeline.schema import column
from pipeline.store import read_json
from stages.tokens.pack import PLACE, PROVENANCE

MANIFEST = "tokens.json"
TOKEN_BYTES = "token_bytes.npy"

SEQUENCE_NUMBER = column("sequence", pa.int32(), "row in this part")
CHUNK_ROWS = pa.schema([SEQUENCE_NUMBER, *PLACE, *PROVENANCE])
"""Columns of the Parquet file beside each part."""

Tokens = npt.NDArray[np.uint16] | npt.NDArray[np.uint32]


def dtype_for(vocab_size: int) -> str:
    """The narrower of uint16 and uint32 that holds every id below `vocab_size`."""
    return "uint16" if vocab_size <= 1 << 16 else "uint32"


@dataclass(frozen=True, eq=False)
class Sequences:
    """The sequences of a source, or its held-out ones: rows of part files laid end to end."""

    folder: Path
    parts: list[dict[str, Any]]
    sequence_length: int
    dtype: str

    @cached_property
    def ends(self) -> npt.NDArray[np.int64]:
        """int64 [parts]: number of rows up to and with each part."""
        return np.cumsum([part["n_sequences"] for part in self.parts], dtype=np.int64)

    def __len__(self) -> int:
        return int(self.ends[-1]) if self.parts else 0

    def at(self, indices: npt.ArrayLike) -> Tokens:
        """Sequences by number, [n, sequence_length]; files are mapped when first read.

        Raises:
            IndexError: there is no such sequence.
        """
        wanted = np.asarray(indices, np.int64)
        if len(wanted) and not 0 <= wanted.min() <= wanted.max() < len(self):
            raise IndexError(f"sequences are 0 to {len(self) - 1}: asked {wanted.min()} to {wanted.max()}")
        out = np.empty((len(wanted), self.sequence_length), self.dtype)
        owner = np.searchsorted(self.ends, wanted, side="right")
        for part in np.unique(owner):
            here = owner == part
            out[here] = self._rows(part)[wanted[here] - self._begin(part)]
        return out

    def chunks(self, sequence: int) -> list[dict[str, Any]]:
        """The chunks of one sequence in order, with the columns of CHUNK_ROWS."""
        if not 0 <= sequence < len(self):
            raise IndexError(f"sequences are 0 to {len(self) - 1}: asked {sequence}")
        part = np.searchsorted(self.ends, sequence, side="right")
        file = (self.folder / self.parts[part]["file"]).with_suffix(".parquet")
        row = sequence - self._begin(part)
        rows: list[dict[str, Any]] = pq.read_table(file, filters=[("sequence", "=", row)]).to_pylist()
        return rows

    def _begin(self, part: np.intp) -> int:
        return int(self.ends[part]) - int(self.parts[part]["n_sequences"])

    def _rows(self, part: np.intp) -> Tokens:
        record = self.parts[part]
        return _mapped(self.folder / record["file"], self.dtype, record["n_sequences"], self.sequence_length)


@cache
def _mapped(path: Path, dtype: str, n_sequences: int, sequence_length: int) -> Tokens:
    # Not kept by the instance, which so stays small when it is pickled.
    little: np.dtype[Any] = np.dtype(dtype).newbyteorder("<")
    want = n_sequences * sequence_length * little.itemsize
    if (have := path.stat().st_size) != want:
        raise RunError(f"{path} has {have} bytes and should have {want}; delete its folder and run again")
    return np.memmap(path, little, "r", shape=(n_sequences, sequence_length))


@dataclass(frozen=True, eq=False)
class TokenFolder:
    """A finished tokens folder. Get one with `TokenFolder.open`."""

    path: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Read `tokens.json`.

        Raises:
            RunError: it is not there: the folder is not finished.
        """
        manifest = Path(path) / MANIFEST
        if not manifest.exists():
            raise RunError(f"{path} is no finished tokens folder: it has no {MANIFEST}")
        return cls(Path(path), read_json(manifest))

    @property
    def sources(self) -> list[str]:
        """Names of the sources, in the order of the recipe."""
        return list(self.manifest["sources"])

    @property
    def sequence_length(self) -> int:
        """Tokens in a sequence."""
        return int(self.manifest["sequence_length"])

    @property
    def vocab_size(self) -> int:
        """Largest id + 1."""
        return int(self.manifest["vocab_size"])

    @property
    def end_of_text(self) -> int:
        """The id that begins each chunk, and fills padding."""
        return int(self.manifest["end_of_text"])

    @cached_property
    def token_bytes(self) -> npt.NDArray[np.int32]:
        """int32 [vocab_size]: UTF-8 bytes of each token; 0 for control ids."""
        n_bytes: npt.NDArray[np.int32] = np.load(self.path / TOKEN_BYTES, allow_pickle=False)
        return n_bytes

    def of(self, source: str, heldout: bool = False) -> Sequences:
        """The training sequences of a source, or its held-out ones."""
        record = self.manifest["sources"][source]
        parts = (record["heldout"] if heldout else record)["parts"]
        return Sequences(self.path, parts, self.sequence_length, self.manifest["dtype"])

    def n_sequences(self, source: str, heldout: bool = False) -> int:
        """Number of training sequences of a source, or of its held-out ones."""
        return len(self.of(source, heldout))

    def sequences(self, source: str, indices: npt.ArrayLike) -> Tokens:
        """Training sequences by number: [n, sequence_length]."""
        return self.of(source).at(indices)

    def heldout(self, source: str, indices: npt.ArrayLike | None = None) -> Tokens:
        """Held-out sequences by number, all of them by default: [n, sequence_length]."""
        sequences = self.of(source, heldout=True)
        return sequences.at(np.arange(len(sequences)) if indices is None else indices)

    def provenance(
        self, source: str, sequence: int, position: int, heldout: bool = False
    ) -> dict[str, Any] | None:
        """The chunk that position `position` of a sequence lies in, with the columns of CHUNK_ROWS.

        The token is number `first_token + position - start - 1` of its document. None where there is padding.
        """
        chunks = self.of(source, heldout).chunks(sequence)
        covering = (p for p in chunks if p["start"] <= position < p["start"] + p["n_tokens"])
        return next(covering, None)
