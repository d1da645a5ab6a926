"""A token folder and a mixture as the contract lays them out, small, and learnable: documents that count."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

VOCABULARY, END = 50, 49
"""Ids; the last is end of text."""
LENGTH = 32
STRIDES = {"up": 1, "down": -1, "leap": 5}
"""source -> what is added from a token to the next."""


def rows_of(source: str, n: int, seed: int) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """uint16 [n, LENGTH] of counting documents with padding, and the sidecar's rows."""
    random = np.random.default_rng([seed, *source.encode()])
    rows, chunks = np.full((n, LENGTH), END, np.uint16), []
    for i, row in enumerate(rows):
        start, stop = 0, LENGTH - int(random.integers(0, 4))
        while stop - start > 3:
            size = min(int(random.integers(3, 20)), stop - start - 1)
            first = int(random.integers(0, END))
            row[start + 1 : start + 1 + size] = (first + STRIDES[source] * np.arange(size)) % END
            name = f"{source}-{seed}-{i}-{start}"
            chunks.append({"sequence": i, "start": start, "n_tokens": size + 1, "id": name})
            start += size + 1
    return rows, chunks


def write_part(folder: Path, name: str, source: str, n: int, seed: int) -> dict[str, Any]:
    rows, chunks = rows_of(source, n, seed)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    rows.astype("<u2").tofile(path)
    int32 = {k: pa.array([p[k] for p in chunks], pa.int32()) for k in ("sequence", "start", "n_tokens")}
    zeros = np.zeros(len(chunks), np.int32)
    sizes = np.array([p["n_tokens"] - 1 for p in chunks], np.int32)
    text = {"id": pa.array([p["id"] for p in chunks]), "url": pa.nulls(len(chunks), pa.string())}
    text["file"] = text["url"]
    sidecar = {**int32, "first_token": zeros, "n_bytes": sizes, **text, "offset": zeros.astype(np.int64)}
    pq.write_table(pa.table(sidecar), path.with_suffix(".parquet"))
    n_tokens = int(sizes.sum()) + len(chunks)
    account = {
        "file": name,
        "n_sequences": n,
        "n_tokens": n_tokens,
        "n_padding": rows.size - n_tokens,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    path.with_suffix(".json").write_text(json.dumps({**account, "n_documents": len(chunks)}))
    return {**account, "n_documents": len(chunks), "n_bytes": int(sizes.sum())}


def shape_of(parts: list[dict[str, Any]]) -> dict[str, Any]:
    names = ("file", "n_sequences", "n_tokens", "n_padding", "sha256")
    sums = {k: sum(p[k] for p in parts) for k in ("n_sequences", "n_tokens", "n_documents", "n_bytes")}
    return {"parts": [{k: p[k] for k in names} for p in parts], **sums}


def write_tokens(folder: Path, sources: Mapping[str, int], heldout: int = 6) -> Path:
    """`sources`: name -> sequences, in two parts; a source named in STRIDES counts by its stride."""
    folder.mkdir(parents=True)
    found = {}
    for source, n in sources.items():
        cut = n * 2 // 3
        parts = [
            write_part(folder, f"{source}/part-{i:05d}.bin", source, size, seed=i)
            for i, size in enumerate((cut, n - cut))
        ]
        out = [write_part(folder, f"{source}/heldout/part-00000.bin", source, heldout, 99)] if heldout else []
        found[source] = {**shape_of(parts), "heldout": shape_of(out)}
    token_bytes = np.ones(VOCABULARY, np.int32)
    token_bytes[END] = 0
    np.save(folder / "token_bytes.npy", token_bytes)
    (folder / "tokenizer.json").write_text("{}")
    account = {
        "tokenizer": {"path": "tokenizer.json", "sha256": hashlib.sha256(b"{}").hexdigest(), "kind": "hf"},
        "vocab_size": VOCABULARY,
        "end_of_text": END,
        "dtype": "uint16",
        "sequence_length": LENGTH,
        "sources": found,
    }
    (folder / "tokens.json").write_text(json.dumps(account))
    return folder


def write_mixture(folder: Path, sources: Mapping[str, int], phases: list[dict[str, int]]) -> Path:
    """`phases`: source -> draws, in order."""
    folder.mkdir(parents=True)
    plan = {
        "seed": 3,
        "sequence_length": LENGTH,
        "sources": list(sources),
        "n_sequences": list(sources.values()),
        "phases": [
            {
                "name": f"phase {i}",
                "n_sequences": sum(draws.values()),
                "draws": [draws.get(s, 0) for s in sources],
                "asked": [draws.get(s, 0) / sum(draws.values()) for s in sources],
                "realised": [draws.get(s, 0) / sum(draws.values()) for s in sources],
            }
            for i, draws in enumerate(phases)
        ],
        "epochs": [sum(d.get(s, 0) for d in phases) / n for s, n in sources.items()],
        "notes": [],
    }
    (folder / "mixture.json").write_text(json.dumps(plan))
    return folder
