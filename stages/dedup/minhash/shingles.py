"""Shingles of documents, as hashes: what a shingle is, sets of them, and how much two sets have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import PlanError
from stages.dedup.minhash.plain import hash_shingles
from stages.dedup.minhash.samples import overlap, sample, sample_room
from stages.text.buffers import Texts, view
from stages.text.table import Hashes, Rows

Unit: TypeAlias = Literal["word", "char"]
Profile: TypeAlias = Literal["default", "datatrove", "gpt3"]
Hashing: TypeAlias = Literal["xxhash", "sha1"]
Bits: TypeAlias = Literal[32, 64]

_PART_BYTES = 1 << 18
"""Text whose shingles are made at once: they are still in the second cache when they are looked at."""
_SPARE = 16
"""Hashes that may be written behind the last."""


@dataclass(frozen=True)
class Shingling:
    """What the shingles of a text are."""

    unit: Unit = "word"
    """Words, or characters (code points) with white space made one space."""
    ngram: int = 5
    """Units in a shingle; a CJK ideograph or kana is a word."""
    profile: Profile = "default"
    """`default`: lower case, words as in `stages.text.words`. `datatrove`: as the module of that name says,
    for signatures equal to datatrove's. `gpt3`: single words, as features of Spark (module `spark`)."""
    hashing: Hashing = "xxhash"
    """Of `datatrove`, which has both; FineWeb took sha1."""

    def __post_init__(self) -> None:
        """
        Raises:
            PlanError: there is no such shingling.
        """
        if self.ngram < 1:
            raise PlanError(f"ngram must be at least 1, not {self.ngram}")
        if self.profile != "default" and self.unit != "word":
            raise PlanError(f"profile {self.profile} has shingles of words, not of unit {self.unit}")
        if self.profile == "gpt3" and self.ngram != 1:
            raise PlanError(f"profile gpt3 has shingles of one word: ngram must be 1, not {self.ngram}")
        if self.profile != "datatrove" and self.hashing != "xxhash":
            raise PlanError(f"hashing {self.hashing} is for profile datatrove alone")


class Part(NamedTuple):
    """The shingles of some rows in a row, repeated ones included; valid until the next part."""

    first: int
    """Number of the first row."""
    hashes: Hashes
    """uint64 [shingles]; of `gpt3` the numbers of the features."""
    ends: Rows
    """int64 [rows + 1]: those of the i-th row stand at `ends[i]:ends[i + 1]`."""


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
    table = sample_room(at_most)
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
    found = Overlap(np.zeros(len(a)), np.zeros(len(a), np.int64), np.zeros(len(a), np.int64))
    overlap(*_flat(a), *_flat(b), found.shared, found.union)
    np.divide(found.shared, found.union, out=found.jaccard, where=found.union > 0)
    return found


def _flat(sets: pa.ListArray) -> tuple[Hashes, npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    values = sets.values.to_numpy(zero_copy_only=True).view(np.uint64)
    ends = sets.offsets.to_numpy(zero_copy_only=True)
    valid = sets.is_valid().to_numpy(zero_copy_only=False)
    for each in (values, ends, valid):  # Arrow gives some so already, and Numba would compile for either
        each.flags.writeable = False
    return values, ends, valid


def parts(array: pa.StringArray, shingling: Shingling, bits: Bits = 64) -> Iterator[Part]:
    """The hashes of all shingles of `array`, some rows at a time; `bits` counts for `datatrove` alone."""
    texts = view(array if shingling.profile == "default" else _final_sigmas(array))
    cuts = _cuts(texts.offsets)
    longest = int(np.diff(texts.offsets[cuts]).max(initial=0))
    fill = _filler(shingling, bits, longest)
    room = np.empty(longest + len(array) + _SPARE, np.uint64)
    for first, last in pairwise(cuts):
        ends = np.zeros(last - first + 1, np.int64)
        fill(Texts(texts.data, texts.offsets[first : last + 1], texts.valid[first:last]), room, ends)
        yield Part(first, room[: ends[-1]], ends)


def _cuts(offsets: npt.NDArray[np.int32]) -> list[int]:
    """Where parts begin, and the number of rows: as many rows as make _PART_BYTES, or one that is longer."""
    cuts = [0]
    while cuts[-1] < len(offsets) - 1:
        end = int(np.searchsorted(offsets, int(offsets[cuts[-1]]) + _PART_BYTES, "right")) - 1
        cuts.append(max(end, cuts[-1] + 1))
    return cuts


def _filler(shingling: Shingling, bits: Bits, longest: int) -> Callable[[Texts, Hashes, Rows], None]:
    """What writes the hashes of a part of up to `longest` bytes, and where those of each row end."""
    ngram = shingling.ngram
    if shingling.profile == "default":
        chars = shingling.unit == "char"
        return lambda texts, out, ends: hash_shingles(*texts, chars, ngram, out, ends)
    # Imported where they are wanted: tables of Unicode and of English take time to make.
    if shingling.profile == "gpt3":
        from stages.dedup.minhash import spark

        lowered = np.empty(longest * spark.GROWTH, np.uint8)
        return lambda texts, out, ends: spark.hash_words(*texts, lowered, out, ends)
    from stages.dedup.minhash import datatrove

    scratch = datatrove.room(longest)
    hashing = datatrove.SHA1 if shingling.hashing == "sha1" else datatrove.XXHASH
    return lambda texts, out, ends: datatrove.hash_shingles(*texts, ngram, hashing, bits, out, ends, scratch)


def _final_sigmas(array: pa.StringArray) -> pa.StringArray:
    """`array`, texts with a capital sigma in lower case: which of two it becomes, the word decides."""
    found = pc.fill_null(pc.match_substring(array, "Σ"), False)
    if not found.true_count:
        return array
    lowered = pa.array([text.lower() for text in array.filter(found).to_pylist()], pa.string())
    return pc.replace_with_mask(array, found, lowered)
