"""Documents with the same text, or from the same address."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from pipeline.errors import PlanError
from pipeline.schema import ID, TEXT, URL, column
from pipeline.stage import Look, Relation, Sql
from stages.dedup.choose import KNOWN, Copies
from stages.text.buffers import Texts, view
from stages.text.comparable import comparable
from stages.text.normal import Normalize, normalised
from stages.urls.address import split_hosts
from stages.urls.normal import page


@dataclass(frozen=True, kw_only=True)
class ExactDedup(Copies):
    """Keep one of all documents whose text (or address) is the same.

    Source: equality, by 128-bit XXH3: among 10^12 different texts the chance that any two collide is 10^-15.
    Not implemented: addresses that differ in parameters which change nothing (`utm_source`) are different.
    Null: null is equal to nothing, nor is an address that names nothing (empty, or `#`); empty text is equal
        to empty text.
    Cost: 48 us for a document of 10 kB, 1 us with `normalize: none`.
    """

    version: ClassVar[int] = 3
    reads: ClassVar[pa.Schema] = pa.schema([ID, TEXT])
    key_columns: ClassVar[pa.Schema] = pa.schema(
        [
            *KNOWN,
            column("hash_high", pa.int64(), "first half of the key's hash; null where the key is null"),
            column("hash_low", pa.int64(), "second half"),
        ]
    )

    key: Literal["text", "url"] = "text"
    """What must be equal."""
    normalize: Literal["usual", "none", "whitespace", "lower", "cc_net", "datatrove", "canonical"] = "usual"
    """What does not count. Of text: `whitespace` (runs of it are one space, and none at the ends; the usual),
    `lower` (space at the ends, and case), both also what nobody sees: how accents are composed, zero-width
    characters, soft hyphens; and what `cc_net` and `datatrove` take off before they compare (see
    `stages.text.normal`). Of addresses: `canonical` (scheme, `www.`, default port, fragment, last slash, how
    characters are escaped; the usual)."""
    column: str = "exact_cluster"

    def check(self) -> None:
        super().check()
        if self.normalize not in ("usual", "none", *NORMAL[self.key]):
            raise PlanError(f"normalize: {self.normalize} is not for key: {self.key}")

    def needs(self) -> pa.Schema:
        have = self.chosen_by()
        wanted = TEXT if self.key == "text" else URL
        return have if wanted.name in have.names else have.append(wanted)

    def keys(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        values = batch.column(self.key)
        normalize = NORMAL[self.key][0] if self.normalize == "usual" else self.normalize
        texts = normal(values, normalize)
        high, low = digests(texts)
        null = values.is_null().to_numpy(zero_copy_only=False)
        if self.key == "url":
            null |= np.diff(texts.offsets) == 0
        arrays = [*self.known(batch), pa.array(high, mask=null), pa.array(low, mask=null)]
        return pa.RecordBatch.from_arrays(arrays, schema=self.key_columns)

    def relate(self, keys: Relation, sql: Sql, look: Look) -> Relation:
        shared = sql(
            "SELECT hash_high, hash_low, min(doc) AS label FROM {keys} WHERE hash_high IS NOT NULL "
            "GROUP BY hash_high, hash_low HAVING count(*) > 1",
            keys=keys,
        )
        clusters = sql(
            "SELECT k.doc, s.label FROM {keys} AS k JOIN {shared} AS s "
            "ON k.hash_high = s.hash_high AND k.hash_low = s.hash_low",
            keys=keys,
            shared=shared,
        )
        return self.choose(clusters, keys, sql, "duplicate")


NORMAL = {"text": ("whitespace", "lower", "cc_net", "datatrove"), "url": ("canonical",)}
"""What of a key may be made alike; the first is the usual."""


def digests(texts: Texts) -> npt.NDArray[np.int64]:
    """int64 [2, rows]: the halves of XXH3-128 of each row's bytes."""
    data = texts.data.data
    ends = texts.offsets.tolist()
    digest = xxhash.xxh3_128_digest
    joined = b"".join(digest(data[a:b]) for a, b in pairwise(ends))
    return np.frombuffer(joined, ">i8").reshape(-1, 2).T.astype(np.int64)


def normal(values: pa.StringArray, normalize: str) -> Texts:
    """Texts or addresses without what does not count."""
    if normalize == "canonical":
        return canonical(values)
    if normalize in ("whitespace", "lower"):
        values = comparable(values)
    return view(values) if normalize == "none" else normalised(view(values), cast(Normalize, normalize))


def canonical(urls: pa.StringArray) -> Texts:
    """What addresses of one page share; see `stages.urls.normal.page`."""
    texts, spans, hosts = split_hosts(urls)
    data, offsets = page(texts.data, spans, hosts.data, hosts.offsets)
    return Texts(data, offsets.astype(np.int32), texts.valid)
