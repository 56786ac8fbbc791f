"""The test images that a study can show: what they are, and what each cell predicts of them.

They lie in tables, one row an image, with a column of PNG files for each kind of image. All are
whole numbers from 0 to 255:

| of a sample | what |
|---|---|
| ``composite``, ``background`` | as the networks see them, in color |
| ``mask`` | the truth: 0 or 255 |
| ``mask_valid`` | 255 where the mask is known |
| ``depth`` | the truth: from 0 near to 255 far |
| ``depth_valid`` | 255 where there is a reading |

What the archive lacks has no column, and ``..._valid`` has none where all is known. A cell's
predictions have the tasks that its network was trained for: ``mask`` is the probability of the
object, above 127 where it was scored as one; ``depth`` is as above.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from bench.errors import DamagedError
from bench.settings.base import Size
from bench.study import places
from bench.study.record import Record
from bench.study.results import Results, StoredGrid

if TYPE_CHECKING:
    import pandas as pd

Pixels = npt.NDArray[np.uint8]
IN_COLOR = ("composite", "background")
KINDS = (*IN_COLOR, "mask", "mask_valid", "depth", "depth_valid")
TOP = 255  # the level that means 1
MIDDLE = 127  # the highest level of a predicted mask at which a pixel is none of the object


@dataclass(frozen=True, eq=False)
class KeptImages:
    """Images of some samples.

    Attributes:
        keys: the samples', in the order in which they were drawn.
        images: (N, H, W) uint8 of each kind, (N, H, W, 3) of those in color.
    """

    keys: tuple[str, ...]
    images: dict[str, Pixels]


def as_table(keys: Sequence[str], images: Mapping[str, Iterable[Pixels]]) -> pd.DataFrame:
    """Return a table of images by their kind, as `read_samples` and `read_predictions` read it."""
    import pandas as pd  # noqa: PLC0415 - takes long, and a report needs none

    columns = {kind: [_as_png(image) for image in found] for kind, found in images.items()}
    return pd.DataFrame({"key": list(keys), **columns})


def read_samples(results: Results, stored: StoredGrid) -> KeptImages | None:
    """Read the test images of which a grid's cells keep predictions; None if it has none.

    Raises:
        DamagedError: they are damaged.
    """
    where = f"{results.folder / places.GRIDS / stored.id}: {places.table_file(places.SAMPLES)}"
    return _images(results.samples(stored), stored.grid.data.image_size, where)


def read_predictions(results: Results, record: Record) -> KeptImages | None:
    """Read what a complete cell predicts of the same images; None if nothing is kept of it.

    Raises:
        DamagedError: it is damaged.
    """
    folder = results.folder / places.of_cell(record.cell)
    where = f"{folder}: {places.table_file(places.PREDICTIONS)}"
    return _images(results.predictions(record.cell.id), record.cell.data.image_size, where)


def _images(table: pd.DataFrame | None, size: Size, where: str) -> KeptImages | None:
    if table is None:
        return None
    kinds = [kind for kind in KINDS if kind in table]
    try:
        images = {k: np.stack([_from_png(file, k, size) for file in table[k]]) for k in kinds}
        return KeptImages(tuple(map(str, table["key"])), images)
    except (ValueError, LookupError) as error:
        raise DamagedError(f"{where}: {error}") from None


def _as_png(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG")
    return file.getvalue()


def _from_png(content: object, kind: str, size: Size) -> Pixels:
    """The image in a file, which may come from elsewhere: it is looked at before it is decoded."""
    height, width = size
    mode = "RGB" if kind in IN_COLOR else "L"
    if not isinstance(content, bytes):
        raise ValueError(f"{kind}: holds what is no image")  # noqa: TRY004 - a file is at fault
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            if (image.mode, image.size) == (mode, (width, height)):
                return np.asarray(image)
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(f"{kind}: holds no readable image ({error})") from None
    raise ValueError(f"{kind}: holds an image of another kind than {width}x{height} px in {mode}")
