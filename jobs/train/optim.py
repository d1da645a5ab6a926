"""AdamW in two groups, and the learning rate as a pure function of the step."""

from __future__ import annotations

import math

import torch
from torch import nn

from jobs.train.config import OptimizerSettings


def learning_rate(settings: OptimizerSettings, step: int, steps: int) -> float:
    """The rate of the update that leads from `step` (from 0) to `step + 1`, of `steps` in all.

    It rises linearly, reaches `learning_rate` in the last step of the warm-up, and falls along half a cosine
    to `min_learning_rate_frac` of it in the last step (Loshchilov & Hutter 2017, equation 5, no restarts).
    """
    warmup = round(settings.warmup_frac * steps)
    if step < warmup:
        return settings.learning_rate * (step + 1) / warmup
    progress = (step + 1 - warmup) / (steps - warmup)
    low = settings.min_learning_rate_frac
    return settings.learning_rate * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * progress)))


def adamw(settings: OptimizerSettings, model: nn.Module, *, fused: bool) -> torch.optim.AdamW:
    """Matrices decay, norms and biases do not. Source: Loshchilov & Hutter 2019 (decoupled weight decay)."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups,
        lr=settings.learning_rate,
        betas=(settings.beta1, settings.beta2),
        eps=1e-8,
        fused=fused,
    )
