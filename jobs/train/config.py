"""Settings of the trainer: the model's shape, the batch, the optimizer, and how the machine is used."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

HOW = frozenset({
    "micro_batch", "device", "compile", "deterministic", "threads",
    "checkpoint_every", "keep_checkpoints", "log_every", "evaluate_every",
})  # fmt: skip
"""Settings that say how, not what: they may change between two sessions of one training."""


COUNTS = (
    "n_layers", "d_model", "n_heads", "n_kv_heads", "d_ff", "batch_tokens", "micro_batch", "max_steps",
    "checkpoint_every", "keep_checkpoints", "log_every", "evaluate_every", "heldout_sequences", "threads",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """A decoder of the LLaMA and Qwen kind and its training run. Defaults: about 100 M parameters.

    Source: Touvron et al. 2023 (LLaMA), sections 2.2 and 2.3: pre-norm, SwiGLU, RoPE, AdamW .9/.95, cosine to
    10 %, weight decay 0.1, clipping 1.0; Bai et al. 2023 (Qwen), section 2.3: biases on Q, K and V alone.
    """

    n_layers: int = 12
    """Decoder blocks."""
    d_model: int = 768
    """Width of the residual stream."""
    n_heads: int = 12
    """Query heads; d_model / n_heads, the head size, must be even."""
    n_kv_heads: int = 4
    """Key and value heads; each serves n_heads / n_kv_heads query heads (GQA)."""
    d_ff: int | None = None
    """Width of the feed-forward layer; null takes 8/3 d_model, rounded up to a multiple of 64."""
    rope_base: float = 10_000.0
    """Base of the rotary frequencies."""
    tie_embeddings: bool = False
    """Whether the output layer is the embedding matrix."""
    qkv_bias: bool = False
    """Biases on the query, key and value projections, as in Qwen."""
    norm_eps: float = 1e-6
    """Added to the mean square in RMSNorm."""
    document_mask: bool = True
    """Whether a token sees its own document alone, and positions restart with each document."""

    batch_tokens: int = 131_072
    """Tokens of one optimizer step over all devices; a multiple of the sequence length."""
    micro_batch: int = 32
    """Most sequences in one forward pass of one device; the rest of the batch is accumulated."""
    max_steps: int | None = None
    """Stop after so many steps, the learning rate decayed by then; null takes the whole mixture."""
    learning_rate: float = 6e-4
    """Highest learning rate (GPT-3's for 125 M parameters)."""
    warmup_frac: float = 0.02
    """Part of the steps in which the rate rises linearly."""
    min_learning_rate_frac: float = 0.1
    """The cosine ends at this part of `learning_rate`."""
    beta1: float = 0.9
    """AdamW: decay of the mean gradient."""
    beta2: float = 0.95
    """AdamW: decay of the mean squared gradient."""
    weight_decay: float = 0.1
    """AdamW: decay of matrices; norms and biases have none."""
    max_grad_norm: float = 1.0
    """Gradients are scaled down to this norm."""
    seed: int = 0
    """Of the initial weights and the held-out subset. The order of the data is the mixture's."""

    heldout_sequences: int = 64
    """Most held-out sequences of each source that an evaluation reads: always the same ones."""
    evaluate_every: int = 500
    """Steps between evaluations; there is one before the first step and one after the last."""
    checkpoint_every: int = 500
    """Steps between checkpoints."""
    keep_checkpoints: int = 2
    """How many of the newest checkpoints stay."""
    log_every: int = 10
    """Steps between lines of the log."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto takes CUDA where there is one."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of matrix products and activations: auto is bfloat16 on CUDA, float32 on CPU. Weights are float32."""
    compile: bool | Literal["auto"] = "auto"
    """torch.compile; auto compiles on CUDA."""
    deterministic: bool = True
    """Kernels that give the same bits each time. Cost: 0.7 % of the speed on an H100 (100 M parameters)."""
    threads: int | None = None
    """CPU threads; null takes torch's own number. Sums may depend on it: a resumed run keeps what it had."""

    @property
    def head_size(self) -> int:
        """Elements of one attention head."""
        return self.d_model // self.n_heads

    @property
    def width_ff(self) -> int:
        """`d_ff`, or what it stands for when null."""
        return self.d_ff or -(-self.d_model * 8 // (3 * 64)) * 64

    def problems(self) -> Iterator[str]:
        """What does not go together, each in a sentence."""
        for name in COUNTS:
            if (value := getattr(self, name)) is not None and value < 1:
                yield f"{name} is {value}; it must be at least 1"
        if self.n_heads > 0 and (self.d_model % self.n_heads or self.head_size % 2):
            yield f"d_model {self.d_model} is not n_heads {self.n_heads} times an even head size"
        if self.n_kv_heads > 0 and self.n_heads % self.n_kv_heads:
            yield f"n_heads {self.n_heads} is not a multiple of n_kv_heads {self.n_kv_heads}"
        for name in ("warmup_frac", "min_learning_rate_frac", "beta1", "beta2", "weight_decay"):
            if not 0 <= (value := getattr(self, name)) < 1:
                yield f"{name} is {value}; it must be at least 0 and below 1"
        for name in ("learning_rate", "max_grad_norm", "rope_base", "norm_eps"):
            if (value := getattr(self, name)) <= 0:
                yield f"{name} is {value}; it must be above 0"

    def what(self) -> dict[str, Any]:
        """The settings that decide which model comes out, without those that say how it is computed."""
        given = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {name: value for name, value in given.items() if name not in HOW}
