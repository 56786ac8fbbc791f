"""What torch is told to do, operation by operation."""

from __future__ import annotations

from collections import Counter

from torch.utils._python_dispatch import TorchDispatchMode

# On a device the host has to wait for these: their result, or its shape, depends on what is there,
# or they bring a number over from memory that is not page-locked.
WAITS = {
    "_local_scalar_dense": "a number is read",
    "nonzero": "the shape of the result is read",
    "masked_select": "the shape of the result is read",
    "unique": "the shape of the result is read",
    "lift_fresh": "a constant is made on the host",
}
WITHOUT_KERNEL = {
    "_record_function_enter_new",
    "_record_function_exit",
    "_unsafe_view",
    "empty",
    "empty_like",
    "lift_fresh",
    "promote_types",
}


class Operations(TorchDispatchMode):
    """Counts, inside the block, the operations of each name that run in this thread."""

    def __init__(self):
        super().__init__()
        self.counts, self._views = Counter(), set()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        name = operation.overloadpacket.__name__
        self.counts[name] += 1
        if operation.is_view:
            self._views.add(name)
        return operation(*args, **(kwargs or {}))

    @property
    def kernels(self):
        """How many operations compute something on the device, and are no views."""
        return sum(
            count
            for name, count in self.counts.items()
            if name not in self._views and name not in WITHOUT_KERNEL
        )

    @property
    def waits(self):
        """The operations that would make the host wait for a device."""
        return {name: self.counts[name] for name in WAITS if self.counts[name]}
