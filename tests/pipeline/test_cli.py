"""The command as a user runs it: a process of its own, with exit codes and messages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.toy import write_lines

ROOT = Path(__file__).resolve().parents[2]


def pipeline(
    *arguments: str | Path, path: Path | None = None, seconds: float = 400
) -> subprocess.CompletedProcess[str]:
    """Run `pipeline` with the toy stages (and what else lies in `path`) installed."""
    paths = os.pathsep.join([str(ROOT), *([str(path)] if path else [])])
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
        timeout=seconds,
    )


@pytest.fixture
def stages_yaml(tmp_path: Path) -> Path:
    words = write_lines(tmp_path, {"a.txt": "apple\n?\navocado\nab\nbanana\n", "b.txt": "berry\ndate\n"})
    path = tmp_path / "stages.yaml"
    path.write_text(f"""\
name: small
source: {{use: lines, with: {{paths: {json.dumps(words)}}}}}
steps:
  - use: count
  - use: long
  - use: one_per_letter
output: {tmp_path / "out"}
""")
    return path


def test_run_ends_with_tables_and_where_things_are(stages_yaml: Path, toys: Path, tmp_path: Path) -> None:
    done = pipeline("run", stages_yaml, "--workers", "2", path=toys)
    assert done.returncode == 0, done.stderr
    assert "min_n_chars 1" in done.stdout
    assert f"report: {tmp_path / 'out' / 'report.html'}" in done.stdout
    assert (tmp_path / "out" / "report.html").exists()
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert f"content hash: {record['content_hash']}" in done.stdout


def test_json_is_one_object_a_line(stages_yaml: Path, toys: Path) -> None:
    done = pipeline("run", stages_yaml, "--json", path=toys)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [e["event"] for e in events][-1] == "done"
    assert events[-1]["record"]["rows"] == {"small": 3}
    assert (stages_yaml.parent / "out" / "report.html").exists()


def test_a_wrong_recipe_exits_2_with_lines_and_writes_nothing(
    stages_yaml: Path, toys: Path, tmp_path: Path
) -> None:
    stages_yaml.write_text(stages_yaml.read_text().replace("use: long", "use: logn"))
    done = pipeline("run", stages_yaml, path=toys)
    assert done.returncode == 2
    assert done.stderr == f"{stages_yaml}:5: logn: no stage 'logn'; did you mean 'long'?\n"
    assert not (tmp_path / "out").exists()


def test_an_unknown_engine_exits_2(stages_yaml: Path, toys: Path) -> None:
    done = pipeline("run", stages_yaml, "--engine", "sparc", path=toys)
    assert done.returncode == 2
    assert "no engine 'sparc'; did you mean 'spark'?" in done.stderr


def test_a_run_that_stops_exits_1_and_names_the_step(stages_yaml: Path, toys: Path) -> None:
    stages_yaml.write_text(
        stages_yaml.read_text().replace("use: one_per_letter", "{use: fail, with: {word: date}}")
        .replace("- {use", "- {use")
    )  # fmt: skip
    done = pipeline("run", stages_yaml, path=toys)
    assert done.returncode == 1
    assert "step 'fail' failed on shard small/03-fail-" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_lists_the_verbs() -> None:
    done = pipeline("--help")
    assert done.returncode == 0
    verbs = ["run", "plan", "stages", "sample", "report", "explain", "verify", "fsck", "fit", "mix", "train"]
    assert [v for v in verbs if f" {v} " not in done.stdout] == []


def test_an_unknown_verb_exits_2() -> None:
    assert pipeline("rnu").returncode == 2


def test_workers_below_one_are_refused(stages_yaml: Path, toys: Path) -> None:
    assert pipeline("run", stages_yaml, "--workers", "0", path=toys).returncode == 2


def test_a_file_too_large_for_the_disk_stops_the_run_and_resume_finishes_it(
    stages_yaml: Path, toys: Path, tmp_path: Path
) -> None:
    limited = [
        sys.executable,
        "-c",
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)); "
        f"sys.argv = ['pipeline', 'run', {str(stages_yaml)!r}]; "
        "runpy.run_module('pipeline', run_name='__main__')",
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(toys)])}
    full = subprocess.run(limited, capture_output=True, text=True, env=environment, timeout=120)
    assert full.returncode == 1
    assert "failed on shard small/02-long-" in full.stderr
    assert "File too large" in full.stderr
    assert not list((tmp_path / "out").glob("_run/small/02-long-*/part-*"))
    assert pipeline("run", stages_yaml, path=toys).returncode == 0


def test_a_run_whose_report_cannot_be_written_is_done(stages_yaml: Path, toys: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "report.html").mkdir(parents=True)
    done = pipeline("run", stages_yaml, path=toys)
    assert done.returncode == 0
    assert "content hash: " in done.stdout
    assert done.stderr == (f"the report cannot be written as {tmp_path}/out/report.html: Is a directory\n")
    again = pipeline("report", tmp_path / "out")
    assert (again.returncode, again.stderr) == (1, done.stderr)
    assert "min_n_chars 1" in again.stdout


@pytest.fixture
def slow(stages_yaml: Path, toys: Path) -> Iterator[subprocess.Popen[str]]:
    """A run of two shards, whose step sleeps on one for longer than any test waits. It has its own group."""
    step = "use: fail\n    with: {word: apple, sleep: 60}"
    recipe = stages_yaml.read_text().replace("use: one_per_letter", step)
    stages_yaml.write_text(f"{recipe}shard_bytes: 1\n")
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", str(stages_yaml), "--workers", "2", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(toys)])},
        start_new_session=True,
    ) as process:
        yield process
        process.kill()


def at_work(process: subprocess.Popen[str]) -> None:
    """Wait until a worker sleeps in the slow step: the other shard is done."""
    assert process.stdout
    lines = iter(process.stdout.readline, "")
    assert any('"done": 1, "total": 2' in line for line in lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_run_and_says_how_to_go_on(
    slow: subprocess.Popen[str], number: signal.Signals
) -> None:
    at_work(slow)
    slow.send_signal(number)
    _, error = slow.communicate(timeout=20)
    assert (slow.returncode, error) == (128 + number, "stopped; the same command resumes\n")
    wait_for_end(slow.pid)


def group(number: int) -> list[int]:
    """Processes of a group."""
    listed = subprocess.run(["ps", "-eo", "pid=,pgid=,stat="], capture_output=True, text=True).stdout
    rows = [line.split() for line in listed.splitlines()]
    return [int(pid) for pid, pgid, stat in rows if int(pgid) == number and "Z" not in stat]


def wait_for_end(number: int) -> None:
    """Of all processes of a group, soon: what tracks their resources notices that they are gone."""
    end = time.monotonic() + 5
    while left := group(number):
        assert time.monotonic() < end, left
        time.sleep(0.05)


@pytest.mark.parametrize("seconds", [0, 0.2, 0.6])
def test_ctrl_c_while_workers_start_is_one_line(slow: subprocess.Popen[str], seconds: float) -> None:
    """A terminal sends it to the workers as well, who may still be importing."""
    assert slow.stdout
    slow.stdout.readline()  # none of two is done
    time.sleep(seconds)
    os.killpg(slow.pid, signal.SIGINT)
    _, error = slow.communicate(timeout=20)
    assert (slow.returncode, error) == (130, "stopped; the same command resumes\n")


def test_ctrl_c_while_the_command_itself_starts_is_one_line(slow: subprocess.Popen[str]) -> None:
    while b"pyarrow" not in Path(f"/proc/{slow.pid}/maps").read_bytes():
        time.sleep(0.01)  # until it is amid its imports
    os.killpg(slow.pid, signal.SIGINT)
    _, error = slow.communicate(timeout=20)
    assert (slow.returncode, error) == (130, "stopped; the same command resumes\n")


def test_workers_end_with_a_driver_that_was_killed(slow: subprocess.Popen[str]) -> None:
    """Amid a task, and not when it is over."""
    at_work(slow)
    assert len(group(slow.pid)) >= 3
    slow.kill()
    slow.wait()
    wait_for_end(slow.pid)
