"""The texts of a reference corpus by language: a keyed sample of the documents that a run made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from classifiers.sample import KeyedSample, draw
from classifiers.sampling import KEY, Sampling
from pipeline.schema import TEXT
from pipeline.section import Context
from stages.identify.language import LANGUAGE

KEYED = pa.schema([TEXT, LANGUAGE, KEY])


@dataclass(frozen=True)
class Reference:
    """At most so many texts of each language, each text once."""

    sample: KeyedSample

    @classmethod
    def draw(
        cls,
        context: Context,
        folder: Path,
        *,
        language: str,
        rename: Mapping[str, str],
        n_documents: int,
        heldout_frac: float,
        seed: int,
    ) -> Reference:
        """Draw it from the documents of a run, whose column `language` names their languages."""
        sampling = Sampling(
            name="reference",
            columns=(TEXT.name,),
            budget=n_documents,
            by="text",
            stratum=language,
            rename=rename,
            heldout_frac=heldout_frac,
            seed=seed,
        )
        return cls(draw(context, sampling, folder))

    @property
    def languages(self) -> list[str]:
        """All of them, in order."""
        return self.sample.strata

    @property
    def n_documents(self) -> Counter[str]:
        """language -> documents that there are."""
        return self.sample.n_documents

    def size(self, language: str) -> int:
        """Texts in the sample."""
        return self.sample.size(language)

    def n_fitted(self, language: str) -> int:
        """Texts in the sample that are not held out."""
        return self.sample.n_fitted(language)

    def texts(self, language: str, heldout: bool) -> Iterator[pa.RecordBatch]:
        """Columns of KEYED: as `identify_language` would give them, and the key; in any order."""
        for batch in self.sample.batches(language, heldout):
            names = pa.repeat(pa.scalar(language, pa.string()), len(batch))
            struct = [names, pa.array(np.ones(len(batch), np.float32))]
            column = pa.StructArray.from_arrays(struct, fields=list(LANGUAGE.type))
            arrays = [batch.column(TEXT.name), column, batch.column(KEY.name)]
            yield pa.RecordBatch.from_arrays(arrays, schema=KEYED)
