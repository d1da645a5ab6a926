"""Held-out loss of each source, in nats per token and in bits per byte."""

# B sequences, T positions, V vocabulary

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from jobs.train.loader import targets_of
from jobs.train.runtime import Runtime
from pipeline import keyed
from stages.tokens.format import TokenFolder

Loss = Callable[[Tensor, Tensor], Tensor]
"""(tokens_BT, targets_BT) -> nats [B, T], 0 where the target is ignored."""
Score = dict[str, float | None]
"""loss: nats per target; bits_per_byte; targets. None where there was nothing to score."""


def heldout(folder: TokenFolder, *, most: int, seed: int) -> dict[str, Tensor]:
    """source -> int64 [at most `most`, T]: always the same held-out rows; a source may have none."""
    out = {}
    for source in folder.sources:
        if n := folder.n_sequences(source, heldout=True):
            chosen = keyed.permute(np.arange(min(n, most)), n, keyed.key(seed, "evaluate", source))
            rows = folder.heldout(source, np.sort(chosen))
            out[source] = torch.from_numpy(rows.astype(np.int64))
    return out


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Held-out rows, and what is needed to score a model on them."""

    rows: Mapping[str, Tensor]
    """source -> tokens [n, T]"""
    token_bytes_V: Tensor
    """int, UTF-8 bytes of each token, 0 for special ids."""
    end_of_text: int
    n_rows: int
    """Rows in one forward pass; the last pass of a source is filled up, so that shapes stay the same."""

    @torch.no_grad()
    def __call__(self, loss: Loss, runtime: Runtime) -> dict[str, Score]:
        """source -> its score; ranks share the rows."""
        return {source: self._score(tokens_BT, loss, runtime) for source, tokens_BT in self.rows.items()}

    def _score(self, tokens_BT: Tensor, loss: Loss, runtime: Runtime) -> Score:
        """Targets without bytes (special ids) are in the loss, and in neither sum of the bits per byte.

        Source: nanochat, `loss_eval.py` (bits per byte as nats / (ln 2 * bytes) over targets with bytes).
        """
        sums = torch.zeros(4, dtype=torch.float64, device=runtime.device)
        mine_BT = tokens_BT[runtime.rank :: runtime.world]
        token_bytes_V = self.token_bytes_V.to(runtime.device)
        for part_BT in torch.split(mine_BT, self.n_rows):
            filling = part_BT.new_full((self.n_rows - len(part_BT), part_BT.shape[1]), self.end_of_text)
            tokens = torch.cat((part_BT, filling)).to(runtime.device)
            targets = targets_of(tokens, self.end_of_text)
            nats = loss(tokens, targets).double()
            counted = targets >= 0
            n_bytes = torch.where(counted, token_bytes_V[targets.clamp(min=0)], 0)
            nats_text = torch.where(n_bytes > 0, nats, 0)
            sums += torch.stack((nats.sum(), counted.sum(), nats_text.sum(), n_bytes.sum()))
        all_nats, all_targets, all_nats_text, all_bytes = runtime.total(sums).tolist()
        return {
            "loss": all_nats / all_targets if all_targets else None,
            "bits_per_byte": all_nats_text / (math.log(2) * all_bytes) if all_bytes else None,
            "targets": int(all_targets),
        }
