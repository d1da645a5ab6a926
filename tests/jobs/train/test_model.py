"""The decoder against an implementation written out in NumPy, and what masking promises."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from jobs.train.attention import block_mask, layout
from jobs.train.model import IGNORED, INIT_STD, LanguageModel, count, project

VOCABULARY, END = 50, 49


@pytest.fixture
def model_of(settings):
    def make(dtype=torch.float32, **changes):
        chosen = settings(**changes)
        return LanguageModel(chosen.model, VOCABULARY, seed=chosen.seed, dtype=dtype)

    return make


def logits(model, rows, documents=True):
    tokens = torch.tensor(rows)
    with torch.no_grad():
        return model(tokens, *layout(tokens, END, documents=documents))


def reference(model, row, documents):
    """Logits [T, V] of one row in float64: every head and query by itself, no code of ours."""
    w = {name: p.detach().double().numpy() for name, p in model.named_parameters()}
    s, row = model.settings, np.array(row)
    size, group = s.d_model // s.n_heads, s.n_heads // s.n_kv_heads
    begins = [u for u in range(len(row)) if row[u] == END] if documents else [0]
    starts = [max(u for u in begins if u <= t) for t in range(len(row))]

    def norm(x, name):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + s.norm_eps) * w[f"model.{name}.weight"]

    def turn(x, t):
        pairs = x[: size // 2] + 1j * x[size // 2 :]
        pairs = pairs * np.exp(1j * (t - starts[t]) * s.rope_base ** (-2 * np.arange(size // 2) / size))
        return np.concatenate((pairs.real, pairs.imag))

    def linear(x, name):
        return x @ w[f"model.{name}.weight"].T + w.get(f"model.{name}.bias", 0.0)

    x = w["model.embed_tokens.weight"][row]
    for i in range(s.n_layers):
        at, h = f"layers.{i}", norm(x, f"layers.{i}.input_layernorm")
        q, k, v = (linear(h, f"{at}.self_attn.{n}_proj").reshape(len(row), -1, size) for n in "qkv")
        mixed = np.zeros((len(row), s.n_heads, size))
        for t in range(len(row)):
            for head in range(s.n_heads):
                keys = range(starts[t], t + 1)
                scores = [turn(q[t, head], t) @ turn(k[u, head // group], u) / math.sqrt(size) for u in keys]
                weights = np.exp(scores - np.max(scores))
                mixed[t, head] = weights / weights.sum() @ v[list(keys), head // group]
        x = x + linear(mixed.reshape(len(row), -1), f"{at}.self_attn.o_proj")
        h = norm(x, f"{at}.post_attention_layernorm")
        gate = linear(h, f"{at}.mlp.gate_proj")
        x = x + linear(gate / (1 + np.exp(-gate)) * linear(h, f"{at}.mlp.up_proj"), f"{at}.mlp.down_proj")
    head = w["model.embed_tokens.weight" if s.tie_embeddings else "lm_head.weight"]
    return (norm(x, "norm") @ head.T)[:, :VOCABULARY]


@pytest.mark.parametrize("documents", [True, False])
@pytest.mark.parametrize(
    "changes", [{}, {"qkv_bias": True, "tie_embeddings": True}, {"n_kv_heads": 1}, {"n_kv_heads": 4}]
)
def test_logits_equal_the_reference(model_of, changes, documents):
    model = model_of(**changes)
    with torch.no_grad():
        for parameter in model.parameters():  # far from the initial weights, where every part matters
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(7)) * 0.2)
    rows = [[END, 3, 4, 5, END, 9, 8, 7, 6, 5], [END, 1, END, END, 2, 3, 2, 3, 2, END]]
    ours = logits(model, rows, documents)
    for row, of_row in zip(rows, ours, strict=True):
        assert_close(of_row.double().numpy(), reference(model, row, documents), atol=2e-4, rtol=1e-3)


def test_other_documents_do_not_compile_the_model_again(model_of):
    graphs = []

    def backend(graph, _inputs):
        graphs.append(graph)
        return graph.forward

    model = model_of(n_layers=1)
    compiled = torch.compile(model, dynamic=False, fullgraph=True, backend=backend)
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        tokens = torch.randint(0, VOCABULARY, (2, 160), generator=generator)
        positions, mask = layout(tokens, END, documents=True)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that FlexAttention is slow with this backend
            ours = compiled(tokens, positions, block_mask((tokens == END).cumsum(1)), tokens)
            assert_close(ours, model(tokens, positions, mask, tokens), atol=1e-5, rtol=1e-5)
    assert len(graphs) == 1


def test_a_document_does_not_see_its_neighbours(model_of):
    model = model_of()
    one = logits(model, [[END, 3, 4, 5, END, 9, 8, 7, 6]])
    other = logits(model, [[END, 11, 30, 2, END, 9, 8, 7, 6]])
    assert torch.equal(one[:, 4:], other[:, 4:])
    assert not torch.equal(one[:, 1:4], other[:, 1:4])


def test_without_the_mask_it_does(model_of):
    model = model_of()
    one = logits(model, [[END, 3, 4, 5, END, 9, 8, 7, 6]], documents=False)
    other = logits(model, [[END, 11, 30, 2, END, 9, 8, 7, 6]], documents=False)
    assert (one[:, 4:] - other[:, 4:]).abs().max() > 1e-4


def test_a_document_is_the_same_wherever_it_stands(model_of):
    model = model_of()
    alone = logits(model, [[END, 9, 8, 7, 6]])
    later = logits(model, [[END, 3, 4, END, 9, 8, 7, 6]])
    assert_close(alone[0], later[0, 3:], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("documents", [True, False])
def test_no_token_sees_a_later_one(model_of, documents):
    model = model_of()
    one, other = (logits(model, [[END, 3, 4, 5, last, 6]], documents) for last in (7, 8))
    assert torch.equal(one[:, :4], other[:, :4])
    assert not torch.equal(one[:, 4], other[:, 4])


def test_the_loss_is_the_cross_entropy_of_the_logits(model_of):
    model = model_of()
    tokens = torch.tensor([[END, 3, 4, 5, END, 9]])
    targets = torch.tensor([[3, 4, 5, END, IGNORED, IGNORED]])
    where = layout(tokens, END, documents=True)
    loss = model(tokens, *where, targets)[0]
    expected = -model(tokens, *where)[0].log_softmax(-1)[range(4), targets[0, :4]]
    assert_close(loss[:4], expected)
    assert loss[4:].tolist() == [0.0, 0.0]
    assert loss.dtype == torch.float32


def test_rows_beyond_the_vocabulary_are_never_predicted(model_of):
    model = model_of()
    assert model.lm_head.weight.shape[0] == 64
    assert logits(model, [[END, 1]]).shape == (1, 2, VOCABULARY)
    tokens = torch.tensor([[END, 1, 2]])
    model(tokens, *layout(tokens, END, documents=True), torch.tensor([[1, 2, 3]])).sum().backward()
    assert not model.lm_head.weight.grad[VOCABULARY:].any()
    assert model.lm_head.weight.grad[:VOCABULARY].any()


def test_parameters_have_the_names_of_published_checkpoints(model_of):
    names = {name for name, _ in model_of(n_layers=1, qkv_bias=True).named_parameters()}
    layer = "model.layers.0"
    assert names == {
        "model.embed_tokens.weight",
        f"{layer}.input_layernorm.weight",
        *(f"{layer}.self_attn.{n}_proj.{kind}" for n in "qkv" for kind in ("weight", "bias")),
        f"{layer}.self_attn.o_proj.weight",
        f"{layer}.post_attention_layernorm.weight",
        *(f"{layer}.mlp.{n}_proj.weight" for n in ("gate", "up", "down")),
        "model.norm.weight",
        "lm_head.weight",
    }


def test_initial_weights_have_their_spread(model_of):
    model = model_of(d_model=256, n_layers=8, d_ff=512)
    weights = dict(model.named_parameters())
    seen = 0
    for name, weight in weights.items():
        if weight.ndim == 1:
            assert (weight == 1).all()
            continue
        residual = name.endswith(("o_proj.weight", "down_proj.weight"))
        expected = INIT_STD / math.sqrt(16) if residual else INIT_STD
        assert abs(weight.std().item() / expected - 1) < 0.03, name
        seen += 1
    assert seen == 8 * 7 + 2
    at_random = logits(model, [[END, 1, 2, 3]]).log_softmax(-1)
    assert abs(at_random.mean().item() + math.log(VOCABULARY)) < 0.1


def test_weights_depend_on_the_seed_and_their_name_alone(model_of):
    torch.manual_seed(1)
    one = model_of(n_layers=1)
    torch.manual_seed(2)
    deeper, other = model_of(n_layers=2), model_of(n_layers=1, seed=5)
    name = "model.layers.0.self_attn.q_proj.weight"
    assert torch.equal(one.get_parameter(name), deeper.get_parameter(name))
    assert not torch.equal(one.get_parameter(name), other.get_parameter(name))


def test_tied_embeddings_are_one_matrix(model_of):
    tied, untied = model_of(tie_embeddings=True), model_of()
    assert tied.lm_head.weight is tied.model.embed_tokens.weight
    assert count(untied.parameters()) - count(tied.parameters()) == 64 * 32


def test_layers_that_read_the_same_are_one_product():
    torch.manual_seed(0)
    x, layers = torch.randn(2, 3, 8), [torch.nn.Linear(8, n) for n in (4, 2, 6)]
    assert_close(project(x, *layers), torch.cat([layer(x) for layer in layers], dim=-1))
    plain = torch.nn.Linear(8, 5, bias=False)
    assert_close(project(x, plain), plain(x))


def test_bfloat16_activations_stay_close_and_weights_stay_float32(model_of):
    exact, rounded = model_of(), model_of(torch.bfloat16)
    assert {p.dtype for p in rounded.parameters()} == {torch.float32}
    row = [[END, 3, 4, 5, END, 9, 8, 7]]
    assert_close(logits(rounded, row), logits(exact, row), atol=2e-3, rtol=0.05)
    assert logits(rounded, row).dtype == torch.float32
