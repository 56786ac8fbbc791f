"""From archives in any layout to samples whose pictures belong together."""

from bench.data.layouts.choose import open_layouts
from bench.data.layouts.layout import KINDS, NO_ENTRY, Layout

__all__ = ["KINDS", "NO_ENTRY", "Layout", "open_layouts"]
