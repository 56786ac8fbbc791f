"""maskdepth-bench: crosses architectures with losses and measures what comes out.

The steps, in the order in which data flows through them: `cli` reads the command line, `grid` the
question, `run` brings the steps together: `data` delivers batches, `train` fits, `evaluate` scores
image by image, `throughput` times, and `study` keeps a `record` of each cell; `report` compares.
"""
