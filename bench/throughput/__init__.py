"""How fast networks run, and what they take.

Three figures that are never mixed: the network alone (a forward pass), the training step (forward,
losses, backward, update), and end to end from the archive (decoding, transfer, forward). `rounds`
visits the networks in turn, each in a process of its own (`worker`); `measure` is what such a
process does at a visit; `sampling` decides what is timed and when to stop. What is kept, and which
blocks of it count, is in `bench.study.measurement` and `bench.study.timing`.
"""
