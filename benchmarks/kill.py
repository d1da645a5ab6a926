"""Kill a run with SIGKILL at random moments, resume it, and compare its hash with the undisturbed run's.

    python benchmarks/kill.py jobs/recipes/quickstart.yaml --times 10

The run is killed once at a random moment of each trial and then resumed to its end. Only the process that was
started is killed: its workers find themselves alone, as after a real crash, while the resumed run begins.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path


def run(recipe: Path, output: Path, kill_after: float | None) -> tuple[int, float]:
    """Exit code and seconds of `pipeline run`; negative where it was killed."""
    began = time.monotonic()
    command = [sys.executable, "-m", "pipeline", "run", str(recipe), "--output", str(output)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _, error = process.communicate(timeout=kill_after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return process.returncode, time.monotonic() - began
    if process.returncode > 0:
        raise SystemExit(error.decode())
    return process.returncode, time.monotonic() - began


def hashes(output: Path) -> dict[str, str]:
    """What must be equal: documents, with tokens and mixture; and the trained model's last loss."""
    record = json.loads((output / "run.json").read_text())
    made = {"run": record["run_hash"], "documents": record["content_hash"]}
    return made | ({"loss": str(record["train"]["loss_last"])} if "train" in record else {})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("runs/kill"))
    given = parser.parse_args()
    rng = random.Random(given.seed)
    shutil.rmtree(given.work, ignore_errors=True)
    _, seconds = run(given.recipe, given.work / "undisturbed", None)
    wanted = hashes(given.work / "undisturbed")
    print(f"undisturbed: {seconds:.1f} s, {wanted}")
    equal = 0
    for trial in range(given.times):
        output = given.work / "killed"
        shutil.rmtree(output, ignore_errors=True)
        moment = rng.uniform(0.02, 0.98) * seconds
        code, _ = run(given.recipe, output, moment)
        _, resumed = run(given.recipe, output, None)
        same = hashes(output) == wanted
        equal += same
        how = "killed" if code == -signal.SIGKILL else "had ended"
        print(
            f"trial {trial + 1}: {how} at {moment:.1f} s, resumed in {resumed:.1f} s, "
            f"{'equal' if same else 'DIFFERENT'}"
        )
    print(f"{equal} of {given.times} equal")
    shutil.rmtree(given.work)
    sys.exit(equal != given.times)


if __name__ == "__main__":
    main()
