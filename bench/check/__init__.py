"""Whether a network keeps the contract and can be trained, and if not, why and what to do.

>>> from bench.check import check
>>> findings = check("unet", {"width": 0.125})
"""

from bench.check.finding import Finding, Status
from bench.check.run import check
from bench.check.terminal import print_findings

__all__ = ["Finding", "Status", "check", "print_findings"]
