"""A BERT encoder of a few thousand weights, as a folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WORDS = ["the", "cat", "dog", "sat", "on", "mat", "run", "##s", "##ning", "house", "big", "small", ".", ","]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, *"abcdefghijklmnopqrstuvwxyz"]
SIZES = {"num_attention_heads": 4, "num_hidden_layers": 2, "max_position_embeddings": 40, "hidden_size": 32}


def weights(seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    d, wide = SIZES["hidden_size"], 4 * SIZES["hidden_size"]

    def normal(*shape: int) -> np.ndarray:
        return random.normal(0, 0.3, shape).astype(np.float32)

    made = {
        "embeddings.word_embeddings.weight": normal(len(VOCABULARY), d),
        "embeddings.position_embeddings.weight": normal(SIZES["max_position_embeddings"], d),
        "embeddings.token_type_embeddings.weight": normal(2, d),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in range(SIZES["num_hidden_layers"]):
        at = f"encoder.layer.{layer}"
        shapes = dict.fromkeys((f"attention.self.{part}" for part in ("query", "key", "value")), (d, d))
        shapes |= {
            "attention.output.dense": (d, d),
            "intermediate.dense": (wide, d),
            "output.dense": (d, wide),
        }
        for name, shape in shapes.items():
            made |= {f"{at}.{name}.weight": normal(*shape), f"{at}.{name}.bias": normal(shape[0])}
        norms += [f"{at}.attention.output.LayerNorm", f"{at}.output.LayerNorm"]
    for name in norms:
        made |= {f"{name}.weight": 1 + normal(d), f"{name}.bias": normal(d)}
    return made


def write_encoder(folder: Path, prefix: str = "", **config: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    save_file({prefix + name: array for name, array in weights().items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(
        json.dumps({"model_type": "bert", "hidden_act": "gelu", **SIZES, **config})
    )
    ids = {token: i for i, token in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    marks = [("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=marks)
    tokenizer.enable_padding(length=30)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder
