"""Settings of the trainer, in groups. `model` and `optimizer`, with the seed, decide which model comes
out: they name a training. `run` says how this machine computes it, and may change when a training resumes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from annotated_types import Interval

from pipeline.bounds import Count, Positive

BelowOne: TypeAlias = Annotated[float, Interval(ge=0, lt=1)]
"""From 0 to below 1."""
FORBID: Any = {"extra": "forbid"}
"""Unknown settings are errors."""


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """A decoder of the LLaMA and Qwen kind. Defaults: about 100 M parameters.

    Source: Touvron et al. 2023 (LLaMA), section 2.2: pre-norm, SwiGLU, RoPE; Bai et al. 2023 (Qwen),
    section 2.3: biases on Q, K and V alone.
    """

    __pydantic_config__: ClassVar[Any] = FORBID

    n_layers: Count = 12
    """Decoder blocks."""
    d_model: Count = 768
    """Width of the residual stream."""
    n_heads: Count = 12
    """Query heads; d_model / n_heads, the head size, must be even."""
    n_kv_heads: Count = 4
    """Key and value heads; each serves n_heads / n_kv_heads query heads (GQA)."""
    d_ff: Count | None = None
    """Width of the feed-forward layer; null takes 8/3 d_model, rounded up to a multiple of 64."""
    rope_base: Positive = 10_000.0
    """Base of the rotary frequencies."""
    tie_embeddings: bool = False
    """Whether the output layer is the embedding matrix."""
    qkv_bias: bool = False
    """Biases on the query, key and value projections, as in Qwen."""
    norm_eps: Positive = 1e-6
    """Added to the mean square in RMSNorm."""
    document_mask: bool = True
    """Whether a token sees its own document alone, and positions restart with each document."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Type of matrix products and activations: auto is bfloat16 on CUDA, float32 on CPU. Weights stay
    float32."""

    @property
    def head_size(self) -> int:
        """Number of elements of one attention head."""
        return self.d_model // self.n_heads

    @property
    def width_ff(self) -> int:
        """Width of the feed-forward layer: `d_ff`, or what null stands for."""
        return self.d_ff or -(-self.d_model * 8 // (3 * 64)) * 64

    def problems(self) -> Iterator[str]:
        """Settings that do not go together, each in a sentence."""
        if self.d_model % self.n_heads or self.head_size % 2:
            yield f"d_model {self.d_model} is not n_heads {self.n_heads} times an even head size"
        if self.n_heads % self.n_kv_heads:
            yield f"n_heads {self.n_heads} is not a multiple of n_kv_heads {self.n_kv_heads}"


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """AdamW on batches of fixed size, with a warm-up and half a cosine.

    Source: Touvron et al. 2023 (LLaMA), section 2.3: AdamW .9/.95, cosine to 10 %, weight decay 0.1,
    clipping 1.0.
    """

    __pydantic_config__: ClassVar[Any] = FORBID

    batch_tokens: Count = 131_072
    """Tokens of one optimizer step over all devices; a multiple of the sequence length."""
    max_steps: Count | None = None
    """Stop after so many steps, the learning rate decayed by then; null takes the whole mixture."""
    learning_rate: Positive = 6e-4
    """Highest learning rate (GPT-3's for 125 M parameters)."""
    warmup_frac: BelowOne = 0.02
    """Share of the steps in which the rate rises linearly."""
    min_learning_rate_frac: BelowOne = 0.1
    """The cosine ends at this share of `learning_rate`."""
    beta1: BelowOne = 0.9
    """AdamW: decay of the mean gradient."""
    beta2: BelowOne = 0.95
    """AdamW: decay of the mean squared gradient."""
    weight_decay: BelowOne = 0.1
    """AdamW: decay of matrices; norms and biases have none."""
    max_grad_norm: Positive = 1.0
    """Gradients are scaled down to this norm."""


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """How the machine is used. These do not name a training and may change between two sessions of one."""

    __pydantic_config__: ClassVar[Any] = FORBID

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto takes CUDA where there is one."""
    compile: bool | Literal["auto"] = "auto"
    """torch.compile; auto compiles on CUDA."""
    micro_batch: Count = 32
    """Most sequences in one forward pass of one device; the rest of the batch is accumulated."""
    deterministic: bool = True
    """Kernels that give the same bits each time. Cost: 0.7 % of the speed on an H100 (100 M parameters)."""
    threads: Count | None = None
    """CPU threads; null takes torch's own number. Sums may depend on it: a resumed run keeps what it had."""
    log_every: Count = 10
    """Steps between lines of the log."""
    evaluate_every: Count = 500
    """Steps between evaluations; there is one before the first step and one after the last."""
    checkpoint_every: Count = 500
    """Steps between checkpoints."""
    keep_checkpoints: Count = 2
    """Number of the newest checkpoints that stay."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """A model, how it is optimized, and how the machine does it."""

    __pydantic_config__: ClassVar[Any] = FORBID

    model: ModelSettings = field(default_factory=ModelSettings)
    """Shape of the model."""
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    """Batches, learning rate and AdamW."""
    run: RunSettings = field(default_factory=RunSettings)
    """Device, memory, threads and intervals; not part of what names the training."""
    seed: int = 0
    """Seed of the initial weights and of the held-out subset. The order of the data is the mixture's."""
    heldout_sequences: Count = 64
    """Most held-out sequences of each source that an evaluation reads: always the same ones."""
