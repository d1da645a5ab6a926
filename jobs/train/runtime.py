"""Where training runs: device, dtype, threads and ranks. Threads and determinism are set back after it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from jobs.train.config import RunSettings, TrainSettings
from pipeline.errors import RunError


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """One process of a training."""

    device: torch.device
    dtype: torch.dtype
    compile: bool
    threads: int
    rank: int = 0
    world: int = 1
    """Processes, one for each device."""

    @property
    def cuda(self) -> bool:
        """Whether the device is a GPU."""
        return self.device.type == "cuda"

    @property
    def first(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0

    def total(self, values: Tensor) -> Tensor:
        """The sum over all ranks, in place."""
        if self.world > 1:
            dist.all_reduce(values)
        return values

    def wait(self) -> None:
        """Until all ranks are here."""
        if self.world > 1:
            dist.barrier()


@contextlib.contextmanager
def start(settings: TrainSettings, threads: int | None = None) -> Iterator[Runtime]:
    """The process's part of a training, from the settings and torchrun's environment (WORLD_SIZE and others).

    `threads`, of the run to be resumed, comes before the settings: a sum on the CPU may depend on it.

    Raises:
        RunError: CUDA is asked for and is not there.
    """
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    run = settings.run
    device = _device(run)
    cuda = device.type == "cuda"
    dtype = ("bfloat16" if cuda else "float32") if settings.model.dtype == "auto" else settings.model.dtype
    runtime = Runtime(
        device=device,
        dtype=getattr(torch, dtype),
        compile=cuda if run.compile == "auto" else run.compile,
        threads=threads or run.threads or torch.get_num_threads(),
        rank=rank,
        world=world,
    )
    with contextlib.ExitStack() as after:
        after.callback(torch.set_num_threads, torch.get_num_threads())
        torch.set_num_threads(runtime.threads)
        after.callback(torch.use_deterministic_algorithms, torch.are_deterministic_algorithms_enabled())
        if run.deterministic and cuda:
            # cuBLAS reads it when its first handle is made (NVIDIA, "Results reproducibility").
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(run.deterministic)
        if world > 1:
            dist.init_process_group("nccl" if cuda else "gloo", device_id=device if cuda else None)
            after.callback(dist.destroy_process_group)
        yield runtime


def _device(settings: RunSettings) -> torch.device:
    if settings.device == "cpu" or (settings.device == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise RunError("device: cuda is asked for, but torch finds no GPU here; set device: auto or cpu")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    return device
