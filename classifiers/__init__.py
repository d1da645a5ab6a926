"""Models of text: how they are fitted (`fit` is the section `fit:` of a recipe), and the card each has.

Models may use `stages.text` and the kernel, nothing else of ours: stages use models, not the other way
round.
"""
