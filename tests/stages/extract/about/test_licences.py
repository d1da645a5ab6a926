"""Licences by address and by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.extract.about.licences import licence_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://creativecommons.org/licenses/by/4.0/", "CC-BY-4.0"),
        ("http://creativecommons.org/licenses/by-nc-sa/3.0", "CC-BY-NC-SA-3.0"),
        ("//creativecommons.org/licenses/by-nd/2.5/deed.en", "CC-BY-ND-2.5"),
        ("https://creativecommons.org/licenses/by-sa/3.0/de/", "CC-BY-SA-3.0-DE"),
        ("https://creativecommons.org/licenses/by-sa/4.0/legalcode.de", "CC-BY-SA-4.0"),
        ("https://creativecommons.org/licenses/by/", "CC-BY"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "CC-PDM-1.0"),
        ("CC BY-SA 4.0", "CC-BY-SA-4.0"),
        ("Text is under cc-by-nc 3.0.", "CC-BY-NC-3.0"),
        ("CC0", "CC0-1.0"),
        ("http://www.gnu.org/copyleft/fdl.html", "GFDL"),
        ("https://www.gnu.org/licenses/old-licenses/fdl-1.2.html", "GFDL-1.2"),
        ("https://www.gnu.org/licenses/gpl-3.0.html", "GPL-3.0"),
        ("https://www.apache.org/licenses/LICENSE-2.0", "Apache-2.0"),
        ("https://opensource.org/licenses/MIT", "MIT"),
        ("https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/", "OGL-UK-3"),
        (" https://example.org/licence ", "https://example.org/licence"),
        ("https://creativecommons.org/", "https://creativecommons.org/"),
        ("All rights reserved", None),
        ("accBY", None),
        ("", None),
    ],
)
def test_licence_name(text: str, name: str | None) -> None:
    assert licence_name(text) == name


@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    name = licence_name(text)
    assert name is None or name.startswith(("CC", "http", "//"))
