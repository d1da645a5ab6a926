from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import gigatoken
import pyarrow as pa
import pytest
import tokenizers

from pipeline.errors import PlanError
from pipeline.store import digest
from stages.tokens.bpe import train
from stages.tokens.encoder import load
from tests.stages.tokens.conftest import LITERALS, ODD, prose


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
    train(texts, tmp_path / "a.json", vocab_size=500)
    train(reversed(texts), tmp_path / "b.json", vocab_size=500)
    code = (
        "import sys; from pathlib import Path; from stages.tokens.bpe import train;"
        "from tests.stages.tokens.conftest import prose;"
        "train([prose(i, 200) for i in range(12)], Path(sys.argv[1]), vocab_size=500)"
    )
    here = Path(__file__).resolve().parents[3]
    environment = os.environ | {"RAYON_NUM_THREADS": "1", "PYTHONHASHSEED": "5"}
    subprocess.run([sys.executable, "-c", code, tmp_path / "c.json"], env=environment, cwd=here, check=True)
    assert len({digest(tmp_path / f"{name}.json") for name in "abc"}) == 1


def test_vocabulary_is_what_was_asked_or_less(tmp_path: Path) -> None:
    for asked, want in ((257, 257), (300, 300), (100_000, None)):
        train(["low lower lowest " * 5 + prose(0, 50)], tmp_path / "t.json", vocab_size=asked)
        encoder = load(tmp_path / "t.json")
        assert encoder.vocab_size == want or 300 < encoder.vocab_size < 1000
        assert encoder.end_of_text == 0


def test_end_of_text_can_be_named(tmp_path: Path) -> None:
    train([prose(0, 50)], tmp_path / "t.json", vocab_size=300, end_of_text="</s>")
    assert load(tmp_path / "t.json", "</s>").end_of_text == 0
    with pytest.raises(PlanError, match="there are: </s>"):
        load(tmp_path / "t.json")


def test_merges_do_not_cross_digits_or_words(bpe_json: Path) -> None:
    tokens = [t.decode(errors="replace") for t in load(bpe_json).vocabulary.tokens]
    long = [t for t in tokens if len(t) > 1]
    assert len(long) > 200
    assert not [t for t in long if any(c.isdigit() for c in t)]
    assert not [t for t in long if " " in t[1:] and not t.isspace()]
