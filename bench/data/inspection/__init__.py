"""What is in an archive, and what is wrong with it.

One pass measures every sample (`measuring`); what the measurements mean is judged afterwards, one
file a question. Nothing in here changes an archive.
"""

from bench.data.inspection.finding import Finding, Severity
from bench.data.inspection.quarantine import quarantined, write_quarantine
from bench.data.inspection.run import Inspection, inspect
from bench.data.inspection.terminal import print_inspection

__all__ = [
    "Finding",
    "Inspection",
    "Severity",
    "inspect",
    "print_inspection",
    "quarantined",
    "write_quarantine",
]
