from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from stages.ingest.fields import field_values, unfolded


def test_fields() -> None:
    text = "WARC/1.0\r\nA: 1\r\n b\r\n\tc\r\nNAME : x:y \r\na: 2\r\nno colon\r\n: no name\r\nempty:\r\n\r\n"
    assert field_values(text) == {"a": "1 b c", "name": "x:y", "": "no name", "empty": ""}
    assert field_values(text.replace("\r\n", "\n")) == field_values(text)
    assert field_values("") == field_values("a: 1") == {}, "the first line is none"


@given(st.text(alphabet="ab: \t\r\n", max_size=40))
def test_unfolding(text: str) -> None:
    assert unfolded(text) == re.sub(r"\r?\n[ \t]+", " ", text)
