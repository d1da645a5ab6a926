"""Near-duplicates by MinHash: see `stage`."""

from stages.dedup.minhash.stage import MinhashDedup

__all__ = ["MinhashDedup"]
