"""A training from its first step to its last: it learns, it counts, and nothing that stops it changes it."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.train.checkpoint import ForeignCheckpoint
from jobs.train.loader import open_data
from jobs.train.log import Log
from jobs.train.loop import n_steps, train
from pipeline.errors import RunError
from pipeline.store import read_json

from .corpus import write_mixture, write_tokens

ROOT = Path(__file__).resolve().parents[3]
SESSION = Path(__file__).with_name("session.py")
GOLDEN = Path(__file__).parent / "golden" / "losses.csv"


def losses(output):
    """(step, loss, gradient norm, each source's loss) of every line, exactly as written."""
    lines = Log(output / "log.jsonl").lines("train")
    return [(line["step"], line["loss"], line["grad_norm"], line["sources"]) for line in lines]


def scores(output):
    return [(line["step"], line["sources"]) for line in Log(output / "log.jsonl").lines("heldout")]


@pytest.fixture(scope="session")
def whole(corpus, tmp_path_factory):
    """A training that nothing interrupts: where it lies, and its result."""
    from .conftest import TINY

    output = tmp_path_factory.mktemp("whole") / "train-0123456789ab"
    seen = []
    result = train(
        TINY,
        tokens=corpus.tokens,
        mixture=corpus.mixture,
        output=output,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(step, 60) for step in range(1, 61)]
    return output, result


def test_it_learns(whole):
    _, result = whole
    assert result["loss_first"] == pytest.approx(math.log(50), abs=0.1)
    # What begins a document cannot be known: about a ninth of the targets, at ln 49 nats each.
    assert result["loss_last"] < 2.0
    assert set(result["heldout"]) == {"up", "down"}
    for score in result["heldout"].values():
        assert score["first"] == pytest.approx(math.log(50), abs=0.1)
        assert score["last"] < 2.2
        assert score["bits_per_byte_last"] < 0.6 * score["bits_per_byte_first"]


def test_every_loss_is_the_golden_one(whole, update_golden):
    """Data and their order, mask, schedule and optimizer, seed and model: a change of any is seen here.

    Other instruction sets, and other sizes of a pass, change these numbers by less than 1e-7 of themselves.
    """
    lines = list(Log(whole[0] / "log.jsonl").lines("train"))
    columns = {
        name: [line[name] for line in lines] for name in ("step", "learning_rate", "loss", "grad_norm")
    }
    columns |= {source: [line["sources"][source] for line in lines] for source in ("up", "down")}
    if update_golden:
        out = io.StringIO()
        rows = [[f"{value:.7g}" for value in row] for row in zip(*columns.values(), strict=True)]
        csv.writer(out, lineterminator="\n").writerows([[*columns], *rows])
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(out.getvalue(), encoding="utf-8")
    golden = list(csv.DictReader(io.StringIO(GOLDEN.read_text(encoding="utf-8"))))
    assert len(golden) == 60
    for name, values in columns.items():
        assert values == pytest.approx([float(row[name]) for row in golden], rel=1e-5), name


def test_the_result_says_what_was_done(whole):
    output, result = whole
    assert result["folder"] == "train-0123456789ab"
    assert result["steps"] == 60
    model = torch.load(output / "checkpoints/step-00000060/state.pt", weights_only=True)["model"]
    assert result["parameters"] == sum(tensor.numel() for tensor in model.values())
    assert result["seconds"] > 0
    assert result["tokens_per_second"] > 0
    assert json.loads((output / "train.json").read_text()) == result


def test_every_step_has_a_line_and_evaluations_stand_at_their_steps(whole):
    output, result = whole
    lines = losses(output)
    assert [step for step, *_ in lines] == list(range(1, 61))
    assert [step for step, _ in scores(output)] == [0, 25, 50, 60]
    assert (lines[0][1], lines[-1][1]) == (result["loss_first"], result["loss_last"])
    for _, loss, norm, sources in lines:
        assert set(sources) == {"up", "down"}
        assert min(sources.values()) <= loss <= max(sources.values())
        assert norm > 0


def test_what_was_consumed_is_what_the_schedule_holds(whole, corpus):
    output, _ = whole
    consumed = json.loads((output / "consumed.json").read_text())
    schedule = open_data(corpus.tokens, corpus.mixture)[1]
    counts = np.bincount(schedule.at(np.arange(480))[0], minlength=2).tolist()
    assert counts == [300, 180]
    assert consumed == {"sources": ["up", "down"], "sequences": counts, "first_index": 0, "next_index": 480}


def test_what_is_done_is_not_done_again(whole, corpus, settings):
    output, result = whole
    before = (output / "log.jsonl").stat().st_mtime_ns

    def progress(done, total):
        raise AssertionError("a step was taken")

    again = train(settings(), tokens=corpus.tokens, mixture=corpus.mixture, output=output, progress=progress)
    assert again == result
    assert (output / "log.jsonl").stat().st_mtime_ns == before


def test_the_process_is_left_as_it_was(whole):
    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch.distributed.is_initialized()


def session(corpus, output, settings, *more, env=None):
    """A training in a process of its own."""
    plain = json.dumps(dataclasses.asdict(settings))
    arguments = [corpus.tokens, corpus.mixture, output, plain, *more]
    return subprocess.Popen(
        [sys.executable, SESSION, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
    )


def test_killed_and_resumed_it_is_bit_for_bit_the_same(whole, corpus, settings, tmp_path):
    output = tmp_path / "train-killed"
    for kill_at in (7, 38):  # before the first checkpoint, and between two
        killed = session(corpus, output, settings(), kill_at)
        assert killed.wait(60) == -9
        assert not (output / "train.json").exists()
    assert sorted(p.name for p in (output / "checkpoints").iterdir()) == ["step-00000020", "step-00000030"]
    resumed_from = []
    train(
        settings(),
        tokens=corpus.tokens,
        mixture=corpus.mixture,
        output=output,
        progress=lambda done, total: resumed_from.append(done - 1),
    )
    assert resumed_from[0] == 30
    assert losses(output) == losses(whole[0])
    assert scores(output) == scores(whole[0])
    ours, theirs = (
        torch.load(at / "checkpoints/step-00000060/state.pt", weights_only=True) for at in (output, whole[0])
    )
    assert all(torch.equal(ours["model"][name], theirs["model"][name]) for name in theirs["model"])
    assert (output / "consumed.json").read_text() == (whole[0] / "consumed.json").read_text()


def test_how_it_is_saved_and_reported_does_not_change_it(whole, corpus, settings, tmp_path):
    quiet = settings(log_every=20, checkpoint_every=1000, evaluate_every=1000, keep_checkpoints=1)
    result = train(quiet, tokens=corpus.tokens, mixture=corpus.mixture, output=tmp_path / "quiet")
    assert result["loss_last"] == whole[1]["loss_last"]
    assert result["heldout"] == whole[1]["heldout"]
    lines = losses(tmp_path / "quiet")
    assert [step for step, *_ in lines] == [1, 20, 40, 60]
    every = {step: loss for step, loss, *_ in losses(whole[0])}
    assert all(loss == every[step] for step, loss, *_ in lines)


def test_two_ranks_train_as_one_and_one_goes_on_where_two_were_killed(corpus, settings, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    few = {"max_steps": 12, "checkpoint_every": 6, "micro_batch": 2}
    output = tmp_path / "two"
    places = [{**place, "GLOO_SOCKET_IFNAME": "lo", "RANK": str(rank)} for rank in range(2)]
    ranks = [session(corpus, output, settings(**few), 8, env=each) for each in places]
    assert all(rank.wait(60) for rank in ranks)
    by_two = losses(output)[:7]
    assert read_json(output / "checkpoints/step-00000006/checkpoint.json")["world"] == 2
    train(settings(**few), tokens=corpus.tokens, mixture=corpus.mixture, output=output)
    train(settings(**few), tokens=corpus.tokens, mixture=corpus.mixture, output=tmp_path / "one")
    one, then_one = losses(tmp_path / "one"), losses(output)
    assert by_two[:6] == then_one[:6]
    for lines in (by_two, then_one):
        for (_, loss, norm, sources), (_, loss2, norm2, sources2) in zip(lines, one, strict=False):
            assert loss == pytest.approx(loss2, rel=1e-5)
            assert norm == pytest.approx(norm2, rel=1e-3)
            assert sources == pytest.approx(sources2, rel=1e-5)
    assert [len(by_two), len(then_one)] == [7, 12]
    for (step, ours), (_, theirs) in zip(scores(output), scores(tmp_path / "one"), strict=True):
        assert all(ours[source] == pytest.approx(theirs[source], rel=1e-5) for source in theirs), step
    assert (output / "consumed.json").read_text() == (tmp_path / "one/consumed.json").read_text()


def test_accumulation_does_not_change_the_gradient(corpus, settings, tmp_path):
    first = []
    for micro_batch in (8, 3, 1):  # 3 does not divide 8: passes of 2
        output = tmp_path / str(micro_batch)
        ours = settings(micro_batch=micro_batch, max_steps=2)
        train(ours, tokens=corpus.tokens, mixture=corpus.mixture, output=output)
        first.append(losses(output))
    for other in first[1:]:
        for (_, loss, norm, _), (_, loss2, norm2, _) in zip(first[0], other, strict=True):
            assert loss2 == pytest.approx(loss, rel=1e-5)
            assert norm2 == pytest.approx(norm, rel=1e-4)
    assert [len(lines) for lines in first] == [2, 2, 2]


def test_max_steps_ends_the_schedule_early(corpus, settings, tmp_path):
    result = train(settings(max_steps=5), tokens=corpus.tokens, mixture=corpus.mixture, output=tmp_path / "o")
    assert result["steps"] == 5
    rates = [line["learning_rate"] for line in Log(tmp_path / "o/log.jsonl").lines("train")]
    assert rates[-1] == pytest.approx(0.1 * 5e-3)
    consumed = json.loads((tmp_path / "o/consumed.json").read_text())
    assert consumed["next_index"] == 40
    assert sum(consumed["sequences"]) == 40


def test_other_settings_do_not_go_on_with_these_checkpoints(corpus, settings, tmp_path):
    output = tmp_path / "o"
    train(settings(max_steps=3), tokens=corpus.tokens, mixture=corpus.mixture, output=output)
    (output / "train.json").unlink()
    with pytest.raises(ForeignCheckpoint, match=r"model\.d_model: 32 in the checkpoint, 64 now"):
        train(settings(max_steps=3, d_model=64), tokens=corpus.tokens, mixture=corpus.mixture, output=output)
    other = write_mixture(tmp_path / "m", {"up": 300, "down": 120}, [{"up": 480}])
    with pytest.raises(ForeignCheckpoint, match="plan:"):
        train(settings(max_steps=3), tokens=corpus.tokens, mixture=other, output=output)


def test_a_resumed_run_keeps_its_number_of_threads(corpus, settings, tmp_path):
    output = tmp_path / "o"
    arguments = {"tokens": corpus.tokens, "mixture": corpus.mixture, "output": output}
    train(settings(max_steps=2, threads=2), **arguments)
    (output / "train.json").unlink()
    about = json.loads((output / "checkpoints/step-00000002/checkpoint.json").read_text())
    assert about["threads"] == 2
    before = torch.get_num_threads()
    train(settings(max_steps=2, threads=1), **arguments)
    assert torch.get_num_threads() == before


def test_a_loss_that_is_not_finite_stops_it(corpus, settings, tmp_path):
    wild = settings(learning_rate=1e12, max_grad_norm=1e30, norm_eps=1e-30, warmup_frac=0.0)
    with pytest.raises(RunError, match=r"the loss is (nan|inf) at step \d+; lower learning_rate"):
        train(wild, tokens=corpus.tokens, mixture=corpus.mixture, output=tmp_path / "o")
    assert not (tmp_path / "o/train.json").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_tokens": 100}, "batch_tokens 100 is no multiple of the sequence length 32; take 96 or 128"),
        ({"batch_tokens": 20}, "take 32"),
        ({"batch_tokens": 32 * 481}, "480 sequences of 32 tokens: 0 steps of 15392, not 1"),
        ({"max_steps": 61}, "60 steps of 256, not 61"),
    ],
)
def test_a_batch_that_does_not_fit_the_mixture_is_refused(corpus, settings, changes, message):
    folder, schedule, _ = open_data(corpus.tokens, corpus.mixture)
    with pytest.raises(RunError, match=message):
        n_steps(settings(**changes).optimizer, folder, schedule)


def test_a_gpu_that_is_not_there_is_said(corpus, settings, tmp_path):
    if torch.cuda.is_available():
        return
    with pytest.raises(RunError, match="torch finds no GPU here"):
        train(settings(device="cuda"), tokens=corpus.tokens, mixture=corpus.mixture, output=tmp_path / "o")


def test_without_held_out_sequences_there_is_nothing_to_compare(settings, tmp_path):
    tokens = write_tokens(tmp_path / "tokens", {"leap": 24}, heldout=0)
    mixture = write_mixture(tmp_path / "mixture", {"leap": 24}, [{"leap": 24}])
    result = train(settings(), tokens=tokens, mixture=mixture, output=tmp_path / "o")
    assert result["heldout"] == {}
    assert result["steps"] == 3
