"""Dates in the forms that pages use; what could be two dates is none."""

from __future__ import annotations

import datetime
import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.extract.about.dates import iso_date


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2019-03-05", "2019-03-05"),
        (" 2019-3-5", "2019-03-05"),
        ("2019/03/05 10:00", "2019-03-05"),
        ("2019.03.05", "2019-03-05"),
        ("2019-03-05T23:30:00-08:00", "2019-03-05"),
        ("20190305", "2019-03-05"),
        ("20190305T101500Z", "2019-03-05"),
        ("20190305101500", "2019-03-05"),
        ("1551780000", "2019-03-05"),
        ("1551780000123", "2019-03-05"),
        ("1551780000.5", "2019-03-05"),
        ("Tue, 05 Mar 2019 10:00:00 GMT", "2019-03-05"),
        ("March 5, 2019", "2019-03-05"),
        ("Mar. 5th 2019", "2019-03-05"),
        ("Published on 5 march, 2019 at noon", "2019-03-05"),
        ("05-Mar-2019", "2019-03-05"),
        ("Sept. 1, 2020", "2020-09-01"),
        ("05.03.2019", "2019-03-05"),
        ("25/03/2019", "2019-03-25"),
        ("03/25/2019", "2019-03-25"),
        ("05/05/2019", "2019-05-05"),
        ("03/05/2019", None),
        ("3-4-2019", None),
        ("2019-02-30", None),
        ("2019-13-01", None),
        ("2019-03", None),
        ("2019", None),
        ("1234", None),
        ("12345678", None),
        ("0001-01-01T00:00:00Z", None),
        ("2999-01-01", None),
        ("99999999999", None),
        ("yesterday", None),
        ("", None),
        ("x" * 200 + "2019-03-05", None),
    ],
)
def test_iso_date(text: str, date: str | None) -> None:
    assert iso_date(text) == date


@given(st.datetimes(datetime.datetime(1980, 1, 1), datetime.datetime(2090, 1, 1)))
def test_what_python_writes(moment: datetime.datetime) -> None:
    want = moment.date().isoformat()
    utc = moment.replace(tzinfo=datetime.UTC, microsecond=0)
    written = [moment.isoformat(), email.utils.format_datetime(utc), str(int(utc.timestamp()))]
    written += [moment.strftime(form) for form in ("%Y%m%dT%H%M%S", "%d %B %Y", "%b %d, %Y", "%d.%m.%Y")]
    assert [iso_date(text) for text in written] == [want] * 7


@given(st.text(alphabet="0123456789-/.:T janfebm", max_size=30))
def test_any_text(text: str) -> None:
    date = iso_date(text)
    assert date is None or datetime.date.fromisoformat(date)
