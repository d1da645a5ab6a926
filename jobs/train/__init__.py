"""The trainer, and the only place that imports torch: the section `train:` on one device or several.

`loop` takes steps: `loader` gives the batch that the schedule has at this step, `learner` holds `model`,
`optim` and what one step does to them, `checkpoint` and `log` make a run resumable to the bit, `evaluate`
measures held-out loss. `runtime` says where it runs, `flops` how near to the chip's peak.
"""
