"""From archives in any layout to samples whose images belong together."""

from bench.data.layouts.choose import open_layouts
from bench.data.layouts.manifest import KINDS, NO_ENTRY, PLACE, Manifest

__all__ = ["KINDS", "NO_ENTRY", "PLACE", "Manifest", "open_layouts"]
