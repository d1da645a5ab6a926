"""BERT's encoder in NumPy, from safetensors: embeddings where their quality is worth the time."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from pipeline.errors import PlanError
from stages.text.kernel import kernel

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"
STEPS, LIMIT = 256, 8
"""GELU is looked up at 1/STEPS and drawn straight between: within 2e-6 of it. Beyond LIMIT it is 0 or x."""


class Linear(NamedTuple):
    """x -> x @ weight + bias."""

    weight: Floats
    bias: Floats

    def __call__(self, x: Floats) -> Floats:
        out: Floats = x @ self.weight
        out += self.bias
        return out


class Norm(NamedTuple):
    """Layer normalisation (Ba et al. 2016)."""

    weight: Floats
    bias: Floats
    eps: float

    def __call__(self, x: Floats) -> Floats:
        out: Floats = x - x.mean(axis=-1, keepdims=True)
        out /= np.sqrt((out * out).mean(axis=-1, keepdims=True) + np.float32(self.eps))
        out *= self.weight
        out += self.bias
        return out


class Layer(NamedTuple):
    """One block of the encoder."""

    qkv: Linear
    attended: Linear
    after_attention: Norm
    wide: Linear
    narrow: Linear
    after_wide: Norm


class Encoder:
    """A BERT encoder (Devlin et al. 2019, arXiv:1810.04805) whose last layer is averaged over the tokens.

    Not implemented: other activations than GELU, relative positions, pooling by the first token.
    """

    def __init__(self, folder: Path) -> None:
        config = _config(folder)
        self.heads: int = config["num_attention_heads"]
        self.max_tokens: int = config["max_position_embeddings"]
        try:
            weights = load_file(folder / WEIGHTS)
            self._build(weights, config["num_hidden_layers"], config.get("layer_norm_eps", 1e-12))
        except (OSError, SafetensorError, KeyError) as error:
            raise PlanError(f"{folder / WEIGHTS}: not the weights of a BERT encoder ({error!r})") from error
        self.dimension: int = self.words.shape[1]
        self.tokenizer: Tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self.tokenizer.no_padding()

    def _build(self, weights: dict[str, Floats], n_layers: int, eps: float) -> None:
        names = {name.removeprefix("bert."): name for name in weights}

        def get(name: str) -> Floats:
            array: Floats = np.ascontiguousarray(weights[names[name]], np.float32)
            return array

        def linear(*parts: str) -> Linear:
            weight = np.concatenate([get(f"{part}.weight") for part in parts])
            return Linear(np.ascontiguousarray(weight.T), np.concatenate([get(f"{p}.bias") for p in parts]))

        def norm(part: str) -> Norm:
            return Norm(get(f"{part}.weight"), get(f"{part}.bias"), eps)

        self.words = get("embeddings.word_embeddings.weight")
        kind = get("embeddings.token_type_embeddings.weight")[0]
        self.positions: Floats = get("embeddings.position_embeddings.weight") + kind
        self.first = norm("embeddings.LayerNorm")
        self.layers = []
        for i in range(n_layers):
            layer = f"encoder.layer.{i}"
            self.layers.append(
                Layer(
                    linear(*(f"{layer}.attention.self.{part}" for part in ("query", "key", "value"))),
                    linear(f"{layer}.attention.output.dense"),
                    norm(f"{layer}.attention.output.LayerNorm"),
                    linear(f"{layer}.intermediate.dense"),
                    linear(f"{layer}.output.dense"),
                    norm(f"{layer}.output.LayerNorm"),
                )
            )

    def tokens(self, text: str, max_tokens: int) -> list[int]:
        """Ids of a text with the first and last marks, cut to `max_tokens`."""
        # A token holds few characters: the tail of a long text need not be looked at. Words of 32 are rare.
        self.tokenizer.enable_truncation(max_tokens)
        ids: list[int] = self.tokenizer.encode(text[: 32 * max_tokens]).ids
        return ids

    def pooled(self, ids: Sequence[int] | Ids) -> Floats:
        """float32 [..., dimension] of ids [..., tokens]: the mean of the last layer over the tokens."""
        mean: Floats = self.hidden(np.asarray(ids, np.int64)).mean(axis=-2)
        return mean

    def hidden(self, ids: Ids) -> Floats:
        """float32 [..., tokens, dimension]: the last layer."""
        x_BTD = self.first(self.words[ids] + self.positions[: ids.shape[-1]])
        shape, x = x_BTD.shape, x_BTD.reshape(-1, self.dimension)
        for layer in self.layers:
            x = layer.after_attention(layer.attended(self._attention(layer.qkv(x), ids.shape[-1])) + x)
            wide = layer.wide(x)
            _gelu(wide.reshape(-1), _gelu_table())
            x = layer.after_wide(layer.narrow(wide) + x)
        return x.reshape(shape)

    def _attention(self, qkv: Floats, tokens: int) -> Floats:
        q_BHTK, k_BHTK, v_BHTK = qkv.reshape(
            -1, tokens, 3, self.heads, self.dimension // self.heads
        ).transpose(2, 0, 3, 1, 4)
        scores = q_BHTK @ k_BHTK.swapaxes(-1, -2)
        scores *= np.float32(1 / math.sqrt(self.dimension // self.heads))
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        # Divided after the product: as many numbers as the head is wide, not as there are tokens.
        of_heads = scores @ v_BHTK
        of_heads /= scores.sum(axis=-1, keepdims=True)
        joined: Floats = of_heads.swapaxes(1, 2).reshape(-1, self.dimension)
        return joined


def _config(folder: Path) -> dict[str, Any]:
    for name in (CONFIG, WEIGHTS, TOKENIZER):
        if not (folder / name).is_file():
            raise PlanError(f"{folder}: has no {name}")
    config: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    kind = (
        config.get("model_type"),
        config.get("hidden_act", "gelu"),
        config.get("position_embedding_type", "absolute"),
    )
    if kind != ("bert", "gelu", "absolute"):
        raise PlanError(f"{folder / CONFIG}: only BERT with GELU and absolute positions is known, not {kind}")
    return config


@cache
def _gelu_table() -> Floats:
    grid = np.arange(-LIMIT * STEPS, LIMIT * STEPS + 2) / STEPS
    return np.array([x * (1 + math.erf(x / math.sqrt(2))) / 2 for x in grid.tolist()], np.float32)


@kernel
def _gelu(x: Floats, table: Floats) -> None:
    for i in range(len(x)):
        value = x[i]
        if value >= LIMIT:
            continue
        # A line between two entries of the table: no exponential, and the same bits on every machine.
        position = (max(value, np.float32(-LIMIT)) + np.float32(LIMIT)) * np.float32(STEPS)
        low = np.int64(position)
        part = position - np.float32(low)
        x[i] = table[low] + part * (table[low + 1] - table[low])
