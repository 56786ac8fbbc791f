"""Makes `torch.export` able to save a network: it has to know `Prediction` by a name.

Importing this module is enough, before a program is saved or loaded; `architectures.create` does.
"""

from __future__ import annotations

from torch.utils import _pytree as pytree  # torch has no public way for a named tuple

from architectures.contract import Prediction

if Prediction not in pytree.SUPPORTED_SERIALIZED_TYPES:  # this module may be reloaded
    pytree._register_namedtuple(  # noqa: SLF001
        Prediction, serialized_type_name="architectures.Prediction"
    )
