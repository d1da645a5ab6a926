"""Whether a page has any formula at all: most have none, and must not pay for those that do."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stages.text.buffers import Bytes, byte
from stages.text.kernel import kernel

# Where none of these stands there is no formula to find. At least `_WINDOW` bytes each.
_TRACES = (
    "<math ", "<math>", "<math\n", ":math ", ":math>", '"math/', "'math/", "=math/", "mjx-con", "mjx-chtml",
    "athJax", 'katex"', "katex ", "katex-", "latex.", "latex?", 'latex"', "latex ", "latex=", "mwe-math",
    "etex.cgi", "thtex.cgi", '"math"', '"math ', '="tex"', "equation", "data-tex=", "data-math=", 'alt="\\',
    "alt='\\", "ql-formula", "<formula",
)  # fmt: skip
_WINDOW = 6


def may_have_formulas(html: bytes) -> bool:
    """Whether the page has a trace of any formula; if not, `with_formulas` would give it back as it is."""
    return bool(_may_have(np.frombuffer(html, np.uint8), _NEEDLES, _LENGTHS, _SKIPS))


def _needles() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """The traces, one a row; their lengths; and for each pair of bytes how far the window may move on if it
    ends with that pair, and as the highest bit whether a trace begins with it.
    """
    rows = np.zeros((len(_TRACES), max(map(len, _TRACES))), np.uint8)
    skips = np.full(1 << 16, _WINDOW - 1, np.uint8)
    for row, trace in zip(rows, (t.encode() for t in _TRACES), strict=True):
        row[: len(trace)] = np.frombuffer(trace, np.uint8)
        for i in range(_WINDOW - 1):
            pair = trace[i] << 8 | trace[i + 1]
            skips[pair] = min(skips[pair] & 127, _WINDOW - 2 - i) | skips[pair] & 128
        skips[trace[0] << 8 | trace[1]] |= 128
    return rows, np.array([len(t) for t in _TRACES]), skips


_NEEDLES, _LENGTHS, _SKIPS = _needles()


@kernel
def _may_have(
    html: Bytes, needles: npt.NDArray[np.uint8], lengths: npt.NDArray[np.int64], skips: npt.NDArray[np.uint8]
) -> bool:
    """Whether any trace stands in the page (Wu and Manber 1994, with blocks of two bytes)."""
    pos = np.int64(_WINDOW - 2)  # the last pair of the window
    while pos + 1 < len(html):
        skip = byte(skips, byte(html, pos) << 8 | byte(html, pos + 1)) & 127
        first = pos - (_WINDOW - 2)
        if skip == 0 and byte(skips, byte(html, first) << 8 | byte(html, first + 1)) & 128:
            for n in range(len(needles)):
                i = 0
                while i < lengths[n] and first + i < len(html) and byte(html, first + i) == needles[n, i]:
                    i += 1
                if i == lengths[n]:
                    return True
        pos += max(skip, 1)
    return False
