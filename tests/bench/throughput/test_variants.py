import pytest
import torch

from architectures import Prediction
from bench.errors import InputError
from bench.throughput.variants import chosen, deviation

CPU = torch.device("cpu")


def test_what_is_asked_for_is_run_and_else_what_suits_the_device():
    assert chosen(["compiled", "bf16"], CPU) == ("bf16", "compiled")
    assert chosen([], CPU) == ("channels_last", "float32", "bf16")
    assert "cuda_graph" in chosen([], torch.device("cuda"))


def test_an_unknown_variant_is_refused_with_the_nearest():
    with pytest.raises(InputError, match=r"--variant: unknown variant 'bf61'; did you mean 'bf16"):
        chosen(["bf61"], CPU)


def test_the_deviation_is_the_largest_of_the_heads():
    mask, depth = torch.tensor([1.0, -2.0]), torch.tensor([4.0, 0.0])
    expected = Prediction(mask, depth)
    assert deviation(Prediction(mask, depth), expected) == 0
    assert deviation(Prediction(mask + 0.1, depth + 0.4), expected) == pytest.approx(0.1)
    assert deviation(Prediction(None, depth - 0.4), expected) == pytest.approx(0.1)


def test_what_is_no_number_deviates_without_bound():
    logits = torch.tensor([1.0])
    assert deviation(Prediction(logits * float("nan"), None), Prediction(logits, None)) == float(
        "inf"
    )
