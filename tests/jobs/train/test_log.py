"""The log keeps each step once."""

from __future__ import annotations

import json

from jobs.train.log import Log


def test_lines_come_back_by_kind(tmp_path):
    log = Log(tmp_path / "log.jsonl")
    log.write("heldout", 0, sources={"web": {"loss": 4.0}})
    log.write("train", 1, loss=3.5, mfu=None)
    assert [line["kind"] for line in log.lines()] == ["heldout", "train"]
    assert list(log.lines("train")) == [{"kind": "train", "step": 1, "loss": 3.5, "mfu": None}]


def test_every_line_is_json_by_itself(tmp_path):
    log = Log(tmp_path / "log.jsonl")
    for step in range(3):
        log.write("train", step, loss=step / 3)
    lines = log.path.read_text().splitlines()
    assert [json.loads(line)["loss"] for line in lines] == [0, 1 / 3, 2 / 3]


def test_going_back_forgets_what_came_after(tmp_path):
    log = Log(tmp_path / "log.jsonl")
    for step in range(6):
        log.write("train", step)
    log.write("heldout", 3)
    log.begin(3)
    assert [(line["kind"], line["step"]) for line in log.lines()] == [
        *(("train", step) for step in range(4)),
        ("heldout", 3),
    ]
    log.write("train", 4)
    assert [line["step"] for line in log.lines("train")] == [0, 1, 2, 3, 4]


def test_a_line_cut_short_is_left_out(tmp_path):
    log = Log(tmp_path / "log.jsonl")
    log.write("train", 1)
    with log.path.open("a") as file:
        file.write('{"kind": "train", "st')
    assert [line["step"] for line in log.lines()] == [1]
    log.begin(1)
    log.write("train", 2)
    assert [line["step"] for line in log.lines()] == [1, 2]


def test_before_it_began_it_is_empty(tmp_path):
    log = Log(tmp_path / "deep" / "log.jsonl")
    assert list(log.lines()) == []
    log.begin(-1)
    assert log.path.read_text() == ""
    log.sync()
