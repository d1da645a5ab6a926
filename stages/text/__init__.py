"""Kernels over text: common ground that every package may import, and that imports nothing of ours.

All work on Arrow's own buffers (`buffers`): uint8 text and int32 offsets, no strings, no copies, no GIL.
`kernel` has the decorators and the cache. Then, from the bytes upwards: `scan`, `utf8`, `unicode` and
`ranges` (characters), `words`, `wordbreak`, `english*` and `syllables` (words, as different readers of the
field cut them), `sentences`, `lines` and `segments` (larger units), `ngrams`, `hashing` and `slots` (what
repeats), `phrases`, `stopwords` and `marks` (lists to look for). `table` holds the words of a batch, made in
one walk and shared by the stages in a row.
"""
