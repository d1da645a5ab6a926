"""The model and its optimizer on one device of one or several, and what one step does to them."""

# B sequences, T positions, S sources

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from jobs.train.attention import layout
from jobs.train.config import TrainSettings
from jobs.train.loader import Batch
from jobs.train.model import LanguageModel
from jobs.train.optim import adamw
from jobs.train.runtime import Runtime


class Update(NamedTuple):
    """What one step saw, over all ranks; on the device, so that nothing waits for it."""

    sums: Tensor
    """float64 [3, S]: of each source the nats, the targets and the sequences."""
    grad_norm: Tensor
    """Before clipping."""

    @property
    def loss(self) -> float:
        """Nats per target."""
        return (self.sums[0].sum() / self.sums[1].sum()).item()


class Learner:
    """A model in training. All ranks hold the same weights; gradients are averaged over ranks."""

    def __init__(
        self,
        settings: TrainSettings,
        runtime: Runtime,
        *,
        vocab_size: int,
        end_of_text: int,
        n_sources: int,
        n_sequences: int,
    ):
        self.settings, self.runtime = settings, runtime
        self.end_of_text, self.n_sources = end_of_text, n_sources
        self.n_rows = max(n for n in range(1, settings.run.micro_batch + 1) if n_sequences % n == 0)
        """Sequences of one forward pass: all passes of the rank's `n_sequences` are alike."""
        self.raw = LanguageModel(settings.model, vocab_size, seed=settings.seed, dtype=runtime.dtype)
        self.raw.to(runtime.device)
        self.optimizer = adamw(settings.optimizer, self.raw, fused=runtime.cuda)
        self.model = torch.compile(self.raw, dynamic=False) if runtime.compile else self.raw
        # Compiled first: DDP inside a compiled graph refuses FlexAttention. Gradients then meet after the
        # backward pass and not during it, once in a step: 0.4 GB for 100 M parameters.
        self.replica = None
        if runtime.world > 1:
            self.replica = DistributedDataParallel(self.model, gradient_as_bucket_view=True)

    def nats(self, tokens_BT: Tensor, targets_BT: Tensor) -> Tensor:
        """Loss [B, T] of each target in nats, 0 where ignored."""
        where = layout(tokens_BT, self.end_of_text, documents=self.settings.model.document_mask)
        model = self.replica if self.replica and torch.is_grad_enabled() else self.model
        out: Tensor = model(tokens_BT, *where, targets_BT)
        return out

    def update(self, batch: Batch, rate: float) -> Update:
        """One step of AdamW at learning rate `rate` on the mean loss over the targets of all ranks."""
        tokens_BT, targets_BT, source_B = (self._to_device(part) for part in batch)
        counted_B = (targets_BT >= 0).sum(1)
        share = self.runtime.world / self.runtime.total(counted_B.sum()).clamp(min=1)
        nats_B = torch.empty(len(source_B), dtype=torch.float64, device=self.runtime.device)
        for start in range(0, len(source_B), self.n_rows):
            rows = slice(start, start + self.n_rows)
            with self._sync_if(rows.stop == len(source_B)):
                nats_BT = self.nats(tokens_BT[rows], targets_BT[rows])
                torch.autograd.backward(nats_BT.sum() * share)
            nats_B[rows] = nats_BT.detach().double().sum(1)
        norm = torch.nn.utils.clip_grad_norm_(self.raw.parameters(), self.settings.optimizer.max_grad_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad()
        return Update(self._by_source(source_B, nats_B, counted_B), norm)

    def _by_source(self, source_B: Tensor, nats_B: Tensor, counted_B: Tensor) -> Tensor:
        columns = torch.stack((nats_B, counted_B.double(), torch.ones_like(nats_B)))
        member = torch.nn.functional.one_hot(source_B, self.n_sources).double()
        return self.runtime.total(columns @ member)

    def _to_device(self, part: Tensor) -> Tensor:
        if not self.runtime.cuda:
            return part
        return part.pin_memory().to(self.runtime.device, non_blocking=True)

    def _sync_if(self, last: bool) -> contextlib.AbstractContextManager[Any]:
        """Gradients meet the other ranks' in the last pass alone."""
        return contextlib.nullcontext() if last or not self.replica else self.replica.no_sync()

    def state(self) -> dict[str, Any]:
        """Everything an exact resumption needs: nothing here draws random numbers."""
        return {"model": self.raw.state_dict(), "optimizer": self.optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.raw.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
