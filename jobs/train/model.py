"""A decoder of the LLaMA and Qwen kind: RMSNorm before each block, RoPE, grouped queries, SwiGLU.

Parameters carry the names of Hugging Face's Llama and Qwen2 classes; matrices are [out, in].
"""

# B sequences, T positions, D d_model, H heads, K head size, V vocabulary

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention.flex_attention import BlockMask

from jobs.train.attention import attend, rotary, rotate
from jobs.train.config import ModelSettings
from pipeline import keyed

IGNORED = -1
"""A target that counts for nothing."""
INIT_STD = 0.02
VOCABULARY_MULTIPLE = 64
"""The matrices of the vocabulary get rows up to a multiple of this: tensor cores want aligned shapes."""

Rotary = tuple[Tensor, Tensor]


def project(x_BTD: Tensor, *layers: nn.Linear) -> Tensor:
    """Outputs of layers that read the same input, side by side in one matrix product, in the input's dtype.

    Weights stay float32 and are cast here: no autocast, so the dtype of every sum is written down.
    """
    weight = layers[0].weight if len(layers) == 1 else torch.cat([one.weight for one in layers])
    biases = [one.bias.to(x_BTD.dtype) for one in layers if one.bias is not None]
    return functional.linear(x_BTD, weight.to(x_BTD.dtype), torch.cat(biases) if biases else None)


class RMSNorm(nn.Module):
    """Scale to a mean square of 1, in float32. Source: Zhang & Sennrich 2019, equation 4."""

    def __init__(self, width: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))
        self.eps = eps

    def forward(self, x_BTD: Tensor) -> Tensor:
        x = x_BTD.float()
        x = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)
        return (x * self.weight).to(x_BTD.dtype)


class Attention(nn.Module):
    """Grouped-query attention. Source: Ainslie et al. 2023 (GQA), section 2.2."""

    def __init__(self, settings: ModelSettings):
        super().__init__()
        self.head_size = settings.head_size
        kv_width = settings.n_kv_heads * self.head_size
        width, bias = settings.d_model, settings.qkv_bias
        self.widths = [width, kv_width, kv_width]
        self.q_proj = nn.Linear(width, width, bias=bias)
        self.k_proj = nn.Linear(width, kv_width, bias=bias)
        self.v_proj = nn.Linear(width, kv_width, bias=bias)
        self.o_proj = nn.Linear(width, width, bias=False)

    def forward(self, x_BTD: Tensor, turn: Rotary, mask: Tensor | BlockMask | None) -> Tensor:
        joined = project(x_BTD, self.q_proj, self.k_proj, self.v_proj)
        q_BHTK, k_BHTK, v_BHTK = (
            part.view(*part.shape[:2], -1, self.head_size).transpose(1, 2)
            for part in torch.split(joined, self.widths, dim=-1)
        )
        out_BHTK = attend(rotate(q_BHTK, *turn), rotate(k_BHTK, *turn), v_BHTK, mask)
        return project(out_BHTK.transpose(1, 2).flatten(2), self.o_proj)


class FeedForward(nn.Module):
    """SwiGLU. Source: Shazeer 2020, equation 6."""

    def __init__(self, settings: ModelSettings):
        super().__init__()
        self.gate_proj = nn.Linear(settings.d_model, settings.width_ff, bias=False)
        self.up_proj = nn.Linear(settings.d_model, settings.width_ff, bias=False)
        self.down_proj = nn.Linear(settings.width_ff, settings.d_model, bias=False)

    def forward(self, x_BTD: Tensor) -> Tensor:
        gate, up = project(x_BTD, self.gate_proj, self.up_proj).chunk(2, dim=-1)
        return project(functional.silu(gate) * up, self.down_proj)


class Block(nn.Module):
    """One decoder layer."""

    def __init__(self, settings: ModelSettings):
        super().__init__()
        self.input_layernorm = RMSNorm(settings.d_model, settings.norm_eps)
        self.self_attn = Attention(settings)
        self.post_attention_layernorm = RMSNorm(settings.d_model, settings.norm_eps)
        self.mlp = FeedForward(settings)

    def forward(self, x_BTD: Tensor, turn: Rotary, mask: Tensor | BlockMask | None) -> Tensor:
        x_BTD = x_BTD + self.self_attn(self.input_layernorm(x_BTD), turn, mask)
        out: Tensor = x_BTD + self.mlp(self.post_attention_layernorm(x_BTD))
        return out


class Decoder(nn.Module):
    """Embedding, blocks and the last norm."""

    def __init__(self, settings: ModelSettings, rows: int):
        super().__init__()
        self.embed_tokens = nn.Embedding(rows, settings.d_model)
        self.layers = nn.ModuleList(Block(settings) for _ in range(settings.n_layers))
        self.norm = RMSNorm(settings.d_model, settings.norm_eps)


class LanguageModel(nn.Module):
    """Next-token prediction over a vocabulary of `vocab_size` ids.

    The residual stream has `dtype`; parameters, norms, rotation, softmax and loss are float32.
    """

    def __init__(
        self, settings: ModelSettings, vocab_size: int, *, seed: int = 0, dtype: torch.dtype = torch.float32
    ):
        super().__init__()
        self.settings, self.vocab_size, self.dtype = settings, vocab_size, dtype
        rows = -(-vocab_size // VOCABULARY_MULTIPLE) * VOCABULARY_MULTIPLE
        self.model = Decoder(settings, rows)
        self.lm_head = nn.Linear(settings.d_model, rows, bias=False)
        if settings.tie_embeddings:
            self.lm_head.weight = self.model.embed_tokens.weight
        self._initialise(seed)

    @torch.no_grad()
    def _initialise(self, seed: int) -> None:
        """N(0, 0.02), what is added to the residual stream by 1/sqrt(2 layers) less (GPT-2, section 2.3).

        Each matrix is drawn from a key of seed and name: the same weights on any device and number of ranks.
        """
        residual = INIT_STD / math.sqrt(2 * self.settings.n_layers)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 1:
                parameter.fill_(0.0 if name.endswith("bias") else 1.0)
                continue
            generator = torch.Generator().manual_seed(keyed.key(seed, "weights", name))
            std = residual if name.endswith(("o_proj.weight", "down_proj.weight")) else INIT_STD
            parameter.normal_(0.0, std, generator=generator)

    def forward(
        self,
        tokens_BT: Tensor,
        positions_BT: Tensor,
        mask: Tensor | BlockMask | None,
        targets_BT: Tensor | None = None,
    ) -> Tensor:
        """Logits [B, T, V] without targets; with them the loss [B, T] in nats, float32, 0 where IGNORED."""
        turn = rotary(positions_BT, self.settings.head_size, self.settings.rope_base)
        x_BTD = self.model.embed_tokens(tokens_BT).to(self.dtype)
        for block in self.model.layers:
            x_BTD = block(x_BTD, turn, mask)
        logits_BTV = project(self.model.norm(x_BTD), self.lm_head)[..., : self.vocab_size].float()
        if targets_BT is None:
            return logits_BTV
        loss = functional.cross_entropy(
            logits_BTV.flatten(0, 1), targets_BT.flatten(), ignore_index=IGNORED, reduction="none"
        )
        return loss.view_as(targets_BT)


def count(parameters: Iterable[nn.Parameter]) -> int:
    """Number of elements of all the parameters; a tied matrix counts once."""
    return sum(parameter.numel() for parameter in parameters)
