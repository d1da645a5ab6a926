"""Numbers for things that recur: an open-addressing table in arrays that are passed in and never cleared.

An id is given only once, so whatever is older than the ids of the present document is an empty
slot. A short document uses the first few slots alone, which stay in the processor's cache.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stages.text.hashing import P1
from stages.text.kernel import Int, device

Slots = npt.NDArray[np.uint64]
"""uint64 [slots, 2]: a key beside its id, which the processor then fetches together; ids start at 1."""


def slots(n: int) -> Slots:
    """Room for `n` different keys."""
    return np.zeros((1 << bits_for(max(n, 1)), 2), np.uint64)


@device
def bits_for(n: Int) -> Int:
    """How many bits number the slots that `n` keys need: at most half of them are taken."""
    bits = 1
    while 1 << bits < 2 * n:
        bits += 1
    return bits


@device
def number(slots: Slots, bits: Int, oldest: Int, key: np.uint64, fresh: Int) -> Int:
    """The id of `key`, which is `fresh` if it has none from `oldest` on. Uses the first 2^`bits` slots."""
    mask = np.uint64((1 << bits) - 1)
    # The high bits of the product depend on all bits of the key (Fibonacci hashing).
    slot = (key * P1) >> np.uint64(64 - bits)
    # Ids only grow: what is older than this document's first is a free slot, and nothing is ever cleared.
    while slots[slot, 1] >= np.uint64(oldest):
        if slots[slot, 0] == key:
            return np.int64(slots[slot, 1])
        slot = (slot + np.uint64(1)) & mask
    slots[slot, 0] = key
    slots[slot, 1] = fresh
    return fresh
