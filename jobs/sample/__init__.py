"""A small real corpus from what is on this machine, for the quickstart: `pipeline sample OUT`."""
