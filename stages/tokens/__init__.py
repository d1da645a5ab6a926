"""Documents to training-ready binaries: the section `tokens:`, tokenizers, packing, the folder that results.

`section` runs a `part` task for each shard: `tokenize` (with the tokenizer of `encoder`), `pack` into rows
of one length by `bestfit`, files as `format` has them. `bpe` and `fit` train tokenizers; `vocabulary` says
what ids stand for.
"""
