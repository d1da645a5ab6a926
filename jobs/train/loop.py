"""The training loop: step, log, evaluate, save. Stopped anywhere, it goes on as if it had not been."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from jobs.train import flops
from jobs.train.checkpoint import Checkpoints, Identity, load
from jobs.train.config import OptimizerSettings, TrainSettings
from jobs.train.evaluate import Evaluation, heldout
from jobs.train.learner import Learner, Update
from jobs.train.loader import Loader, open_data
from jobs.train.log import Log
from jobs.train.model import count
from jobs.train.optim import learning_rate
from jobs.train.runtime import Runtime, start
from mixtures.schedule import Schedule
from pipeline.errors import RunError
from pipeline.store import read_json, write_json
from stages.tokens.format import TokenFolder

Progress = Callable[[int, int], None]
"""progress(steps done, steps in all)"""


def train(
    settings: TrainSettings,
    *,
    tokens: Path,
    mixture: Path,
    output: Path,
    progress: Progress = lambda done, total: None,
) -> dict[str, Any]:
    """Train through the mixture, from the newest checkpoint in `output` if there is one.

    Returns what `output/train.json` says, which is written last: with it there, nothing more is done.

    Raises:
        RunError: settings and data do not fit, a checkpoint is foreign or damaged, or the loss diverged.
    """
    if (output / "train.json").exists():
        done: dict[str, Any] = read_json(output / "train.json")
        return done
    folder, schedule, plan = open_data(tokens, mixture)
    steps = n_steps(settings.optimizer, folder, schedule)
    identity = Identity.of(plan, settings)
    checkpoints = Checkpoints(output / "checkpoints", identity, settings.run.keep_checkpoints)
    newest = checkpoints.newest()
    with start(settings, threads=newest[1]["threads"] if newest else None) as runtime:
        training = Training(settings, folder, schedule, runtime, checkpoints, steps)
        if newest:
            training.resume(*newest)
        training.run(progress)
        return training.finish()


def n_steps(settings: OptimizerSettings, folder: TokenFolder, schedule: Schedule) -> int:
    """Steps of the whole training: as many full batches as the schedule has, or `max_steps`.

    Raises:
        RunError: the batch is no multiple of the sequence length, or the schedule is too short.
    """
    length, wanted = folder.sequence_length, settings.batch_tokens
    if wanted % length or not wanted:
        below, above = wanted // length * length, -(-wanted // length) * length
        fits = " or ".join(str(n) for n in (below, above) if n)
        raise RunError(f"batch_tokens {wanted} is no multiple of the sequence length {length}; take {fits}")
    steps = len(schedule) * length // wanted
    if steps < (settings.max_steps or 1):
        raise RunError(
            f"the mixture has {len(schedule)} sequences of {length} tokens: {steps} steps of {wanted}, "
            f"not {settings.max_steps or 1}; lower batch_tokens or max_steps, or plan more tokens"
        )
    return settings.max_steps or steps


class Training:
    """One training on one rank."""

    def __init__(
        self,
        settings: TrainSettings,
        folder: TokenFolder,
        schedule: Schedule,
        runtime: Runtime,
        checkpoints: Checkpoints,
        steps: int,
    ):
        self.settings, self.runtime, self.checkpoints, self.steps = settings, runtime, checkpoints, steps
        self.output = checkpoints.folder.parent
        self.sources = schedule.sources
        self.loader = Loader(
            folder=folder,
            schedule=schedule,
            n_sequences=settings.optimizer.batch_tokens // folder.sequence_length,
            rank=runtime.rank,
            world=runtime.world,
        )
        self.learner = Learner(
            settings,
            runtime,
            vocab_size=folder.vocab_size,
            end_of_text=folder.end_of_text,
            n_sources=len(self.sources),
            n_sequences=self.loader.n_sequences // runtime.world,
        )
        self.evaluation = Evaluation(
            rows=heldout(folder, most=settings.heldout_sequences, seed=settings.seed),
            token_bytes_V=torch.from_numpy(np.array(folder.token_bytes)),
            end_of_text=folder.end_of_text,
            n_rows=self.learner.n_rows,
        )
        self.flops_per_token = flops.flops_per_token(
            settings.model, folder.vocab_size, folder.sequence_length
        )
        self.log = Log(self.output / "log.jsonl")
        self.step, self.seconds = 0, 0.0
        self.window = torch.zeros(3, len(self.sources), dtype=torch.float64, device=runtime.device)
        """Sums since the last line of the log."""
        self.consumed = torch.zeros(len(self.sources), dtype=torch.int64)
        """Sequences of each source up to the last line of the log."""

    def resume(self, path: Path, about: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        state = load(path)
        self.learner.restore(state)
        self.step, self.seconds, self.consumed = about["step"], about["seconds"], state["consumed"]

    def run(self, progress: Progress) -> None:
        """All the steps that are left."""
        if self.runtime.first:
            self.log.begin(self.step if self.step else -1)
        if not self.step:
            self.evaluate()
        began, since = time.perf_counter(), self.step
        for batch in self.loader.batches(self.step, self.steps):
            rate = learning_rate(self.settings.optimizer, self.step, self.steps)
            update = self.learner.update(batch, rate)
            self.window += update.sums
            self.step += 1
            if self.pauses():
                self.write_line(update, rate, self.step - since, began)
                if self.due(self.settings.run.evaluate_every):
                    self.evaluate()
                if self.due(self.settings.run.checkpoint_every):
                    self.save()
                began, since = time.perf_counter(), self.step
            progress(self.step, self.steps)

    def due(self, every: int) -> bool:
        """Whether a thing done every so many steps, and after the last, is to be done now."""
        return self.step % every == 0 or self.step == self.steps

    def pauses(self) -> bool:
        """Whether this step gets a line in the log; each with an evaluation or a checkpoint does."""
        run = self.settings.run
        return self.step == 1 or any(map(self.due, (run.log_every, run.evaluate_every, run.checkpoint_every)))

    def write_line(self, update: Update, rate: float, steps: int, began: float) -> None:
        """The step's loss, and each source's and the speed over the `steps` since the last line.

        Raises:
            RunError: the loss is no longer finite.
        """
        loss = update.loss  # waits for the device
        if not math.isfinite(loss):
            raise RunError(f"the loss is {loss} at step {self.step}; lower learning_rate ({rate:.3g} there)")
        seconds = time.perf_counter() - began
        self.seconds += seconds
        speed = steps * self.settings.optimizer.batch_tokens / seconds
        nats, targets, sequences = self.window.tolist()
        self.window.zero_()
        self.consumed += torch.tensor(sequences, dtype=torch.int64)
        seen = {s: nats[i] / targets[i] for i, s in enumerate(self.sources) if targets[i]}
        if self.runtime.first:
            norm = update.grad_norm.item()
            line = {"loss": loss, "learning_rate": rate, "grad_norm": norm, "tokens_per_second": round(speed)}
            self.log.write("train", self.step, **line, mfu=self.mfu(speed), sources=seen)

    def mfu(self, tokens_per_second: float) -> float | None:
        """Share of the devices' peak, or None where that is not known."""
        if not self.runtime.cuda:
            return None
        peak = flops.peak_flops(torch.cuda.get_device_name(self.runtime.device))
        reached = peak and flops.mfu(self.flops_per_token, tokens_per_second, peak * self.runtime.world)
        return round(reached, 4) if reached else None

    def evaluate(self) -> None:
        """Write the held-out losses to the log."""
        scores = self.evaluation(self.learner.nats, self.runtime)
        if self.runtime.first:
            self.log.write("heldout", self.step, sources=scores)

    def save(self) -> None:
        """A checkpoint, and beside it what the training has consumed: what `mix verify` recounts."""
        if not self.runtime.first:
            return
        self.log.sync()
        facts = {
            "seconds": self.seconds,
            "threads": self.runtime.threads,
            "world": self.runtime.world,
            "torch": torch.__version__,
        }
        self.checkpoints.save(self.step, {**self.learner.state(), "consumed": self.consumed}, **facts)
        consumed = {
            "sources": list(self.sources),
            "sequences": self.consumed.tolist(),
            "first_index": 0,
            "next_index": self.step * self.loader.n_sequences,
        }
        write_json(self.output / "consumed.json", consumed)

    def finish(self) -> dict[str, Any]:
        """The training's result, read from its log; written by the first rank as `train.json`."""
        self.runtime.wait()
        lines, evaluations = list(self.log.lines("train")), list(self.log.lines("heldout"))
        first, last = (evaluations[i]["sources"] for i in (0, -1))
        result = {
            "folder": self.output.name,
            "steps": self.steps,
            "parameters": count(self.learner.raw.parameters()),
            "loss_first": lines[0]["loss"],
            "loss_last": lines[-1]["loss"],
            "heldout": {
                source: {
                    "first": first[source]["loss"],
                    "last": last[source]["loss"],
                    "bits_per_byte_first": first[source]["bits_per_byte"],
                    "bits_per_byte_last": last[source]["bits_per_byte"],
                }
                for source in first
            },
            "seconds": round(self.seconds, 2),
            # The first window holds compilation and warm-up.
            "tokens_per_second": statistics.median(line["tokens_per_second"] for line in lines[1:] or lines),
        }
        if self.runtime.first:
            write_json(self.output / "train.json", result)
        return result
