"""Sets of hashes, sorted, and samples of large ones that compare with each other: the kernels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stages.text.hashing import avalanche
from stages.text.kernel import Int, device, kernel
from stages.text.slots import bits_for
from stages.text.table import Hashes, Rows

_ONE, _BITS = np.uint64(1), np.uint64(64)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
Ends = npt.NDArray[np.int32]
Valid = npt.NDArray[np.bool_]


def sample_scratch(at_most: int) -> Hashes:
    """Scratch for samples of up to `at_most` hashes."""
    return np.empty((1 << bits_for(at_most)) + at_most + 2, np.uint64)


@kernel
def sample(hashes: Hashes, ends: Rows, at_most: Int, table: Hashes, out: Hashes, lengths: Rows) -> Int:
    """Write each row's set to `out`, one behind the other, and its length to `lengths`; gives the sum.

    A set is sorted, all its elements are odd, and if it is a sample, its bound, which is even, is the last.
    """
    n: Int = np.int64(0)
    for row in range(len(lengths)):
        first, last = ends[row], ends[row + 1]
        lengths[row] = _sample(hashes[first:last], at_most, table, out[n:])
        n += lengths[row]
    return n


@device
def _sample(hashes: Hashes, at_most: Int, table: Hashes, out: Hashes) -> Int:
    # A hash stands in the table as far as it lies below the bound, so that the table is sorted at any time
    # (Amble, Knuth 1974, "Ordered hash tables"); 0 is an empty slot.
    most = min(np.int64(len(hashes)), at_most)
    bits = bits_for(max(most, np.int64(1)))
    used = table[: (1 << bits) + most + 2]
    halvings = np.int64(0)
    n: Int = np.int64(0)
    _clear(used)
    for i in range(len(hashes)):
        h = avalanche(hashes[np.uint64(i)]) | _ONE
        if halvings and h >> (_BITS - np.uint64(halvings)):
            continue
        n += _insert(used, bits, halvings, h)
        # Too many: the bound is halved; what lies below it goes back into the table, spread twice as wide.
        while n > at_most:
            n = _drain(used, out)
            halvings += 1
            _clear(used)
            while n and out[n - 1] >> (_BITS - np.uint64(halvings)):
                n -= 1
            for j in range(n):
                _insert(used, bits, halvings, out[j])
    _drain(used, out)
    if halvings:
        out[n] = _ONE << (_BITS - np.uint64(halvings))
        n += 1
    return n


@device
def _clear(table: Hashes) -> None:
    for i in range(len(table)):
        table[np.uint64(i)] = np.uint64(0)


@device
def _insert(table: Hashes, bits: Int, halvings: Int, h: np.uint64) -> Int:
    """1 if the hash is new."""
    # The highest bits below the bound choose the slot, so the order of slots is the order of hashes.
    slot = (h << np.uint64(halvings)) >> (_BITS - np.uint64(bits))
    while table[slot] != 0 and table[slot] < h:
        slot += _ONE
    if table[slot] == h:
        return np.int64(0)
    while h:  # what stands here moves on
        table[slot], h = h, table[slot]
        slot += _ONE
    return np.int64(1)


@device
def _drain(table: Hashes, out: Hashes) -> Int:
    """Write what the table holds to `out`, which has room for one more; gives its number."""
    n: Int = np.int64(0)
    for i in range(len(table)):
        h = table[np.uint64(i)]
        if h:
            out[np.uint64(n)] = h
            n += 1
    return n


@kernel
def overlap(
    a: Hashes,
    a_ends: Ends,
    a_valid: Valid,
    b: Hashes,
    b_ends: Ends,
    b_valid: Valid,
    shared: Rows,
    union: Rows,
) -> None:
    """Fills `shared` and `union` [pairs] with how many hashes are in both sets, and in either."""
    for row in range(len(shared)):
        if a_valid[row] and b_valid[row]:
            i, last_a, bound_a = _bounds(a, np.int64(a_ends[row]), np.int64(a_ends[row + 1]))
            j, last_b, bound_b = _bounds(b, np.int64(b_ends[row]), np.int64(b_ends[row + 1]))
            bound = min(bound_a, bound_b)
            last_a, last_b = _below(a, i, last_a, bound), _below(b, j, last_b, bound)
            union[row] = last_a - i + last_b - j
            same: Int = np.int64(0)
            # No branch depends on the hashes, which no processor can predict.
            while i < last_a and j < last_b:
                left, right = a[np.uint64(i)], b[np.uint64(j)]
                same += left == right
                i += left <= right
                j += right <= left
            shared[row] = same
            union[row] -= same


@device
def _bounds(values: Hashes, first: Int, last: Int) -> tuple[Int, Int, np.uint64]:
    """(first, last, bound) of a set; without one, all hashes lie below."""
    if last > first and values[last - 1] & _ONE == 0:
        return first, last - 1, values[last - 1]
    return first, last, _ALL


@device
def _below(values: Hashes, first: Int, last: Int, bound: np.uint64) -> Int:
    """End of those in the sorted `values[first:last]` that do not lie above `bound`."""
    while first < last:
        middle = (first + last) // 2
        if values[middle] <= bound:
            first = middle + 1
        else:
            last = middle
    return first
