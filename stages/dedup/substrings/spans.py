"""Repeated spans of documents: joined from ranges that overlap, and cut out of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.schema import DOC, column
from stages.text.kernel import Int, kernel

SPAN = pa.struct(
    [
        column("start", pa.int32(), "first byte", "bytes"),
        column("stop", pa.int32(), "the byte behind the last", "bytes"),
    ]
)
SPANS = pa.struct(
    [
        column("n_spans", pa.int32(), "repeated spans"),
        column("n_bytes", pa.int64(), "of text in them", "bytes"),
        column("frac", pa.float64(), "n_bytes by the size of the text; 0 for empty text"),
        column("spans", pa.list_(SPAN), "where in the UTF-8 of the text as it came; in order and apart"),
    ]
)
SUBSTRING = column("substring", SPANS, "what of the text stands elsewhere; null for a null text")
JOINED = pa.schema([DOC, SUBSTRING, column("share", pa.float64(), "substring.frac, for queries")])

Bounds = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]


def join(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """JOINED, one row a document, of ranges (doc, size, start, stop), sorted by doc and start.

    No document may have ranges in two batches. Ranges that overlap or touch become one span.
    """
    for batch in batches:
        doc, size = (batch.column(name).to_numpy() for name in ("doc", "size"))
        if not len(doc):
            continue
        starts, stops = (batch.column(name).to_numpy().astype(np.int32) for name in ("start", "stop"))
        first = np.flatnonzero(np.concatenate([[True], doc[1:] != doc[:-1]]))
        offsets = np.zeros(len(first) + 1, np.int32)
        n = _join(doc, starts, stops, offsets)
        yield joined(doc[first], size[first], starts[:n], stops[:n], offsets)


def joined(docs: Longs, sizes: Longs, starts: Bounds, stops: Bounds, offsets: Bounds) -> pa.RecordBatch:
    """JOINED of spans that lie at `offsets` (int32 [rows + 1]); `sizes` are of whole texts, in bytes."""
    sums = np.concatenate([[0], np.cumsum(stops - starts, dtype=np.int64)])
    n_bytes = sums[offsets[1:]] - sums[offsets[:-1]]
    frac = n_bytes / np.maximum(sizes, 1)
    lists = pa.ListArray.from_arrays(
        pa.array(offsets), pa.StructArray.from_arrays([pa.array(starts), pa.array(stops)], fields=list(SPAN))
    )
    fields = [pa.array(np.diff(offsets)), pa.array(n_bytes), pa.array(frac), lists]
    struct = pa.StructArray.from_arrays(fields, fields=list(SPANS))
    return pa.RecordBatch.from_arrays([pa.array(docs), struct, pa.array(frac)], schema=JOINED)


@kernel
def _join(doc: Longs, starts: Bounds, stops: Bounds, offsets: Bounds) -> Int:
    """Spans, in place, and where those of each document end; returns their number."""
    n: Int = np.int64(0)
    row: Int = np.int64(0)
    for i in range(len(doc)):
        start, stop = starts[i], stops[i]
        if i > 0 and doc[i] != doc[i - 1]:
            row += 1
            offsets[row] = n
        if n > offsets[row] and start <= stops[n - 1]:
            stops[n - 1] = max(stops[n - 1], stop)
        else:
            starts[n], stops[n] = start, stop
            n += 1
    offsets[row + 1] = n
    return n


def cut(text: str, spans: Sequence[Mapping[str, int]]) -> str:
    """`text` without its spans (byte ranges, in order and apart).

    Of the white space around what is cut, the run with most line feeds stays, the first of equals, and none
    where the text then begins or ends. Elsewhere white space stays as it is.
    """
    if not spans:
        return text
    data = text.encode()
    edges = [0, *(edge for span in spans for edge in (span["start"], span["stop"])), len(data)]
    chunks = [data[a:b].decode() for a, b in zip(edges[::2], edges[1::2], strict=True)]
    kept: list[str] = []
    gap = ""
    for i, chunk in enumerate(chunks):
        body = chunk.strip()
        lead, _, trail = chunk.partition(body) if body else (chunk, "", "")
        if i:
            gap = max(gap, lead, key=lambda space: (space.count("\n"), space != ""))
        else:
            gap = lead if body else ""
        if body:
            kept += [gap if kept or not i else "", body]
            gap = trail
    return "".join([*kept, gap if chunks[-1].strip() else ""])
