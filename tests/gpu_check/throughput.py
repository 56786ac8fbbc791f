"""How fast one network is in every variant."""

import torch
from rich.console import Console

from bench.events import TimingDone
from bench.report.measurements import print_results
from bench.study.timing_case import INFERENCE
from bench.throughput import rounds
from bench.throughput.cases import cases_of, write
from bench.throughput.sampling import Effort
from bench.throughput.variants import chosen
from tests.figures import Figure
from tests.gpu_check.setting import Setting

NETWORK = "unet"
ON_CUDA = Effort(2, blocks=6, cap_s=0.5, patience_s=2, warm_up_cap_s=1, thorough=False)
ELSEWHERE = Effort(1, blocks=2, cap_s=0.1, patience_s=1, warm_up_cap_s=0.1, thorough=False)


def main():
    setting = Setting.of_command_line()
    batch_size, image_size = (32, 224) if setting.on_cuda else (4, 64)
    cases = cases_of(
        [NETWORK],
        {} if setting.on_cuda else {"width": 0.125},
        chosen([], setting.device),
        grid=None,
        batch_size=batch_size,
        image_size=image_size,
    )
    found = {}

    def listen(event):
        if isinstance(event, TimingDone):
            found[event.measurement.id] = event.measurement

    rounds.measure(
        cases,
        cases[0],
        ON_CUDA if setting.on_cuda else ELSEWHERE,
        setting.device,
        threads=torch.get_num_threads(),
        limit_s=setting.seconds,
        listen=listen,
    )
    measured = list(found.values())
    print_results(Console(width=150), measured)
    write(measured, setting.out / "throughput.json")
    for one in measured:
        speed = one.images_per_s(INFERENCE)
        if speed is not None:
            Figure(f"{one.case.label} at {image_size} px: images/s", speed.value).keep()
    failed = [f"{one.case.variant}: {one.failure}" for one in measured if one.failure]
    what = f"variants of {NETWORK} that were timed"
    timed = len(measured) - len(failed)
    Figure(what, timed, at_least=len(cases), remark="; ".join(failed)).keep()


if __name__ == "__main__":
    main()
