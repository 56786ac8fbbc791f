"""What has to hold on a CUDA device, in a few minutes, whatever is installed there.

`python -m tests.gpu_check` takes one step after the other, the most valuable first, each in a
process of its own with a limit of time. It installs nothing and needs no network.
"""
