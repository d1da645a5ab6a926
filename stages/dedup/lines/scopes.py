"""Scopes, within which copies count: the corpus, or documents of one source, domain or file."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.schema import FILE, ID, SOURCE, URL
from stages.text.buffers import Bytes, Offsets, view
from stages.text.hashing import xxh64
from stages.text.kernel import kernel
from stages.urls.address import take_apart
from stages.urls.split import strings

Within: TypeAlias = Literal["corpus", "source", "domain", "file"]

COLUMNS = {
    "corpus": pa.schema([]),
    "source": pa.schema([ID, SOURCE]),
    "domain": pa.schema([ID, URL]),
    "file": pa.schema([ID, FILE]),
}
"""Columns that say what the scope of a document is."""


def scopes(batch: pa.RecordBatch, within: Within) -> npt.NDArray[np.uint64]:
    """uint64 [rows]: a hash of each document's scope.

    A document whose scope is not known (an address without a host, a null source) is a scope of its own:
    its id is hashed in place of it.
    """
    hashes = np.zeros(len(batch), np.uint64)
    if within != "corpus":
        named = sites(batch.column("url")) if within == "domain" else batch.column(within)
        _hash(*view(batch.column("id")), np.uint64(1), hashes)
        _hash(*view(named), np.uint64(2), hashes)
    return hashes


def sites(urls: pa.StringArray) -> pa.StringArray:
    """The registered domain of each address, or its host where none was registered (`localhost`, 10.0.0.1).

    Names under which companies give out sites (github.io) count as suffixes. Null without a host.
    """
    _, _, hosts, domains = take_apart(urls, private=True)
    starts = np.where(domains[:, 1] >= 0, domains[:, 1], hosts.offsets[:-1])
    return strings(hosts.data, np.where(hosts.valid, starts, -1), hosts.offsets[1:])


@kernel
def _hash(
    data: Bytes, offsets: Offsets, valid: npt.NDArray[np.bool_], seed: np.uint64, out: npt.NDArray[np.uint64]
) -> None:
    for row in range(len(valid)):
        if valid[row]:
            out[row] = xxh64(data, np.int64(offsets[row]), np.int64(offsets[row + 1]), seed)
