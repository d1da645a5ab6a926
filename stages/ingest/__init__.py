"""Bytes to documents: WARC, ARC, WET, WAT, JSON lines and Parquet, here or far away, damaged or not.

A file is a sequence of splits (`files`, `paths`); `window` shows it at any offset, `members`, `inflate`,
`zstd` and `bzip2` undo compression part by part, `framing` and `records` find records, `http` and `charset`
decode what is in them, `batches` makes rows Arrow. `remote`, `stores` and `retry` fetch ranges. What is
damaged is a row with a reason.
"""
