"""How much of each source, and when: the section `mixture:`, exact to the sequence.

`spec` is what a recipe may say, `inventory` what there is, `policies` weights by rule; `planner` makes whole
numbers of them (`allocate`), and `schedule` is the order in which they are seen: a closed formula, no array.
`recount` proves it.
"""
