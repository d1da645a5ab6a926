"""Held-out loss and bits per byte, worked out by hand."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from jobs.train.evaluate import Evaluation, heldout
from jobs.train.loader import open_data
from jobs.train.runtime import Runtime

from .corpus import END, LENGTH, write_mixture, write_tokens

HERE = Runtime(device=torch.device("cpu"), dtype=torch.float32, compile=False, threads=1)
BYTES = torch.tensor([1, 2, 3, 4, 0])
"""Of tokens 0 to 4; token 4 is end of text."""


def in_nats(tokens, targets):
    """A loss that can be added up by hand: target t costs t + 1/2 nats."""
    return torch.where(targets >= 0, targets + 0.5, 0.0)


def evaluation(rows, n_rows=2):
    tensors = {name: torch.tensor(tokens) for name, tokens in rows.items()}
    return Evaluation(rows=tensors, token_bytes_V=BYTES, end_of_text=4, n_rows=n_rows)


def test_loss_counts_all_targets_and_bits_per_byte_those_with_bytes():
    # Targets: 1, 3, end of text, 2, then the last position has none.
    score = evaluation({"web": [[4, 1, 3, 4, 2]]})(in_nats, HERE)["web"]
    assert score["targets"] == 4
    assert score["loss"] == pytest.approx((1.5 + 3.5 + 4.5 + 2.5) / 4)
    assert score["bits_per_byte"] == pytest.approx((1.5 + 3.5 + 2.5) / (math.log(2) * (2 + 4 + 3)))


def test_padding_counts_for_nothing():
    padded = evaluation({"web": [[4, 1, 3, 4, 4, 4, 4]]})(in_nats, HERE)["web"]
    assert padded["targets"] == 3
    assert padded["loss"] == pytest.approx((1.5 + 3.5 + 4.5) / 3)


@pytest.mark.parametrize("n_rows", [1, 2, 3, 5, 8])
def test_the_rows_of_a_pass_do_not_matter(n_rows):
    rows = [[4, a, b, 4, a] for a in range(3) for b in range(2)][:5]
    alike = evaluation({"web": rows}, n_rows)(in_nats, HERE)
    assert alike == evaluation({"web": rows}, 1)(in_nats, HERE)


def test_all_passes_have_one_shape():
    shapes = []

    def loss(tokens, targets):
        shapes.append(tuple(tokens.shape))
        return in_nats(tokens, targets)

    evaluation({"web": [[4, 1, 2]] * 5, "code": [[4, 0, 1]]}, n_rows=2)(loss, HERE)
    assert shapes == [(2, 3)] * 4


def test_ranks_share_the_rows_and_leave_none_out():
    rows = {"web": [[4, a, 1] for a in range(4)] + [[4, 2, 2]]}
    seen = []

    def loss(tokens, targets):
        seen.extend(row for row in tokens.tolist() if row != [4, 4, 4])
        return in_nats(tokens, targets)

    for rank in range(2):
        shared = dataclasses.replace(HERE, rank=rank, world=2)
        part = rows["web"][shared.rank :: shared.world]
        evaluation({"web": part})(loss, HERE)
    assert sorted(seen) == sorted(rows["web"])


def test_a_source_without_targets_has_no_score():
    score = evaluation({"web": [[4, 4, 4]]})(in_nats, HERE)["web"]
    assert score == {"loss": None, "bits_per_byte": None, "targets": 0}


def test_gradients_are_off():
    def loss(tokens, targets):
        assert not torch.is_grad_enabled()
        return in_nats(tokens, targets)

    assert evaluation({"web": [[4, 1, 2]]})(loss, HERE)


def test_a_uniform_model_has_the_entropy_of_the_vocabulary(corpus):
    folder = open_data(corpus.tokens, corpus.mixture)[0]
    rows = heldout(folder, most=64, seed=0)
    token_bytes = torch.tensor(folder.token_bytes)

    def uniform(tokens, targets):
        return torch.where(targets >= 0, math.log(50), 0.0)

    scores = Evaluation(rows=rows, token_bytes_V=token_bytes, end_of_text=END, n_rows=4)(uniform, HERE)
    assert set(scores) == {"up", "down"}
    for score in scores.values():
        assert score["loss"] == pytest.approx(math.log(50))
        assert score["bits_per_byte"] == pytest.approx(math.log2(50))  # each token is a byte


def test_held_out_rows_are_a_fixed_part_of_the_held_out_files(corpus):
    folder = open_data(corpus.tokens, corpus.mixture)[0]
    everything = heldout(folder, most=64, seed=0)
    few, again, other = (heldout(folder, most=3, seed=seed) for seed in (0, 0, 1))
    assert {name: tuple(rows.shape) for name, rows in few.items()} == {"up": (3, LENGTH), "down": (3, LENGTH)}
    differ = False
    for name, rows in everything.items():
        assert len(rows) == 6
        there = [row.tolist() for row in rows]
        assert all(row.tolist() in there for row in few[name])
        assert torch.equal(few[name], again[name])
        differ |= not torch.equal(few[name], other[name])
    assert differ


def test_a_source_without_held_out_rows_is_left_out(tmp_path):
    tokens = write_tokens(tmp_path / "tokens", {"up": 30}, heldout=0)
    mixture = write_mixture(tmp_path / "mixture", {"up": 30}, [{"up": 30}])
    assert heldout(open_data(tokens, mixture)[0], most=4, seed=0) == {}
