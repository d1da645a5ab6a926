"""Mixtures to plan and to verify: the fixtures of the tests of mixtures."""

from __future__ import annotations

from tests.mixtures.conftest import make_inventory, write_tokens  # noqa: F401
