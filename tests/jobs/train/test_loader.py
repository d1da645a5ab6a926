"""Batches: the schedule's rows and nothing else, whoever asks, in whatever order."""

from __future__ import annotations

import itertools
import json
import shutil
import threading

import numpy as np
import pytest
import torch

from jobs.train.loader import Loader, open_data, targets_of
from jobs.train.model import IGNORED
from pipeline.errors import RunError

from .corpus import END, LENGTH, STRIDES


@pytest.fixture
def loader(corpus):
    folder, schedule, _ = open_data(corpus.tokens, corpus.mixture)

    def make(rank=0, world=1, n_sequences=8):
        return Loader(folder=folder, schedule=schedule, n_sequences=n_sequences, rank=rank, world=world)

    return make


def rows_by_hand(corpus, source):
    """Every training row of a source, from the files of its parts in order."""
    account = json.loads((corpus.tokens / "tokens.json").read_text())["sources"][source]
    parts = [np.fromfile(corpus.tokens / p["file"], "<u2").reshape(-1, LENGTH) for p in account["parts"]]
    assert len(parts) == 2
    return np.concatenate(parts)


def test_a_batch_is_what_the_schedule_says(corpus, loader):
    ours = loader()
    rows = {source: rows_by_hand(corpus, source) for source in ("up", "down")}
    for step in (0, 7, ours.steps - 1):
        batch = ours.batch(step)
        sources, sequences = ours.schedule.at(np.arange(step * 8, step * 8 + 8))
        names = [ours.schedule.sources[s] for s in sources]
        expected = [rows[name][g] for name, g in zip(names, sequences, strict=True)]
        assert batch.tokens_BT.tolist() == np.stack(expected).tolist()
        assert batch.source_B.tolist() == sources.tolist()


def test_rows_are_of_the_source_they_are_said_to_be(loader):
    batch, seen = loader().batch(3), set()
    for row, source in zip(batch.tokens_BT.tolist(), batch.source_B.tolist(), strict=True):
        stride = STRIDES[("up", "down")[source]]
        inside = [(a, b) for a, b in itertools.pairwise(row) if END not in (a, b)]
        assert all((b - a) % END == stride % END for a, b in inside)
        seen.add(source)
    assert seen == {0, 1}


def test_a_batch_depends_on_the_step_alone(loader):
    forwards, fresh = loader(), loader()
    ahead = [forwards.batch(step) for step in range(5)]
    for step in (4, 0, 3, 3):
        for one, other in zip(ahead[step], fresh.batch(step), strict=True):
            assert torch.equal(one, other)
    assert [batch.tokens_BT.shape for batch in ahead] == [(8, 32)] * 5


@pytest.mark.parametrize("world", [2, 4, 8])
def test_ranks_share_one_batch(loader, world):
    whole = loader().batch(2)
    parts = [loader(rank, world).batch(2) for rank in range(world)]
    for name in whole._fields:
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(whole, name))
    assert whole._fields == ("tokens_BT", "targets_BT", "source_B")


def test_batches_read_ahead_are_the_same(loader):
    ours = loader()
    read = list(ours.batches(2, 6))
    assert len(read) == 4
    for step, batch in zip(range(2, 6), read, strict=True):
        assert torch.equal(batch.tokens_BT, ours.batch(step).tokens_BT)
    assert list(ours.batches(3, 3)) == []


def test_stopping_early_leaves_no_thread(loader):
    before = threading.active_count()
    batches = loader().batches(0, 50)
    next(batches)
    batches.close()
    assert threading.active_count() == before


def test_whole_batches_alone_are_counted(loader):
    assert loader(n_sequences=8).steps == 60
    assert loader(n_sequences=7).steps == 68


def test_a_batch_that_cannot_be_shared_is_refused(loader):
    with pytest.raises(RunError, match="a batch of 8 sequences has no 3 equal parts"):
        loader(0, 3)


def test_targets_are_the_next_token():
    tokens = torch.tensor([[END, 4, 5, END, 6, 7], [END, 4, END, END, END, END]])
    assert targets_of(tokens, END).tolist() == [
        [4, 5, END, 6, 7, IGNORED],
        # The document's end is learnt; padding, which follows it, is not.
        [4, END, IGNORED, IGNORED, IGNORED, IGNORED],
    ]


def test_targets_leave_the_tokens_alone():
    tokens = torch.tensor([[END, 4, END, END]])
    targets_of(tokens, END)
    assert tokens.tolist() == [[END, 4, END, END]]


def test_tokens_are_64_bit(loader):
    assert {part.dtype for part in loader().batch(0)} == {torch.int64}


def test_a_mixture_of_other_tokens_is_refused(corpus, tmp_path):
    mixture = json.loads((corpus.mixture / "mixture.json").read_text())
    mixture["n_sequences"] = [300, 121]
    (tmp_path / "mixture.json").write_text(json.dumps(mixture))
    with pytest.raises(RunError, match=r"planned for .*'down': 121.* holds .*'down': 120"):
        open_data(corpus.tokens, tmp_path)


def test_the_plans_digest_tells_mixtures_and_tokens_apart(corpus, tmp_path):
    plan = open_data(corpus.tokens, corpus.mixture)[2]
    assert open_data(corpus.tokens, corpus.mixture)[2] == plan
    mixture = json.loads((corpus.mixture / "mixture.json").read_text())
    (tmp_path / "mixture.json").write_text(json.dumps({**mixture, "seed": 4}))
    assert open_data(corpus.tokens, tmp_path)[2] != plan
    copied = shutil.copytree(corpus.tokens, tmp_path / "tokens")
    assert open_data(copied, corpus.mixture)[2] == plan
    account = json.loads((copied / "tokens.json").read_text())
    account["sources"]["up"]["parts"][0]["sha256"] = "0" * 64
    (copied / "tokens.json").write_text(json.dumps(account))
    assert open_data(copied, corpus.mixture)[2] != plan
