"""The kernel: what a step is, and how a recipe of steps is planned, run, resumed and reported on."""
