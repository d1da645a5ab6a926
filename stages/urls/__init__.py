"""Addresses as a library: their parts, normal forms, public suffixes, and tables of millions of them.

`split` finds the parts of each address of a batch, `normal` writes addresses and hosts so that equal ones
are equal bytes, `suffixes` knows the public suffix list, `address` measures, and `table` looks hashes up.
"""
