"""torchvision can be imported beside any torch, and a working one is left as it is."""

import subprocess
import sys

import pytest
import torch

from architectures import torchvision_ops

NMS_MISSING = "operator torchvision::nms does not exist"


@pytest.fixture
def import_fake(monkeypatch, tmp_path):
    """Put a module of the given source in torchvision's place and record what gets defined."""

    def install(source):
        (tmp_path / "torchvision.py").write_text(source)
        (tmp_path / "fake_state.py").write_text("attempts = 0\n")
        monkeypatch.syspath_prepend(tmp_path)
        for module in ("torchvision", "fake_state"):
            monkeypatch.delitem(sys.modules, module, raising=False)
        defined = []
        monkeypatch.setattr(torch.library, "define", lambda name, _schema: defined.append(name))
        return defined

    return install


def test_timm_and_smp_can_be_imported_here_even_after_a_failed_import_of_torchvision():
    code = (
        "try:\n    import torchvision\nexcept RuntimeError:\n    pass\n"
        "from architectures import torchvision_ops\n"
        "torchvision_ops.define_missing()\ntorchvision_ops.define_missing()\n"
        "import timm, segmentation_models_pytorch, torchvision\n"
        "print(torchvision.ops.nms.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "nms"


def test_nothing_is_defined_where_torchvision_can_be_imported(import_fake):
    defined = import_fake("")
    torchvision_ops.define_missing()
    assert defined == []


def test_the_missing_operators_are_defined_before_the_second_attempt(import_fake):
    defined = import_fake(
        "import fake_state\nfake_state.attempts += 1\n"
        f"if fake_state.attempts == 1:\n    raise RuntimeError({NMS_MISSING!r})\n"
    )
    torchvision_ops.define_missing()
    assert defined == ["torchvision::nms", "torchvision::qnms"]
    assert "torchvision" in sys.modules


def test_any_other_reason_that_torchvision_cannot_be_imported_is_passed_on(import_fake):
    defined = import_fake("raise RuntimeError('compiled with different CUDA major versions')")
    with pytest.raises(RuntimeError, match="different CUDA major versions"):
        torchvision_ops.define_missing()
    assert defined == []
