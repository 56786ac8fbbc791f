"""Whether a network, a loss or a metric keeps its contract, and if not, why and what to do.

>>> from bench.check import check
>>> findings = check("unet", {"width": 0.125})
"""

from bench.check.finding import Finding, Status
from bench.check.kind import kind_of
from bench.check.loss import check_loss
from bench.check.metric import check_metric
from bench.check.run import check
from bench.check.terminal import print_findings

__all__ = [
    "Finding",
    "Status",
    "check",
    "check_loss",
    "check_metric",
    "kind_of",
    "print_findings",
]
