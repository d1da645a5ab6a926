"""The same text twice: whole documents, near copies, lines, passages, and what means the same.

`exact`, `minhash`, `lines`, `substrings` and `near` are the stages, from cheap to dear. What they share:
`choose` (which member of a cluster stays, and what the others are marked with) and `components` (clusters
from pairs, in SQL). `rehydrate` gives weight to what was found more often.
"""
