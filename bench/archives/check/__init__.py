"""What is in an archive, and what is wrong with it.

One pass measures every sample (`measuring`); what the measurements mean is judged afterwards, one
file a question. Nothing in here changes an archive.
"""

from bench.archives.check.finding import Finding, Severity
from bench.archives.check.quarantine import select_quarantined, write_quarantine
from bench.archives.check.run import Inspection, inspect
from bench.archives.check.terminal import print_inspection

__all__ = [
    "Finding",
    "Inspection",
    "Severity",
    "inspect",
    "print_inspection",
    "select_quarantined",
    "write_quarantine",
]
