"""How much arithmetic training takes, and which share of the chip's peak it reaches (MFU)."""

from __future__ import annotations

from jobs.train.config import ModelSettings

PEAK_FLOPS = {
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "H200": 989e12,
    "A100": 312e12,
}
"""bfloat16 without sparsity, from NVIDIA's data sheets; the first key found in the device's name counts."""


def peak_flops(device_name: str) -> float | None:
    """FLOP/s of one device, or None where it is not known: no MFU is better than a wrong one."""
    return next((peak for name, peak in PEAK_FLOPS.items() if name in device_name), None)


def matmul_parameters(settings: ModelSettings, vocab_size: int) -> int:
    """Weights that multiply every token: all matrices and the output layer, but no embedding look-up."""
    d, kv = settings.d_model, settings.n_kv_heads * settings.head_size
    attention = 2 * d * d + 2 * d * kv
    return settings.n_layers * (attention + 3 * d * settings.width_ff) + d * vocab_size


def flops_per_token(
    settings: ModelSettings, vocab_size: int, sequence_length: int, *, causal: bool = False
) -> float:
    """Forward and backward: 6 for each matrix weight, and 12 d_model T for each layer's attention.

    Source: nanochat's definition (PaLM, Chowdhery et al. 2022, appendix B): the masked half of the scores
    counts. With `causal` it does not, which is what a kernel that skips it really computes.
    """
    attention = 12 * settings.n_layers * settings.d_model * sequence_length
    return 6.0 * matmul_parameters(settings, vocab_size) + attention / (2 if causal else 1)


def mfu(flops_token: float, tokens_per_second: float, peak: float) -> float:
    """Model FLOPs utilisation: a share of `peak`, the FLOP/s of all devices together."""
    return flops_token * tokens_per_second / peak
