"""Checkpoints: whole, checked, of this training, and never code."""

from __future__ import annotations

import json
import pickle

import pytest
import torch

from jobs.train.checkpoint import Checkpoints, ForeignCheckpoint, Identity, load
from pipeline.errors import RunError

OURS = Identity(plan="a1", settings={"d_model": 32, "learning_rate": 0.1, "d_ff": None})


@pytest.fixture
def points(tmp_path):
    return Checkpoints(tmp_path / "checkpoints", OURS, keep=2)


def state(step):
    return {"model": {"w": torch.full((4, 3), float(step))}, "optimizer": {"state": {0: {"step": step}}}}


def names(points):
    return [path.name for path in points.paths()]


def test_what_is_saved_is_read_back(points):
    points.save(5, state(5), seconds=1.5, threads=2)
    path, about = points.newest()
    assert (about["step"], about["plan"], about["seconds"], about["threads"]) == (5, "a1", 1.5, 2)
    read = load(path)
    assert torch.equal(read["model"]["w"], torch.full((4, 3), 5.0))
    assert read["optimizer"] == {"state": {0: {"step": 5}}}


def test_without_any_there_is_none(points):
    assert points.newest() is None


def test_the_newest_few_stay(points):
    for step in (10, 20, 30, 40):
        points.save(step, state(step))
    assert names(points) == ["step-00000030", "step-00000040"]
    assert points.newest()[1]["step"] == 40


def test_steps_sort_as_numbers(points):
    for step in (900, 1000):
        points.save(step, state(step))
    assert points.newest()[1]["step"] == 1000


def damage_bit(path):
    data = bytearray((path / "state.pt").read_bytes())
    data[len(data) // 2] ^= 1
    (path / "state.pt").write_bytes(data)


def damage_cut(path):
    data = (path / "state.pt").read_bytes()
    (path / "state.pt").write_bytes(data[: len(data) // 2])


def damage_gone(path):
    (path / "state.pt").unlink()


def damage_account(path):
    (path / "checkpoint.json").write_text('{"step": 2')


def damage_account_gone(path):
    (path / "checkpoint.json").unlink()


@pytest.mark.parametrize("damage", [damage_bit, damage_cut, damage_gone, damage_account, damage_account_gone])
def test_a_damaged_one_is_passed_over_and_written_again(points, damage):
    points.save(10, state(10))
    points.save(20, state(20))
    damage(points.paths()[-1])
    assert points.newest()[1]["step"] == 10
    points.save(20, state(20))
    path, about = points.newest()
    assert about["step"] == 20
    assert load(path)["model"]["w"][0, 0] == 20


def test_if_all_are_damaged_nothing_is_begun_anew_unasked(points):
    points.save(10, state(10))
    damage_bit(points.paths()[0])
    with pytest.raises(RunError, match=r"all checkpoints in .* are damaged; remove the folder"):
        points.newest()


def test_what_a_killed_process_left_is_no_checkpoint(points):
    points.save(10, state(10))
    left = points.folder / ".step-00000020.tmp"
    left.mkdir()
    (left / "state.pt").write_bytes(b"half")
    assert points.newest()[1]["step"] == 10
    points.save(30, state(30))
    assert not left.exists()


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        (Identity(plan="b2", settings=OURS.settings), "plan: 'a1' in the checkpoint, 'b2' now"),
        (Identity(plan="a1", settings={**OURS.settings, "d_model": 64}), "d_model: 32 in the .*, 64 now"),
        (Identity(plan="a1", settings={"d_model": 32, "learning_rate": 0.1}), None),
        (Identity(plan="a1", settings={**OURS.settings, "new": 1}), "new: None in the checkpoint, 1 now"),
    ],
)
def test_another_training_is_refused_with_both_sides(points, theirs, message):
    points.save(10, state(10))
    other = Checkpoints(points.folder, theirs)
    if message is None:  # a setting that is null says nothing
        assert other.newest()
        return
    with pytest.raises(ForeignCheckpoint, match=message):
        other.newest()


def test_every_difference_is_shown(points):
    points.save(10, state(10))
    theirs = Identity(plan="b2", settings={"d_model": 1, "learning_rate": 2, "d_ff": None})
    with pytest.raises(ForeignCheckpoint) as caught:
        Checkpoints(points.folder, theirs).newest()
    assert str(caught.value).count("in the checkpoint") == 3


def test_settings_survive_json(points):
    settings = {"learning_rate": 6e-4, "betas": 0.95, "d_ff": None, "tie": False, "dtype": "auto"}
    same = Checkpoints(points.folder, Identity(plan="p", settings=settings))
    same.save(1, state(1))
    assert same.newest()
    assert json.loads((points.paths()[0] / "checkpoint.json").read_text())["settings"] == settings


class Trap:
    def __reduce__(self):
        return (exec, ("raise SystemExit('code from a checkpoint ran')",))


def test_code_in_a_checkpoint_is_not_run(points):
    points.save(10, {"model": Trap()})
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        load(points.paths()[0])
