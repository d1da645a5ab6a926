"""Deduplication below the document: lines, paragraphs, sentences, spans of sentences."""

from stages.dedup.lines.stage import LineDedup

__all__ = ["LineDedup"]
