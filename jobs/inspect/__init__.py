"""Commands for looking at plans, runs and stages; they read what the kernel wrote and change nothing."""
