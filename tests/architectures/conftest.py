"""Settings of these tests."""

import pytest
import torch

from architectures import torchvision_ops

torchvision_ops.define_missing()  # the tests themselves import timm and torchvision


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """The networks here are too small for more: threads that wait for each other only cost."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
