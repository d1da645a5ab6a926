"""What is submitted to machines, and every command: Spark, the trainer, looking at runs, samples, recipes."""
