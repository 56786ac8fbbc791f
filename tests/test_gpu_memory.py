"""What happens on a CUDA device when its memory is full."""

import networks_on_cuda
import pytest
import torch

from tests.gpu_check.setting import Setting

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]

NETWORK = f"{networks_on_cuda.__file__}:limited"


def test_a_batch_that_does_not_fit_is_trained_on_in_parts(rendered_archive, tmp_path, figure):
    setting = Setting(torch.device("cuda"), tmp_path, 0)

    def train(**options):
        content = {
            "architectures": [{"name": NETWORK} | options],
            "losses": ["bce"],
            "data": {"archive": str(rendered_archive), "image_size": 256},
            "train": {"steps": 2, "batch_size": 24, "precision": "float32"},
        }
        (record,) = setting.run_grid(content, "study", throughput=False)
        assert record.failure is None
        return record.peak_memory_mib, record.training.executions[0]

    whole_mib, whole = train()
    assert whole.accumulation_steps == 1
    in_parts_mib, in_parts = train(mib=round(0.6 * whole_mib))
    assert in_parts.accumulation_steps > 1
    share, remark = in_parts_mib / whole_mib, f"{in_parts.accumulation_steps} parts"
    assert figure("memory of a batch that did not fit, in parts", share, at_most=0.6, remark=remark)
