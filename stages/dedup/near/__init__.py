"""Documents that say nearly the same, by their embeddings: see `stage`."""

from stages.dedup.near.stage import SemanticDedup

__all__ = ["SemanticDedup"]
