"""One run at a time on a store, whatever became of the one before."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import fsspec
import pytest

from pipeline.errors import OutputBusy, RunError
from pipeline.lock import hold
from pipeline.objects import lease, scratch
from pipeline.objects.path import ObjectPath

ELSEWHERE = "00000000-1-1"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.2)
    monkeypatch.setattr(lease, "LEASE_SECONDS", 3.0)


def put(output: ObjectPath, number: int, **values: Any) -> None:
    lock = {"who": "process 1 on moon", "process": ELSEWHERE, "beat": 1, "over": False} | values
    output.call("pipe_file", str(output / ".lock" / f"{number:08d}"), json.dumps(lock).encode())


def locks(output: ObjectPath) -> list[str]:
    return (output / ".lock").below()


def test_one_at_a_time(output: ObjectPath) -> None:
    for number in (1, 2):
        with hold(output) as check:
            check()
            assert locks(output) == [f"{number:08d}"]
            with (
                pytest.raises(OutputBusy, match=r"is held by another run \(process \d+ on .*\); wait"),
                hold(output),
            ):
                pass
            assert locks(output) == [f"{number:08d}"]


def test_the_lock_of_a_dead_process_of_this_machine_goes_at_once(output: ObjectPath) -> None:
    machine, number, began = scratch.process().split("-")
    put(output, 3, process=f"{machine}-{number}-{int(began) - 1}")
    began_at = time.monotonic()
    with hold(output):
        assert locks(output) == ["00000004"]
    assert time.monotonic() - began_at < lease.LEASE_SECONDS


def test_another_machine_that_shows_no_life_loses_it(output: ObjectPath) -> None:
    put(output, 3)
    said: list[str] = []
    with hold(output, said.append):
        assert locks(output) == ["00000004"]
    assert said == [f"process 1 on moon held {output.parent}; looking whether it lives"]


def later(what: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(lease.LEASE_SECONDS / 3, what)
    timer.start()
    return timer


def test_another_machine_that_lives_keeps_it(output: ObjectPath) -> None:
    put(output, 3)
    beat = later(lambda: put(output, 3, beat=2))
    with pytest.raises(OutputBusy, match="process 1 on moon"), hold(output, lambda _: None):
        pass
    beat.join()
    assert locks(output) == ["00000003"]


def test_a_run_that_ends_while_we_look_leaves_it(output: ObjectPath) -> None:
    put(output, 3)
    end = later(lambda: put(output, 3, over=True))
    with hold(output, lambda _: None):
        assert locks(output) == ["00000004"]
    end.join()


def test_whoever_was_overtaken_stops(output: ObjectPath) -> None:
    with hold(output) as check:
        put(output, 2)
        time.sleep(4 * lease.BEAT_SECONDS)
        with pytest.raises(OutputBusy, match=r"may be another run's by now"):
            check()
    assert "00000002" in locks(output)  # the other's is not let go


def test_whoever_cannot_reach_the_store_stops(output: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> None:
    with hold(output) as check:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        monkeypatch.setattr(lease.Lease, "_highest", _unreachable)
        time.sleep(lease.LEASE_SECONDS + 2 * lease.BEAT_SECONDS)
        with pytest.raises(OutputBusy):
            check()


def _unreachable(self: lease.Lease) -> int:
    raise RunError("no answer")


def test_of_two_that_follow_one_wins(output: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> None:
    highest = lease.Lease._highest
    put(output, 1, over=True)

    def slow(self: lease.Lease) -> int:
        number = highest(self)
        if number == 1:  # meanwhile another has taken the next
            put(output, 2)
        return number

    monkeypatch.setattr(lease.Lease, "_highest", slow)
    with pytest.raises(OutputBusy, match="process 1 on moon"), hold(output):
        pass
    assert locks(output) == ["00000001", "00000002"]


def test_whoever_is_slower_than_a_whole_run_of_another_loses(
    output: ObjectPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    highest = lease.Lease._highest

    def slow(self: lease.Lease) -> int:
        if not self.number:
            put(output, 9)
            return 0
        return highest(self)

    monkeypatch.setattr(lease.Lease, "_highest", slow)
    with pytest.raises(OutputBusy, match="process 1 on moon"), hold(output):
        pass
    assert locks(output) == ["00000009"]


def test_a_store_that_cannot_be_written(bucket: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunError, match="cannot write to s3://nobody/x: The specified bucket does not exist"):
        hold(ObjectPath("s3://nobody/x/_run")).__enter__()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", "/nowhere")
    fsspec.filesystem("s3").clear_instance_cache()
    with pytest.raises(
        RunError, match=r"s3://runs/x.*: Unable to locate credentials; .*in the environment\?"
    ):
        hold(ObjectPath("s3://runs/x/_run")).__enter__()
    fsspec.filesystem("s3").clear_instance_cache()
