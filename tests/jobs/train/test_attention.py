"""Positions, rotary embedding, masks and attention, against definitions written out."""

from __future__ import annotations

import warnings

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.attention.flex_attention import create_block_mask, flex_attention
from torch.testing import assert_close

from jobs.train.attention import BLOCK, attend, block_mask, dense_mask, layout, rotary, rotate

END = 0
ROWS = torch.tensor([[0, 5, 6, 0, 7, 8, 9, 0], [0, 1, 2, 3, 4, 0, 0, 0]])


@st.composite
def documents(draw):
    """int64 [2, T] of document numbers that begin at 1 and rise by one at random places."""
    length = draw(st.sampled_from([1, 7, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 50]))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    starts = random.random((2, length)) < draw(st.sampled_from([0.0, 0.004, 0.02, 0.3, 1.0]))
    starts[:, 0] = True
    return torch.from_numpy(starts.cumsum(1))


def brute_force(documents_BT):
    rows = documents_BT.tolist()
    return torch.tensor(
        [[[u <= t and row[u] == row[t] for u in range(len(row))] for t in range(len(row))] for row in rows]
    )


def test_positions_restart_where_a_document_begins():
    positions = layout(ROWS, END, documents=True).positions_BT
    assert positions.tolist() == [[0, 1, 2, 0, 1, 2, 3, 0], [0, 1, 2, 3, 4, 0, 0, 0]]


def test_a_row_that_begins_inside_a_document_counts_from_its_first_token():
    assert layout(torch.tensor([[4, 5, 0, 6]]), END, documents=True).positions_BT.tolist() == [[0, 1, 0, 1]]


def test_without_documents_the_mask_is_plainly_causal():
    plain = layout(ROWS, END, documents=False)
    assert plain.mask is None
    assert plain.positions_BT.tolist() == [list(range(8))]


def test_the_mask_is_by_document_on_the_cpu():
    mask = layout(ROWS, END, documents=True).mask
    assert_close(mask, brute_force((ROWS == END).cumsum(1))[:, None])


def opened(blocks, length):
    """bool [B, T, T] of what a BlockMask lets through, read from its lists of blocks."""
    n_rows = blocks.kv_num_blocks.shape[0]
    out = torch.zeros(n_rows, length, length, dtype=torch.bool)
    index = torch.arange(length)
    for b in range(n_rows):
        seen = blocks.mask_mod(torch.tensor(b), torch.tensor(0), index[:, None], index[None, :])
        for numbers, order, whole in (
            (blocks.kv_num_blocks, blocks.kv_indices, False),
            (blocks.full_kv_num_blocks, blocks.full_kv_indices, True),
        ):
            for q, n in enumerate(numbers[b, 0].tolist()):
                for k in order[b, 0, q, :n].tolist():
                    tile = (slice(q * BLOCK, (q + 1) * BLOCK), slice(k * BLOCK, (k + 1) * BLOCK))
                    assert not out[b][tile].any(), "a block is listed twice"
                    out[b][tile] = True if whole else seen[tile]
    return out


@given(documents())
def test_the_block_mask_lets_through_what_the_dense_mask_does(documents_BT):
    blocks = block_mask(documents_BT)
    assert torch.equal(opened(blocks, documents_BT.shape[1]), dense_mask(documents_BT)[:, 0])


@hypothesis.settings(max_examples=15)
@given(documents())
def test_the_block_mask_leaves_out_as_many_blocks_as_torchs_own(documents_BT):
    ours, length = block_mask(documents_BT), documents_BT.shape[1]
    theirs = create_block_mask(ours.mask_mod, 2, None, length, length, device="cpu", BLOCK_SIZE=BLOCK)
    for name in ("kv_num_blocks", "full_kv_num_blocks", "q_num_blocks", "full_q_num_blocks"):
        assert getattr(ours, name).tolist() == getattr(theirs, name).tolist(), name


def test_flex_attention_with_the_block_mask_equals_the_dense_mask():
    torch.manual_seed(0)
    length = 2 * BLOCK + 40
    documents_BT = (torch.rand(2, length) < 0.02).cumsum(1)
    q, k, v = (torch.randn(2, heads, length, 16) for heads in (4, 2, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is slow without being compiled
        flex = flex_attention(q, k, v, block_mask=block_mask(documents_BT), enable_gqa=True)
    assert_close(flex, attend(q, k, v, dense_mask(documents_BT)), atol=1e-5, rtol=1e-5)


def by_hand(q, k, v, allowed):
    """Softmax attention, one head and one query at a time, in float64."""
    out = torch.zeros_like(q, dtype=torch.float64)
    group = q.shape[1] // k.shape[1]
    for b, h, t in np.ndindex(*q.shape[:3]):
        keys = [u for u in range(q.shape[2]) if allowed[b, t, u]]
        scores = k[b, h // group, keys].double() @ q[b, h, t].double() / q.shape[3] ** 0.5
        out[b, h, t] = scores.softmax(0) @ v[b, h // group, keys].double()
    return out


@pytest.mark.parametrize("masked", [True, False])
def test_attention_is_softmax_over_what_may_be_seen(masked):
    torch.manual_seed(1)
    q, k, v = (torch.randn(2, heads, 8, 4) for heads in (6, 2, 2))
    where = layout(ROWS, END, documents=masked)
    allowed = where.mask[:, 0] if masked else torch.ones(2, 8, 8).tril().bool()
    assert_close(attend(q, k, v, where.mask).double(), by_hand(q, k, v, allowed), atol=1e-5, rtol=1e-5)


def test_grouped_queries_equal_expanded_heads():
    torch.manual_seed(2)
    q, k, v = (torch.randn(2, heads, 8, 4) for heads in (6, 3, 3))
    mask = layout(ROWS, END, documents=True).mask
    expanded = attend(q, k.repeat_interleave(2, dim=1), v.repeat_interleave(2, dim=1), mask)
    assert_close(attend(q, k, v, mask), expanded)


def test_rotation_multiplies_pairs_as_complex_numbers():
    # RoFormer, equation 34: (x_i, x_{i+K/2}) is a complex number, turned by position * base^(-2i/K).
    torch.manual_seed(3)
    size, base = 8, 500.0
    positions = torch.tensor([[0, 1, 2, 0, 1, 900]])
    x = torch.randn(1, 3, 6, size)
    pairs = torch.complex(x[..., : size // 2].double(), x[..., size // 2 :].double())
    frequencies = torch.tensor([base ** (-2 * i / size) for i in range(size // 2)], dtype=torch.float64)
    angles = positions[0].double()[:, None] * frequencies
    turned = pairs * torch.polar(torch.ones_like(angles), angles)
    ours = rotate(x, *rotary(positions, size, base)).double()
    assert_close(ours, torch.cat((turned.real, turned.imag), -1), atol=2e-4, rtol=1e-4)


def test_scores_depend_on_distance_alone():
    torch.manual_seed(4)
    q, k = torch.randn(1, 1, 1, 16), torch.randn(1, 1, 1, 16)

    def score(at_q, at_k):
        turned = [rotate(x, *rotary(torch.tensor([[at]]), 16, 10_000.0)) for x, at in ((q, at_q), (k, at_k))]
        return (turned[0] * turned[1]).sum()

    assert_close(score(7, 3), score(107, 103), atol=1e-4, rtol=1e-4)
    assert abs(score(7, 3) - score(8, 3)) > 1e-3


def test_rotation_keeps_the_dtype_and_computes_in_float32():
    cos, sin = rotary(torch.arange(2048)[None], 64, 10_000.0)
    assert cos.dtype == torch.float32
    assert cos.shape == (1, 1, 2048, 64)
    assert rotate(torch.ones(1, 1, 2048, 64, dtype=torch.bfloat16), cos, sin).dtype == torch.bfloat16
    # The slowest pair turns by less than bfloat16 can hold between neighbours, and must not stand still.
    assert (sin[0, 0, 1:, 31] > sin[0, 0, :-1, 31]).all()
