"""How fast networks run, and what they take.

Three figures that are never mixed: the network alone (a forward pass), the training step (forward,
losses, backward, update), and end to end from the archive (decoding, transfer, forward). `rounds`
visits the networks in turn, each in a process of its own; `measure` is what such a process does at
a visit; `sampling` decides what is timed and when to stop; `result` is what is kept.
"""
