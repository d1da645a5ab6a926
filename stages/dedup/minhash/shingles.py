"""Shingles of documents, as hashes: what a shingle is, sets of them, and how much two sets have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import PlanError
from stages.dedup.minhash.banding import Minima
from stages.dedup.minhash.samples import overlap, sample, sample_scratch
from stages.text.buffers import Texts, view
from stages.text.table import Hashes, Rows

Unit: TypeAlias = Literal["word", "char"]
Hashing: TypeAlias = Literal["xxhash", "sha1"]
Bits: TypeAlias = Literal[32, 64]
Hasher: TypeAlias = Callable[[Texts, Hashes, Rows], None]
"""Writes the hashes of all shingles of some texts, and where those of each text end (see `Part`)."""

_PART_BYTES = 1 << 18
"""Bytes of text whose shingles are made at once: they are still in the second cache when they are read."""
_SPARE = 16
"""Hashes that may be written behind the last."""


@dataclass(frozen=True, kw_only=True)
class Shingling:
    """A profile of `minhash_dedup`: what the shingles of a text are, and how their hashes are permuted.

    Each profile is a subclass, registered by name in the entry-point group `pipeline.minhash_profiles`.
    The defaults of its fields, `bands` and `rows` are what the step does unless its settings say otherwise.
    """

    bands: ClassVar[int] = 14
    rows: ClassVar[int] = 8
    choices: ClassVar[Mapping[str, Sequence[Any]]] = {}
    """Fields of which the profile takes these values only."""

    unit: Unit = "word"
    """What a shingle is made of: words, or characters (code points)."""
    ngram: int = 5
    """Number of units in a shingle."""
    hashing: Hashing = "xxhash"
    """Hash of a shingle, where the profile has several."""
    bits: Bits = 32
    """Bits of a minimum."""

    def __post_init__(self) -> None:
        """
        Raises:
            PlanError: the profile does not take these settings.
        """
        for name, values in self.choices.items():
            if (value := getattr(self, name)) not in values:
                profile, known = type(self).__name__.lower(), " or ".join(map(str, values))
                raise PlanError(f"{name}: profile {profile} takes {known}, not {value}")

    def prepared(self, array: pa.StringArray) -> pa.StringArray:
        """The texts as `hasher` wants them."""
        return array

    def hasher(self, longest: int, bits: Bits) -> Hasher:
        """A hasher of texts of up to `longest` bytes. Hashes have `bits` bits if the profile has both."""
        raise NotImplementedError

    def lower_minima(self, hashes: Hashes, ends: Rows, seed: int, minima: Minima) -> None:
        """Lower `minima` [rows, permutations], all ones at first, by the permuted hashes of each row."""
        raise NotImplementedError


class Part(NamedTuple):
    """The shingles of some rows in a row, repeated ones included; valid until the next part."""

    first: int
    """Number of the first row."""
    hashes: Hashes
    """uint64 [shingles]: hashes of shingles; of `gpt3` the numbers of the features."""
    ends: Rows
    """int64 [rows + 1]: the hashes of the i-th row stand at `ends[i]:ends[i + 1]`."""


class Overlap(NamedTuple):
    """What pairs of sets have in common, one value for each; all 0 where either is null."""

    jaccard: npt.NDArray[np.float64]
    """float64: shared / union, 0 for two empty sets."""
    shared: Rows
    """int64: shingles in both; of samples, below the lower bound."""
    union: Rows
    """int64: shingles in either, likewise."""


def shingle_sets(array: pa.StringArray, shingling: Shingling, at_most: int) -> pa.ListArray:
    """list<int64>: for each text the hashes of its shingles, each once, ascending as unsigned numbers.

    All are odd. Of more than `at_most` only those below a bound 2^(64 - j) are kept, with the smallest j that
    leaves no more than that; then the bound itself, which is even, is the last element. What is kept depends
    on the hash alone, so samples with different bounds compare below the lower one. Texts without a shingle,
    and null, give null.

    Source: adaptive sampling, Wegman 1984, in Flajolet 1990, "On adaptive sampling".
    """
    if at_most < 1:
        raise ValueError(f"at_most must be at least 1, not {at_most}")
    values, lengths = [], np.zeros(len(array), np.int64)
    table = sample_scratch(at_most)
    for part in parts(array, shingling):
        n = np.diff(part.ends)
        out = np.empty(int(np.minimum(n, at_most).sum() + np.count_nonzero(n > at_most)), np.uint64)
        rows = lengths[part.first : part.first + len(n)]
        values.append(out[: sample(part.hashes, part.ends, at_most, table, out, rows)])
    joined = np.concatenate([np.empty(0, np.uint64), *values]).view(np.int64)
    ends = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    return pa.ListArray.from_arrays(ends, pa.array(joined), mask=pa.array(lengths == 0))


def jaccard(a: pa.ListArray, b: pa.ListArray) -> Overlap:
    """Row by row, how alike two columns of `shingle_sets` are: exactly, or below the lower bound of both."""
    if len(a) != len(b):
        raise ValueError(f"{len(a)} sets cannot be paired with {len(b)}")
    counts = Overlap(np.zeros(len(a)), np.zeros(len(a), np.int64), np.zeros(len(a), np.int64))
    overlap(*_flat(a), *_flat(b), counts.shared, counts.union)
    np.divide(counts.shared, counts.union, out=counts.jaccard, where=counts.union > 0)
    return counts


def _flat(sets: pa.ListArray) -> tuple[Hashes, npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    values = sets.values.to_numpy(zero_copy_only=True).view(np.uint64)
    ends = sets.offsets.to_numpy(zero_copy_only=True)
    valid = sets.is_valid().to_numpy(zero_copy_only=False)
    for each in (values, ends, valid):  # Arrow gives some so already, and Numba would compile for either
        each.flags.writeable = False
    return values, ends, valid


def parts(array: pa.StringArray, shingling: Shingling, bits: Bits = 64) -> Iterator[Part]:
    """The hashes of all shingles of `array`, some rows at a time."""
    texts = view(shingling.prepared(array))
    cuts = _cuts(texts.offsets)
    longest = int(np.diff(texts.offsets[cuts]).max(initial=0))
    write = shingling.hasher(longest, bits)
    room = np.empty(longest + len(array) + _SPARE, np.uint64)
    for first, last in pairwise(cuts):
        ends = np.zeros(last - first + 1, np.int64)
        write(Texts(texts.data, texts.offsets[first : last + 1], texts.valid[first:last]), room, ends)
        yield Part(first, room[: ends[-1]], ends)


def _cuts(offsets: npt.NDArray[np.int32]) -> list[int]:
    """First rows of parts, and the number of rows. A part has rows of _PART_BYTES, or one that is longer."""
    cuts = [0]
    while cuts[-1] < len(offsets) - 1:
        end = int(np.searchsorted(offsets, int(offsets[cuts[-1]]) + _PART_BYTES, "right")) - 1
        cuts.append(max(end, cuts[-1] + 1))
    return cuts


def lower_sigmas(array: pa.StringArray) -> pa.StringArray:
    """`array`, texts with a capital sigma in lower case: which of two it becomes, the word decides."""
    has_sigma = pc.fill_null(pc.match_substring(array, "Σ"), False)
    if not has_sigma.true_count:
        return array
    lowered = pa.array([text.lower() for text in array.filter(has_sigma).to_pylist()], pa.string())
    return pc.replace_with_mask(array, has_sigma, lowered)
