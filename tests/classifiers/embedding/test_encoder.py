"""The forward pass against PyTorch's own layers, and folders that hold something else."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from classifiers.embedding.encoder import Encoder, _gelu, _gelu_table
from pipeline.errors import PlanError
from tests.classifiers.embedding.tiny import SIZES, VOCABULARY, weights, write_encoder


def by_torch(ids: list[int]) -> torch.Tensor:
    """The last layer, by `torch.nn.TransformerEncoderLayer`."""
    made = {name: torch.from_numpy(array) for name, array in weights().items()}
    d = SIZES["hidden_size"]

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        return torch.nn.functional.layer_norm(x, (d,), made[f"{name}.weight"], made[f"{name}.bias"], 1e-12)

    words, positions, kinds = (
        made[f"embeddings.{part}_embeddings.weight"] for part in ("word", "position", "token_type")
    )
    x = norm(words[ids] + positions[: len(ids)] + kinds[0], "embeddings.LayerNorm")[None]
    for i in range(SIZES["num_hidden_layers"]):
        layer = torch.nn.TransformerEncoderLayer(
            d, SIZES["num_attention_heads"], 4 * d, 0.0, "gelu", 1e-12, batch_first=True
        )
        at = f"encoder.layer.{i}"
        qkv = [f"{at}.attention.self.{part}" for part in ("query", "key", "value")]
        state = {
            f"self_attn.in_proj_{k}": torch.cat([made[f"{n}.{k}"] for n in qkv]) for k in ("weight", "bias")
        }
        for theirs, ours in {
            "self_attn.out_proj": "attention.output.dense",
            "linear1": "intermediate.dense",
            "linear2": "output.dense",
            "norm1": "attention.output.LayerNorm",
            "norm2": "output.LayerNorm",
        }.items():
            state |= {f"{theirs}.{k}": made[f"{at}.{ours}.{k}"] for k in ("weight", "bias")}
        layer.load_state_dict(state)
        x = layer.train()(x)  # no dropout; in eval mode it takes another path of its own
    return x[0].detach()


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_the_last_layer_is_torchs(encoder_folder: Path, n: int) -> None:
    ids = np.random.default_rng(n).integers(0, len(VOCABULARY), n).tolist()
    expected = by_torch(ids).numpy()
    encoder = Encoder(encoder_folder)
    np.testing.assert_allclose(encoder.hidden(np.array(ids)), expected, atol=2e-5)
    np.testing.assert_allclose(encoder.pooled(ids), expected.mean(axis=0), atol=1e-5)


def test_texts_of_equal_length_together(encoder_folder: Path) -> None:
    encoder = Encoder(encoder_folder)
    ids = np.random.default_rng(0).integers(0, len(VOCABULARY), (5, 9))
    alone = np.array([encoder.pooled(row.tolist()) for row in ids])
    np.testing.assert_allclose(encoder.pooled(ids), alone, atol=1e-5)


def test_gelu_is_looked_up_closely() -> None:
    x = np.concatenate([np.linspace(-12, 12, 20_011), [0, -8, 8, 1e30, -1e30]]).astype(np.float32)
    found = x.copy()
    _gelu(found, _gelu_table())
    expected = [v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in x.astype(np.float64).tolist()]
    np.testing.assert_allclose(found, expected, atol=4e-6)


def test_tokens_with_marks_and_cut(encoder_folder: Path) -> None:
    encoder = Encoder(encoder_folder)
    names = [VOCABULARY[i] for i in encoder.tokens("The cats sat.", 40)]
    assert names == ["[CLS]", "the", "cat", "##s", "sat", ".", "[SEP]"]
    assert [VOCABULARY[i] for i in encoder.tokens("The cats sat.", 4)] == ["[CLS]", "the", "cat", "[SEP]"]
    assert len(encoder.tokens("cat " * 1_000_000, 40)) == 40
    assert len(encoder.tokens("", 40)) == 2


def test_names_with_a_prefix(encoder_folder: Path, tmp_path: Path) -> None:
    prefixed = Encoder(write_encoder(tmp_path, prefix="bert."))
    ids = [2, 5, 6, 3]
    assert (prefixed.pooled(ids) == Encoder(encoder_folder).pooled(ids)).all()


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_file_is_missing(tmp_path: Path, name: str) -> None:
    (write_encoder(tmp_path) / name).unlink()
    with pytest.raises(PlanError, match=f"has no {name}"):
        Encoder(tmp_path)


def test_other_architectures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="only BERT with GELU"):
        Encoder(write_encoder(tmp_path, model_type="roberta"))
    with pytest.raises(PlanError, match="only BERT with GELU"):
        Encoder(write_encoder(tmp_path, hidden_act="relu"))


def test_damaged_weights_are_told(tmp_path: Path) -> None:
    file = write_encoder(tmp_path) / "model.safetensors"
    whole = file.read_bytes()
    for damaged in (b"", b"\xff" * 100, whole[:1000]):
        file.write_bytes(damaged)
        with pytest.raises(PlanError, match="not the weights of a BERT encoder"):
            Encoder(tmp_path)
    file.write_bytes(whole)
    with pytest.raises(PlanError, match=r"encoder\.layer\.2"):
        Encoder(write_encoder(tmp_path, num_hidden_layers=3))
