"""The quick grid on this device, beside the published figures of a CPU."""

import statistics

import yaml

from bench.study.study import Study
from tests.figures import Figure
from tests.gpu_check.setting import ROOT, Setting

# Rounding differs between devices, and training carries it on. What that does to the mean over the
# 16 cells was measured on a CPU: one thread instead of two moved IoU by 0.008 and RMSE by 0.000 (a
# cell: standard deviations of 0.028 and 0.025); float32 instead of bf16, over 15 of them, by 0.017
# and 0.002.
BOUNDS = {"iou": 0.03, "rmse": 0.02}


def main():
    setting = Setting.of_command_line()
    content = yaml.safe_load((ROOT / "grids/quick.yaml").read_text(encoding="utf-8"))
    if not setting.on_cuda:
        content |= {"architectures": content["architectures"][:1], "losses": ["bce"]}
    ours = setting.run_grid(
        content, "quick", per_device=4 if setting.on_cuda else 1, throughput=False
    )
    theirs = Study(ROOT / "results/published/quick").load().records
    sound = [record for record in ours if record.summary is not None]
    Figure("cells of the quick grid that trained", len(sound), at_least=len(ours)).keep()
    for metric, bound in BOUNDS.items():
        apart = [r.summary[metric] - theirs[r.cell.id].summary[metric] for r in sound]
        furthest = f"a cell's: {min(apart):.4f} to {max(apart):.4f}"
        what = f"{metric} less the CPU's, mean over {len(apart)} cells"
        Figure(what, statistics.fmean(apart), -bound, bound, furthest).keep()
    same = sum(r.provenance.data == theirs[r.cell.id].provenance.data for r in sound)
    Figure("cells whose data are the published", same, at_least=len(ours)).keep()


if __name__ == "__main__":
    main()
