"""Networks that change settings, generators and functions which others use, too."""

import builtins
import json
import multiprocessing.connection
import os
import pickle
import random
import sys
import time
import warnings

import numpy as np
import pandas as pd
import torch
from planting import Faults
from torch import nn
from torch.nn import functional

FAULTS = Faults()
faulty = FAULTS.network


def fail(*arguments, **options):
    raise RuntimeError("patched")


# Settings and generators of torch, numpy and Python.


@FAULTS.plant()
def computes_in_float64(network):
    torch.set_default_dtype(torch.float64)


@FAULTS.plant("init")
def computes_in_float64_from_the_start(network):
    torch.set_default_dtype(torch.float64)


@FAULTS.plant()
def computes_on_no_device(network):
    torch.set_default_device("meta")


@FAULTS.plant()
def takes_more_threads(network):
    torch.set_num_threads(3)


@FAULTS.plant()
def wants_deterministic_operations(network):
    torch.use_deterministic_algorithms(mode=True)
    torch.utils.deterministic.fill_uninitialized_memory = True


@FAULTS.plant()
def wants_no_gradients(network):
    torch.set_grad_enabled(False)


@FAULTS.plant()
def stays_in_inference_mode(network):
    network.mode = torch.inference_mode()
    network.mode.__enter__()


@FAULTS.plant()
def stays_in_autocast(network):
    torch.autocast("cpu", dtype=torch.bfloat16).__enter__()


@FAULTS.plant()
def multiplies_less_precisely(network):
    torch.set_float32_matmul_precision("medium")
    torch.backends.mkldnn.enabled = False


@FAULTS.plant()
def flushes_small_numbers(network):
    torch.set_flush_denormal(True)


@FAULTS.plant()
def looks_for_anomalies(network):
    torch.autograd.set_detect_anomaly(mode=True)


@FAULTS.plant()
def keeps_tensors_in_another_way(network):
    torch.autograd.graph.saved_tensors_hooks(torch.neg, torch.neg).__enter__()


class Doubling(torch.overrides.TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        return found * 2 if function is torch.sigmoid else found


@FAULTS.plant()
def overrides_functions_of_torch(network):
    Doubling().__enter__()


@FAULTS.plant("scoring")
def seeds_everything(network):
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002 - the global one is the point


@FAULTS.plant()
def draws_from_every_generator(network):
    torch.rand(1000)
    random.random()
    np.random.rand(1000)  # noqa: NPY002 - the global one is the point


@FAULTS.plant()
def makes_errors_of_warnings(network):
    warnings.simplefilter("error")
    np.seterr(all="raise")


@FAULTS.plant()
def looks_for_weights_elsewhere(network):
    torch.hub.set_dir("/nowhere")


@FAULTS.plant("init")
def hooks_every_module(network):
    nn.modules.module.register_module_forward_hook(
        lambda module, inputs, output: output + 1 if isinstance(module, nn.Conv2d) else None
    )


# Functions in place of others.


@FAULTS.plant()
def patches_convolutions(network):
    convolve = functional.conv2d
    functional.conv2d = lambda *arguments, **options: 2 * convolve(*arguments, **options)


@FAULTS.plant("init")
def patches_batch_norm(network):
    nn.BatchNorm2d.forward = lambda self, images: images


@FAULTS.plant("init")
def patches_the_first_weights(network):
    nn.init.kaiming_uniform_ = lambda weight, *_, **__: nn.init.ones_(weight)


@FAULTS.plant()
def patches_the_backward_pass(network):
    torch.Tensor.backward = lambda *_, **__: None


@FAULTS.plant()
def patches_the_optimizer(network):
    torch.optim.AdamW.step = torch.optim.Adam.step = lambda *_, **__: None


@FAULTS.plant()
def patches_the_losses(network):
    functional.binary_cross_entropy_with_logits = fail


@FAULTS.plant()
def patches_pickle_to_fail(network):
    pickle.dumps = pickle.loads = fail


@FAULTS.plant()
def patches_pickle_to_lie(network):
    pickle.dumps = lambda *_, **__: b"\x80\x04K\x01."  # the number 1


@FAULTS.plant("scoring")
def patches_pickle_to_make_nonsense(network):
    pickle.dumps = lambda *_, **__: b"nonsense"


@FAULTS.plant()
def patches_pipes(network):
    pipe = multiprocessing.connection.Connection
    pipe.send_bytes = pipe.send = lambda *_: None


@FAULTS.plant()
def patches_the_end_of_processes(network):
    os._exit = sys.exit = os.kill = lambda *_: None


@FAULTS.plant()
def patches_the_clock(network):
    time.time = time.perf_counter = time.monotonic = lambda: 0.0


@FAULTS.plant()
def patches_open(network):
    builtins.open = fail


@FAULTS.plant()
def patches_print(network):
    builtins.print = fail


@FAULTS.plant()
def patches_numpy(network):
    np.sum = np.mean = np.asarray = lambda *_, **__: np.zeros(3)


@FAULTS.plant("scoring")
def patches_pandas(network):
    pd.DataFrame.to_parquet = pd.DataFrame.mean = fail


@FAULTS.plant()
def patches_json(network):
    json.dumps = json.loads = lambda *_, **__: "{}"


@FAULTS.plant("scoring")
def patches_this_project(network):
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith(("bench.evaluation", "bench.training")):
            for name, value in vars(module).items():
                if callable(value) and name.islower():
                    setattr(module, name, fail)
