"""Arithmetic of training, by hand."""

from __future__ import annotations

import pytest

from jobs.train.config import ModelSettings
from jobs.train.flops import flops_per_token, matmul_parameters, mfu, peak_flops
from jobs.train.model import LanguageModel


def test_a_model_of_100_million_parameters_by_hand():
    settings = ModelSettings()
    # A layer: q and o 768 x 768, k and v 768 x 256, three feed-forward matrices 768 x 2048.
    layer = 2 * 768 * 768 + 2 * 768 * 256 + 3 * 768 * 2048
    assert matmul_parameters(settings, 32_768) == 12 * layer + 768 * 32_768 == 100_663_296
    whole = flops_per_token(settings, 32_768, 2048)
    assert whole == 6 * 100_663_296 + 12 * 12 * 768 * 2048
    assert flops_per_token(settings, 32_768, 2048, causal=True) == whole - 6 * 12 * 768 * 2048


@pytest.mark.parametrize("tie", [True, False])
def test_matrices_are_those_of_the_model(settings, tie):
    ours = settings(tie_embeddings=tie).model
    model = LanguageModel(ours, 64)
    counted = sum(p.numel() for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n)
    assert matmul_parameters(ours, 64) == counted + (64 * 32 if tie else 0)


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA H200", 989e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA GeForce RTX 4090", None),
    ],
)
def test_the_peak_is_the_devices_own(name, peak):
    assert peak_flops(name) == peak


def test_mfu():
    assert mfu(830e6, 500_000, 989e12) == pytest.approx(0.4196, abs=1e-4)
