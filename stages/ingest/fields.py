"""Header fields of WARC, ARC and HTTP, a name and a value a line."""

from __future__ import annotations

import re

FOLD = re.compile(r"\r?\n[ \t]+")


def field_values(text: str) -> dict[str, str]:
    """Values by name in lower case, the first line aside; lines that continue one are joined to it.

    Of several values the first counts. A line without a colon is none.
    """
    fields: dict[str, str] = {}
    for line in unfolded(text).split("\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), value.strip())
    return fields


def unfolded(text: str) -> str:
    """`text` with continued lines joined."""
    return FOLD.sub(" ", text) if "\n " in text or "\n\t" in text else text
