from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import gigatoken
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tokenizers

from pipeline.errors import PlanError, RunError
from pipeline.keyed import uniform
from pipeline.shards import digest, read_json
from stages.tokens.bpe import CARD, FitBpe, SampleTask, sample, shares, train, write
from stages.tokens.encoder import END_OF_TEXT, load
from tests.stages.tokens.conftest import LITERALS, ODD, prose, write_documents


def test_both_back_ends_load_what_is_trained(bpe_json: Path) -> None:
    text = prose(1, 500)
    fast, slow = gigatoken.Tokenizer(bpe_json), tokenizers.Tokenizer.from_file(str(bpe_json))
    assert fast.encode(text).tolist() == slow.encode(text).ids
    assert load(bpe_json).backend == "gigatoken"
    assert fast.vocab_size == slow.get_vocab_size() == 600


def test_any_text_comes_back(bpe_json: Path) -> None:
    texts = pa.array([*ODD, *LITERALS, "".join(map(chr, range(0x20, 0x3000, 7)))])
    assert load(bpe_json).round_trips(texts).all()


def test_order_of_texts_and_number_of_threads_do_not_matter(tmp_path: Path) -> None:
    texts = [prose(i, 200) for i in range(12)]
    train(texts, FitBpe(vocab_size=500), tmp_path / "a.json")
    train(reversed(texts), FitBpe(vocab_size=500), tmp_path / "b.json")
    code = (
        "import sys; from pathlib import Path; from stages.tokens.bpe import FitBpe, train;"
        "from tests.stages.tokens.conftest import prose;"
        "train([prose(i, 200) for i in range(12)], FitBpe(vocab_size=500), Path(sys.argv[1]))"
    )
    here = Path(__file__).resolve().parents[3]
    environment = os.environ | {"RAYON_NUM_THREADS": "1", "PYTHONHASHSEED": "5"}
    subprocess.run([sys.executable, "-c", code, tmp_path / "c.json"], env=environment, cwd=here, check=True)
    assert len({digest(tmp_path / f"{name}.json") for name in "abc"}) == 1


def test_vocabulary_is_what_was_asked_or_less(tmp_path: Path) -> None:
    for asked, want in ((257, 257), (300, 300), (100_000, None)):
        train(["low lower lowest " * 5 + prose(0, 50)], FitBpe(vocab_size=asked), tmp_path / "t.json")
        encoder = load(tmp_path / "t.json")
        assert encoder.vocab_size == want or 300 < encoder.vocab_size < 1000
        assert encoder.end_of_text == 0


def test_end_of_text_can_be_named(tmp_path: Path) -> None:
    train([prose(0, 50)], FitBpe(vocab_size=300), tmp_path / "t.json", "</s>")
    assert load(tmp_path / "t.json", "</s>").end_of_text == 0
    with pytest.raises(PlanError, match="there are: </s>"):
        load(tmp_path / "t.json")


def test_merges_do_not_cross_digits_or_words(bpe_json: Path) -> None:
    tokens = [t.decode(errors="replace") for t in load(bpe_json).vocabulary.tokens]
    long = [t for t in tokens if len(t) > 1]
    assert len(long) > 200
    assert not [t for t in long if any(c.isdigit() for c in t)]
    assert not [t for t in long if " " in t[1:] and not t.isspace()]


def chosen(path: Path, n_bytes: int, seed: int = 0, heldout_frac: float = 0.2) -> tuple[list[str], list[str]]:
    rows = pa.Table.from_batches(sample(path, n_bytes, seed, heldout_frac)).to_pylist()
    return [r["text"] for r in rows if not r["heldout"]], [r["text"] for r in rows if r["heldout"]]


def test_sample_is_of_the_least_hashes_and_near_its_size(tmp_path: Path) -> None:
    texts = [None, "", *(prose(i, 30) for i in range(200))]
    path = write_documents(tmp_path / "part-00000.parquet", texts)
    held = set(np.flatnonzero(uniform(pa.array([f"d{i}" for i in range(202)]), 0, "heldout") < 0.2))
    small, large = chosen(path, 4_000), chosen(path, 12_000)
    assert 4_000 < sum(len(t.encode()) for t in small[0]) < 4_600
    assert 12_000 < sum(len(t.encode()) for t in large[0]) < 12_600
    assert set(small[0]) < set(large[0])
    assert {texts.index(t) for t in large[1]} <= held
    assert not {texts.index(t) for t in large[0]} & held
    assert large[1]
    assert chosen(path, 4_000, seed=1) != small == chosen(path, 4_000)


def test_sample_does_not_depend_on_other_documents_order(tmp_path: Path) -> None:
    path = write_documents(tmp_path / "a.parquet", [prose(i, 30) for i in range(50)])
    table = pq.read_table(path)
    pq.write_table(table.take(pa.array(range(49, -1, -1))), tmp_path / "b.parquet")
    first, second = chosen(path, 3_000), chosen(tmp_path / "b.parquet", 3_000)
    assert [sorted(c) for c in first] == [sorted(c) for c in second]
    assert all(first)


def test_everything_and_nothing_can_be_sampled(tmp_path: Path) -> None:
    texts = [prose(i, 5) for i in range(9)]
    path = write_documents(tmp_path / "a.parquet", texts)
    assert chosen(path, 10**9, heldout_frac=0) == (texts, [])
    (one,), _ = chosen(path, 1, heldout_frac=0)
    assert one in texts
    empty = write_documents(tmp_path / "c.parquet", [None, ""])
    assert sum(len(b) for b in sample(empty, 100, 0, 0.5)) == 0
    nothing = write_documents(tmp_path / "d.parquet", [])
    assert list(sample(nothing, 100, 0, 0.5)) == []


def test_shares_are_equal_and_small_shards_give_all(tmp_path: Path) -> None:
    sizes = {"a": 10, "b": 2_000, "c": 2_000}
    paths = [write_documents(tmp_path / f"{n}.parquet", [prose(0, size)]) for n, size in sizes.items()]
    small = len(prose(0, 10).encode())
    share = shares(paths, 3_000)
    assert 3_000 - 300 < 2 * share + small <= 3_000  # the footer counts the pages' headers as well
    assert shares(paths, 10**9) == 10**9
    assert shares([], 100) == 100
    pq.write_table(pa.table({"id": ["a"], "body": ["b"]}), tmp_path / "odd.parquet")
    with pytest.raises(PlanError, match=r"odd\.parquet has no column 'text'"):
        shares([tmp_path / "odd.parquet"], 100)


def sampled(tmp_path: Path, texts: list[str | None], heldout_frac: float = 0.2) -> Path:
    shard = write_documents(tmp_path / "part-00000.parquet", texts)
    output = tmp_path / "sample.parquet"
    task = SampleTask(name="s", shard=shard, output=output, n_bytes=10**6, seed=0, heldout_frac=heldout_frac)
    task.run()
    before = output.stat().st_mtime_ns
    task.run()
    assert output.stat().st_mtime_ns == before
    return output


def test_card_says_what_it_was_trained_and_measured_on(tmp_path: Path) -> None:
    texts: list[str | None] = [prose(i, 60) for i in range(80)]
    samples, trained_on = [sampled(tmp_path, texts)], {"content_hash": "c"}
    path = write(samples, tmp_path / "m", FitBpe(vocab_size=400), END_OF_TEXT, trained_on)
    card = read_json(tmp_path / "m" / CARD)
    assert card["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert card["vocab_size"] == card["asked"]["vocab_size"] == 400
    assert card["end_of_text"] == {"token": END_OF_TEXT, "id": 0}
    trained, held = card["trained_on"], card["heldout"]
    assert trained["content_hash"] == "c"
    assert trained["n_documents"] + held["n_documents"] == 80
    assert held["n_documents"] > 5
    assert trained["n_bytes"] + held["n_bytes"] == sum(len((t or "").encode()) for t in texts)
    assert held["bytes_per_token"] == round(held["n_bytes"] / held["n_tokens"], 4) > 1.5


def test_nothing_held_out_is_unmeasured_and_no_text_is_an_error(tmp_path: Path) -> None:
    fit = FitBpe(vocab_size=300)
    write([sampled(tmp_path / "a", ["some text"], 0)], tmp_path / "m", fit, END_OF_TEXT, {})
    assert read_json(tmp_path / "m" / CARD)["heldout"]["bytes_per_token"] is None
    with pytest.raises(RunError, match="no document to train a tokenizer on has text"):
        write([sampled(tmp_path / "b", [None, ""])], tmp_path / "n", fit, END_OF_TEXT, {})
    assert list((tmp_path / "n").iterdir()) == []


@pytest.mark.parametrize("wrong", [{"vocab_size": 256}, {"vocab_size": 1 << 21}, {"sample_bytes": 0}])
def test_settings_that_make_no_tokenizer(wrong: dict[str, int]) -> None:
    FitBpe().check()
    with pytest.raises(PlanError, match=next(iter(wrong))):
        FitBpe(**wrong).check()
