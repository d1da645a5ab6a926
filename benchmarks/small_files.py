"""The same documents in thousands of small files and in one: output files, seconds and padding side by side.

    python benchmarks/small_files.py                 # 15,000 documents in 5,000 files
    python benchmarks/small_files.py --files 50000

Files of three short documents each, through exact deduplication into sequences of bytes. What a run costs
should depend on the documents and hardly on the files that they lie in.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from stages.tokens.format import MANIFEST

WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]
EACH = 3
RECIPE = """\
name: {name}
source: {{use: jsonl, with: {{paths: "{paths}"}}}}
steps: [{{use: exact_dedup}}]
tokens: {{tokenizer: bytes, sequence_length: 512}}
output: {output}
"""


def write(folder: Path, n_files: int) -> None:
    """The documents as many files, and once more as one."""
    rng = random.Random(9)
    (folder / "many").mkdir(parents=True)
    with (folder / "one.jsonl").open("w") as one:
        for f in range(n_files):
            rows = [{"id": f"{f}-{i}", "text": " ".join(rng.choices(WORDS, k=30))} for i in range(EACH)]
            text = "".join(json.dumps(row) + "\n" for row in rows)
            (folder / "many" / f"f{f:06d}.jsonl").write_text(text)
            one.write(text)


def run(folder: Path, name: str, paths: str) -> dict[str, Any]:
    """Figures of one run."""
    output = folder / f"out-{name}"
    recipe = folder / f"{name}.yaml"
    recipe.write_text(RECIPE.format(name=name, paths=folder / paths, output=output))
    began = time.monotonic()
    command = [sys.executable, "-m", "pipeline", "run", str(recipe)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - began
    (manifest,) = output.glob(f"tokens-*/{MANIFEST}")
    tokens = json.loads(manifest.read_text())["sources"][name]
    return {
        "documents": json.loads((output / "run.json").read_text())["rows"][name],
        "output files": sum(p.is_file() for p in output.rglob("*")),
        "shards": len(list((output / "documents" / name).iterdir())),
        "seconds": round(seconds, 1),
        "padding": f"{tokens['n_padding'] / (tokens['n_padding'] + tokens['n_tokens']):.1%}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=5000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        write(folder, given.files)
        one, many = run(folder, "one", "one.jsonl"), run(folder, "many", "many/*.jsonl")
    print(f"{'':14}{'one file':>12}{f'{given.files:,} files':>14}")
    for what, value in one.items():
        print(f"{what:14}{value:>12}{many[what]:>14}")


if __name__ == "__main__":
    main()
