"""Near-duplicates by MinHash.

From a text to a verdict, and the module that goes there:

    text -> shingles          `shingles`: what a shingle is, by profile (`default`, `datatrove`, `spark`)
         -> minima -> bands   `signature`, `banding`: the keys of a document, made where it lies
    keys -> pairs             `pairs`: documents that share a band
         -> edges             `compare`: the pairs that are alike, by the features of both documents
         -> clusters          `clusters`: of which one document stays, each other one like it
         -> verdicts          `stages.dedup.choose`
    `index` keeps keys, features and edges for the next run; `samples` and `digests` are kernels.
"""

from stages.dedup.minhash.stage import MinhashDedup

__all__ = ["MinhashDedup"]
