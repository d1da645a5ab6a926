"""Judging documents: measure in one step, decide in another, and name every rule that failed.

`measured` is the frame: a stage of signals adds one struct column, a stage of rules holds the limits and is
asked again by `pipeline whatif`. The families (`gopher`, `repetition`, `c4`, `fineweb`, `refinedweb`,
`redpajama`, `urls`) fill it, each with the readings of the toolkits that differ. `adapt` and `fit` make
limits for other languages. `language`, `sample` and `predicate` are filters on columns that are there
already.
"""
