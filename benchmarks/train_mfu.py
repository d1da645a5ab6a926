"""Tokens/s and MFU of the trainer: real loader, real optimizer, on a token folder made for the purpose.

    python benchmarks/train_mfu.py 100m 15m            one GPU
    torchrun --nproc-per-node 2 benchmarks/train_mfu.py 100m

Documents have log-normal lengths (median 450 tokens, sigma 1.1: web-like), packed into rows of 2,048.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from jobs.train import flops
from jobs.train.config import ModelSettings, OptimizerSettings, RunSettings, TrainSettings
from jobs.train.learner import Learner
from jobs.train.loader import Loader, open_data
from jobs.train.runtime import Runtime, start

VOCABULARY, LENGTH, ROWS = 32_768, 2048, 4096
SHAPES = {
    "1m": {"n_layers": 4, "d_model": 128, "n_heads": 2, "n_kv_heads": 1},
    "15m": {"n_layers": 8, "d_model": 384, "n_heads": 6, "n_kv_heads": 2},
    "100m": {"n_layers": 12, "d_model": 768, "n_heads": 12, "n_kv_heads": 4},
    "1b": {"n_layers": 20, "d_model": 2048, "n_heads": 16, "n_kv_heads": 4, "d_ff": 5632},
}
MICRO_BATCH = {"1b": 8}


def write(folder: Path) -> tuple[Path, Path]:
    """A token folder with one source of random documents, and a mixture of one pass over it."""
    random, end = np.random.default_rng(0), VOCABULARY - 1
    tokens = random.integers(0, end, ROWS * LENGTH, dtype=np.uint16)
    begins = np.cumsum(1 + np.exp(random.normal(np.log(450), 1.1, ROWS * LENGTH // 100)).astype(np.int64))
    tokens[begins[begins < tokens.size]] = end
    rows = tokens.reshape(ROWS, LENGTH)
    rows[:, 0] = end
    (folder / "tokens/web").mkdir(parents=True)
    rows.tofile(folder / "tokens/web/part-00000.bin")
    np.save(folder / "tokens/token_bytes.npy", np.ones(VOCABULARY, np.int32))
    none = {"parts": [], "n_sequences": 0}
    part = {"file": "web/part-00000.bin", "n_sequences": ROWS}
    account = {
        "vocab_size": VOCABULARY, "end_of_text": end, "dtype": "uint16", "sequence_length": LENGTH,
        "sources": {"web": {"parts": [part], "n_sequences": ROWS, "heldout": none}},
    }  # fmt: skip
    (folder / "tokens/tokens.json").write_text(json.dumps(account))
    (folder / "mixture").mkdir()
    plan = {"seed": 0, "sources": ["web"], "n_sequences": [ROWS], "phases": [{"draws": [64 * ROWS]}]}
    (folder / "mixture/mixture.json").write_text(json.dumps(plan))
    return folder / "tokens", folder / "mixture"


def measure(
    settings: TrainSettings, tokens: Path, mixture: Path, runtime: Runtime, windows: int, steps: int
) -> dict[str, float]:
    """Median over `windows` of `steps` steps each, after compilation and two steps to warm up."""
    folder, schedule, _ = open_data(tokens, mixture)
    n_sequences = settings.optimizer.batch_tokens // LENGTH
    loader = Loader(
        folder=folder, schedule=schedule, n_sequences=n_sequences, rank=runtime.rank, world=runtime.world
    )
    sizes = {"vocab_size": VOCABULARY, "end_of_text": folder.end_of_text, "n_sources": 1}
    learner = Learner(settings, runtime, n_sequences=n_sequences // runtime.world, **sizes)
    batches = loader.batches(0, 3 + windows * steps)
    began = time.perf_counter()
    update = learner.update(next(batches), 1e-4)
    loss_first, compiled = update.loss, time.perf_counter() - began
    speeds = []
    for window in range(windows + 1):
        began = time.perf_counter()
        n = steps if window else 2
        for _ in range(n):
            update = learner.update(next(batches), 1e-4)
        loss = update.loss  # waits for the device
        if window:
            speeds.append(n * settings.optimizer.batch_tokens / (time.perf_counter() - began))
    speed = statistics.median(speeds)
    result = {"tokens_per_second": round(speed), "first_step_s": round(compiled, 1)}
    result |= {"loss_first": round(loss_first, 4), "loss_last": round(loss, 4)}
    if runtime.cuda:
        peak = (flops.peak_flops(torch.cuda.get_device_name()) or float("nan")) * runtime.world
        for name, causal in (("mfu", False), ("mfu_causal", True)):
            per_token = flops.flops_per_token(settings.model, VOCABULARY, LENGTH, causal=causal)
            result[name] = round(flops.mfu(per_token, speed, peak), 4)
        result["gib"] = round(torch.cuda.max_memory_allocated() / 2**30, 1)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shapes", nargs="+", choices=SHAPES)
    parser.add_argument("--mask", choices=["on", "off", "both"], default="both", help="document mask")
    parser.add_argument("--micro-batch", type=int)
    parser.add_argument("--batch-tokens", type=int, default=262_144, help="for each device")
    parser.add_argument("--deterministic", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--windows", type=int, default=5)
    parser.add_argument("--steps", type=int, default=6)
    given = parser.parse_args()
    world = int(os.environ.get("WORLD_SIZE", "1"))
    with tempfile.TemporaryDirectory() as folder:
        tokens, mixture = write(Path(folder))
        for shape in given.shapes:
            for mask in {"on": [True], "off": [False], "both": [True, False]}[given.mask]:
                settings = TrainSettings(
                    model=ModelSettings(**SHAPES[shape], document_mask=mask),
                    optimizer=OptimizerSettings(batch_tokens=given.batch_tokens * world),
                    run=RunSettings(
                        micro_batch=given.micro_batch or MICRO_BATCH.get(shape, 32),
                        deterministic=given.deterministic,
                    ),
                )
                torch.compiler.reset()
                with start(settings) as runtime:
                    if runtime.cuda:
                        torch.cuda.reset_peak_memory_stats()
                    result = measure(settings, tokens, mixture, runtime, given.windows, given.steps)
                if runtime.first:
                    about = {"shape": shape, "document_mask": mask, "micro_batch": settings.run.micro_batch}
                    about |= {"devices": runtime.world, "device": runtime.device.type}
                    if runtime.cuda:
                        about["device"] = torch.cuda.get_device_name()
                    print(json.dumps({**about, **result}), flush=True)


if __name__ == "__main__":
    main()
