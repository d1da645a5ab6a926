"""Passages that stand elsewhere word for word: see `stage`."""

from stages.dedup.substrings.stage import SubstringDedup

__all__ = ["SubstringDedup"]
