"""Which losses there are, and that a new one is a new file and nothing else."""

import subprocess
import sys

import pytest
import torch

import losses
from losses import terms

NEW_LOSS = '''
from losses.loss import loss
from losses.masked_mean import masked_mean

@loss(takes="probabilities", bounds=(0, 1))
def halved(probabilities, target, valid, *, share: float = 0.5):
    """Part of the absolute error."""
    return share * masked_mean((probabilities - target).abs(), valid)
'''


def test_the_losses_of_the_project_are_there():
    assert losses.names() == [
        "bce",
        "berhu",
        "cosine",
        "dice",
        "focal",
        "gradient_l1",
        "l1",
        "log_gradient",
        "log_l1",
        "mse",
        "normals_cosine",
        "silog",
        "sparsity",
        "ssim",
    ]


def test_a_new_file_is_a_new_loss(tmp_path, monkeypatch):
    (tmp_path / "halved.py").write_text(NEW_LOSS)
    monkeypatch.setattr(terms, "__path__", [*terms.__path__, str(tmp_path)])
    assert "halved" in losses.names()
    objective = losses.parse("2*halved(share=0.25)")
    assert str(objective) == "2*halved(share=0.25)"
    # |1/2 - 1| = 0.5, a quarter of it, twice.
    value = objective(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2))
    assert value.item() == pytest.approx(0.25)
    with pytest.raises(losses.LossError, match=r"share is a number$"):
        losses.parse("halved(share='a')")


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(
        losses.LossError, match=r"^unknown loss 'gradient_l2'; did you mean 'gradient_l1'\?"
    ):
        losses.load("gradient_l2")


def test_names_and_expressions_need_no_torch():
    program = (
        "import sys, losses; losses.names(); losses.parse('2*bce + 0.5*ssim'); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
