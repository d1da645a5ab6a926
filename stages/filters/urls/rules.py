"""The stage `url_rules`: which lists and limits decide about a document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.bounds import Count
from pipeline.errors import PlanError
from pipeline.registry import suggest
from pipeline.schema import put
from stages.filters.measured import Limit, Limits, SignalRules, named
from stages.filters.urls.signals import ADDRESS

LISTS = ("block", "allow", "words", "soft_words", "substrings", "exempt")
"""Settings that name lists."""


@dataclass(frozen=True, kw_only=True)
class UrlRules(SignalRules):
    """Drop documents by where they are from; without settings, only those that have no address.

    Source: Penedo et al. 2023 (RefinedWeb), arXiv:2306.01116, appendix G.1 (blocked domains, one hard or two
        soft words); Radford et al. 2019 (GPT-2), section 2.1: pages linked with a score of at least 3.
    Differs: all rules that fail are named, where others stop at the first.
    Null: a document without an address is dropped, reason `no_signals`, or kept with `without_url: keep`.
    Cost: 0.3 us a document.
    """

    signals: ClassVar[pa.Field] = ADDRESS
    measured_by: ClassVar[str] = "url_signals"
    stage: ClassVar[str] = "url_rules"
    published: ClassVar[Mapping[str, Limits]] = {"paper": {}, "datatrove": {}}
    example: ClassVar[Mapping[str, Any]] = {"block": ("adult",), "max_path_depth": 20}

    block: tuple[str, ...] = ()
    """Lists of `url_signals`; a document in one of them is dropped."""
    allow: tuple[str, ...] = ()
    """Lists; a document in none of them is dropped."""
    words: tuple[str, ...] = ()
    """Lists; one word of them is enough to drop a document."""
    soft_words: tuple[str, ...] = ()
    """Lists; `n_soft_words` different entries of one of them drop a document."""
    n_soft_words: Count = 2
    """See `soft_words`."""
    substrings: tuple[str, ...] = ()
    """Lists; one text of them is enough to drop a document."""
    exempt: tuple[str, ...] = ()
    """Lists; a document in one of them is kept whatever the rules say."""
    without_url: Literal["drop", "keep"] = "drop"
    """What becomes of documents without an address."""
    min_score: Limit = "profile"
    """Smallest score of a `scored` list; a document in none has no score and is dropped."""
    max_n_labels: Limit = "profile"
    """Most labels of the host."""
    max_path_depth: Limit = "profile"
    """Most segments of the path."""
    max_n_parameters: Limit = "profile"
    """Most parameters of the query."""
    max_n_chars: Limit = "profile"
    """Most characters."""
    min_n_words: Limit = "profile"
    """Fewest words."""
    max_n_words: Limit = "profile"
    """Most words."""
    max_n_digits: Limit = "profile"
    """Most digits."""
    max_n_hyphens: Limit = "profile"
    """Most hyphens."""
    max_frac_digits: Limit = "profile"
    """Largest share of characters that are digits."""

    def flow(self, schema: pa.Schema) -> pa.Schema:
        """Raise PlanError, too, where a list is named that `url_signals` does not look at."""
        out = super().flow(schema)
        given = (schema.field("address").metadata or {}).get(b"lists")
        have = json.loads(given) if given else None
        for setting in LISTS:
            for name in getattr(self, setting):
                if have is not None and name not in have:
                    hint = suggest(name, have) or (f"; it has {', '.join(have)}" if have else "")
                    raise PlanError(f"{setting}: url_signals has no list {name!r}{hint}")
        return out

    def reasons(self, batch: pa.RecordBatch) -> pa.ListArray:
        addresses = batch.column("address")
        # A null score is a document in no list, not a signal that is missing.
        broken = self.failed(_scored(batch))
        rows, lists = _matches(addresses)

        def counts(setting: str) -> npt.NDArray[np.int64]:
            """int64 [lists named, rows]: different entries of each list that match."""
            wanted: Sequence[str] = getattr(self, setting)
            hits = [np.bincount(rows[lists == name], minlength=len(batch)) for name in wanted]
            return np.array(hits, np.int64).reshape(len(wanted), len(batch))

        least = {"block": 1, "words": 1, "soft_words": self.n_soft_words, "substrings": 1}
        failed = [(counts(setting) >= n).any(axis=0) for setting, n in least.items()]
        failed.append(~(counts("allow") > 0).any(axis=0) if self.allow else np.zeros(len(batch), np.bool_))
        all_rules = np.column_stack([broken[:, 0], *failed, broken[:, 1:]])
        without = addresses.is_null().to_numpy(zero_copy_only=False)
        all_rules[without] = False
        all_rules[without, 0] = self.without_url == "drop"
        all_rules[(counts("exempt") > 0).any(axis=0)] = False
        return named(all_rules, ["no_signals", *least, "allow", *self.rules()])


def _scored(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The column with minus infinity for a score that is null."""
    address = batch.column("address")
    arrays = dict(zip((f.name for f in address.type), address.flatten(), strict=True))
    arrays["score"] = pc.fill_null(arrays["score"], -np.inf)
    struct = pa.StructArray.from_arrays(
        list(arrays.values()), fields=list(address.type), mask=address.is_null()
    )
    return put(batch, batch.schema.field("address"), struct)


def _matches(addresses: pa.StructArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Row and list of each match."""
    matches = pc.struct_field(addresses, "matches")
    rows = pc.list_parent_indices(matches).to_numpy().astype(np.int64)
    return rows, pc.list_flatten(matches).to_numpy(zero_copy_only=False)
