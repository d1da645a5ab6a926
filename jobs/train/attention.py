"""Causal attention within documents: positions, rotary embedding, masks, and the kernel for each device."""

# B sequences, T positions, H heads (of queries; in k and v of keys and values), K head size

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple, cast

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention.flex_attention import BlockMask, flex_attention

Kernel = Callable[..., Tensor]

BLOCK = 128
"""Queries and keys of one tile of FlexAttention, its default."""


class Layout(NamedTuple):
    """Where the documents of a batch lie. Made outside the compiled model, used in every layer."""

    positions_BT: Tensor
    """int64; [1, T] where all rows are alike."""
    mask: Tensor | BlockMask | None
    """bool [B, 1, T, T] on CPU, blocks on CUDA; None is plainly causal."""


def layout(tokens_BT: Tensor, end_of_text: int, *, documents: bool) -> Layout:
    """The layout of rows in which `end_of_text` begins each document.

    With `documents`, tokens see their own document alone and positions count from its first token.
    Source: Zhao et al. 2024 (arXiv:2402.13991), intra-document causal masking.
    """
    index = torch.arange(tokens_BT.shape[1], device=tokens_BT.device)
    if not documents:
        return Layout(index[None], None)
    starts_BT = tokens_BT == end_of_text
    documents_BT = starts_BT.cumsum(1)
    positions_BT = index - torch.where(starts_BT, index, 0).cummax(1).values
    if tokens_BT.device.type == "cuda":
        return Layout(positions_BT, block_mask(documents_BT))
    return Layout(positions_BT, dense_mask(documents_BT))


def dense_mask(documents_BT: Tensor) -> Tensor:
    """bool [B, 1, T, T]: whether query t may see key u."""
    same_BTT = documents_BT[:, :, None] == documents_BT[:, None, :]
    return same_BTT.tril()[:, None]


def block_mask(documents_BT: Tensor) -> BlockMask:
    """The same mask for FlexAttention, in O(B (T / BLOCK)^2).

    Document numbers never fall along a row, so the first and last of a block say all: a block of keys is
    seen if it ends in a document not before the one the queries begin in, and entirely if both lie in one.
    """
    length = documents_BT.shape[1]
    edge = torch.arange(0, length, BLOCK, device=documents_BT.device)
    first, last = documents_BT[:, edge], documents_BT[:, (edge + BLOCK - 1).clamp(max=length - 1)]
    query, key = edge[:, None], edge[None, :]
    seen = (key <= query) & (last[:, None, :] >= first[:, :, None])
    entire = (key < query) & (query + BLOCK <= length) & (first[:, None, :] == last[:, :, None])

    def visible(b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:
        return (q >= k) & (documents_BT[b, q] == documents_BT[b, k])

    return BlockMask.from_kv_blocks(
        *_ordered(seen & ~entire), *_ordered(entire),
        BLOCK_SIZE=BLOCK, mask_mod=visible, seq_lengths=(length, length),
    )  # fmt: skip


def _ordered(blocks: Tensor) -> tuple[Tensor, Tensor]:
    """bool [B, N, N] to int32 counts [B, 1, N] and block numbers [B, 1, N, N], the chosen ones first."""
    blocks = blocks[:, None].to(torch.int32)
    order = blocks.argsort(dim=-1, descending=True, stable=True)
    return blocks.sum(-1, dtype=torch.int32), order.to(torch.int32).contiguous()


def rotary(positions_BT: Tensor, head_size: int, base: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines, float32 [B, 1, T, K]; both halves of K hold the same frequencies.

    Source: Su et al. 2021 (RoFormer), section 3.4.2, in the half-split layout of released checkpoints;
    inverse frequencies in float32 as in Qwen (Bai et al. 2023, section 2.3).
    """
    pairs = torch.arange(0, head_size, 2, dtype=torch.float32, device=positions_BT.device)
    angles = positions_BT[:, None, :, None].float() * base ** (-pairs / head_size)
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def rotate(x_BHTK: Tensor, cos_BHTK: Tensor, sin_BHTK: Tensor) -> Tensor:
    """`x` turned by its positions: element i is paired with i + K/2. Computed in float32."""
    x1, x2 = x_BHTK.chunk(2, dim=-1)
    return (x_BHTK * cos_BHTK + torch.cat((-x2, x1), dim=-1) * sin_BHTK).to(x_BHTK.dtype)


@cache
def _compiled_flex() -> Kernel:
    """FlexAttention as a kernel of its own: uncompiled, it writes out all T x T scores."""
    return torch.compile(flex_attention)


def attend(q_BHTK: Tensor, k_BHTK: Tensor, v_BHTK: Tensor, mask: Tensor | BlockMask | None) -> Tensor:
    """Attention [B, H, T, K]; k and v may have fewer heads, each for as many heads of q (GQA)."""
    grouped = q_BHTK.shape[1] != k_BHTK.shape[1]
    if isinstance(mask, BlockMask):
        flex = cast(Kernel, flex_attention) if torch.compiler.is_compiling() else _compiled_flex()
        return flex(q_BHTK, k_BHTK, v_BHTK, block_mask=mask, enable_gqa=grouped)
    return functional.scaled_dot_product_attention(
        q_BHTK, k_BHTK, v_BHTK, attn_mask=mask, is_causal=mask is None, enable_gqa=grouped
    )
