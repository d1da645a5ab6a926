"""Dates as pages write them, in ISO 8601."""

from __future__ import annotations

import datetime
import re

_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec"
_MONTH = {name: number for number, name in enumerate(_MONTHS.split(), 1)}
_ISO = re.compile(r"\s*+(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_COMPACT = re.compile(r"\s*+((?:19|20)\d\d)(\d\d)(\d\d)(?:t|\d{6}\b|\s*\Z)")
_SECONDS = re.compile(r"\s*+(\d{9,10})(?:\d{3})?(?:\.\d+)?\s*\Z")
_DAY_FIRST = re.compile(
    rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th)?[ .-]*({_MONTHS.replace(' ', '|')})[a-z]*[.,]?[ -]*(\d{{4}})"
)
_MONTH_FIRST = re.compile(
    rf"\b({_MONTHS.replace(' ', '|')})[a-z]*\.? +(\d{{1,2}})(?:st|nd|rd|th)?,? +(\d{{4}})"
)
_NUMBERS = re.compile(r"\s*+(\d{1,2})([/.-])(\d{1,2})\2(\d{4})(?!\d)")


def iso_date(text: str) -> str | None:
    """`YYYY-MM-DD` of a date, whatever stands behind it; None where it is none, or could be two.

    Read are ISO 8601, seconds since 1970, English names of months, and numbers: with dots the day comes
    first, `3/4/2020` is none. The day is the one written: time zones are not applied.
    """
    text = text[:100].lower()
    if match := _ISO.match(text) or _COMPACT.match(text):
        year, month, day = (int(part) for part in match.groups())
    elif match := _SECONDS.match(text):
        moment = datetime.datetime.fromtimestamp(int(match[1]), datetime.UTC)
        year, month, day = moment.year, moment.month, moment.day
    elif match := _DAY_FIRST.search(text):
        year, month, day = int(match[3]), _MONTH[match[2]], int(match[1])
    elif match := _MONTH_FIRST.search(text):
        year, month, day = int(match[3]), _MONTH[match[1]], int(match[2])
    elif match := _NUMBERS.match(text):
        day, month, year = int(match[1]), int(match[3]), int(match[4])
        if match[2] != "." and (month > 12 or (day <= 12 and day != month)):
            day, month = (month, day) if month > 12 else (0, 0)
    else:
        return None
    try:
        date = datetime.date(year, month, day)
    except ValueError:
        return None
    return date.isoformat() if 1900 <= date.year < 2100 else None
