"""`python -m tests.gpu_check`: run the steps, and say what they have found."""

import argparse
import os
import shutil
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from tests.figures import KEPT_IN
from tests.gpu_check import limited, summary
from tests.gpu_check.steps import MINUTES, STEPS
from tests.gpu_check.summary import DONE, SKIPPED, WIDTH, Finding

ROOT = Path(__file__).parents[2]
LEAST_S = 10  # that a step needs to find anything
TAIL_LINES = 30  # of the output of a step that is not done
CONSOLE = Console(width=WIDTH, markup=False, highlight=False)


def main():
    asked = arguments()
    out = asked.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        sys.exit(f"gpu_check: {out} is not empty; give another --out")
    for folder in ("figures", "logs", "temporary"):
        (out / folder).mkdir()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    findings, text = [], ""
    try:
        for step, seconds in limits(asked.minutes):
            findings.append(check(step, seconds, asked.device, out))
            text = summary.write(out, findings)
    except KeyboardInterrupt:
        CONSOLE.print("stopped")
    finally:
        for folder in ("data", "temporary"):  # what is rendered and decoded anew in no time
            shutil.rmtree(out / folder, ignore_errors=True)
    CONSOLE.print(f"{text}\nkept in {out}")
    sys.exit(not all(finding.holds for finding in findings))


def arguments():
    """Return what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.gpu_check", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="in all (default: 9)")
    parser.add_argument("--device", default="cuda", help="cuda; or cpu, to try the check out")
    now = datetime.now(UTC)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(f"results/gpu-check-{now:%Y%m%d-%H%M%S}"),
        help="an empty or new folder (default: %(default)s)",
    )
    return parser.parse_args()


def limits(minutes):
    """Give each step with the seconds that it may take, when its turn has come."""
    end = time.monotonic() + 60 * minutes
    scale = minutes / MINUTES
    for number, step in enumerate(STEPS):
        left = end - time.monotonic()
        if step.takes_the_rest:
            yield step, left - scale * sum(later.seconds for later in STEPS[number + 1 :])
        else:
            yield step, min(left, scale * step.seconds)


def check(step, seconds, device, out):
    """Run a step; return what became of it."""
    if step.tests and device == "cpu":
        return Finding(step.name, SKIPPED, 0, [])
    if seconds < LEAST_S:
        return Finding(step.name, "no time left", 0, [])
    CONSOLE.print(f"{step.name}: at most {seconds:.0f} s")
    name = step.name.replace(" ", "-")
    log, figures = out / "logs" / f"{name}.txt", out / "figures" / f"{name}.jsonl"
    environment = {
        KEPT_IN: str(figures),
        "COLUMNS": "150",
        "HF_HUB_OFFLINE": "1",
        "MASKDEPTH_CACHE": str(out / "temporary" / "cache"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "PYTHONUNBUFFERED": "1",
    }
    ended = limited.run(step.command(device, out, seconds), seconds, log, ROOT, environment)
    outcome = {0: DONE, None: f"stopped at its limit of {seconds:.0f} s"}.get(
        ended.exit_code, f"failed with exit code {ended.exit_code}"
    )
    if outcome != DONE:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        CONSOLE.print("\n".join(lines[-TAIL_LINES:]))
    CONSOLE.print(f"{step.name}: {outcome}")
    return Finding(step.name, outcome, ended.took_s, summary.read_figures(figures))


if __name__ == "__main__":
    main()
