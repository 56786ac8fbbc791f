"""Tables that an archive carries, as columns of text."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.csv

from bench.errors import InputError


def read_csv(content: bytes, where: str) -> pa.Table:
    """A CSV table with a header; every cell is text, an empty one too.

    Raises:
        InputError: it is no such table; ``where`` says which.
    """
    try:
        names = pa.csv.open_csv(io.BytesIO(content)).schema.names
        table = pa.csv.read_csv(
            io.BytesIO(content),
            parse_options=pa.csv.ParseOptions(newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string())
            ),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:  # the latter of the header's names
        raise InputError(f"{where}: not a CSV table ({' '.join(str(error).split())})") from None
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{where}: has two columns {name!r}")
    return table


def read_lines(content: bytes, where: str) -> pa.LargeStringArray:
    """The lines of a text, less the empty ones.

    Raises:
        InputError: it is no text; ``where`` says which.
    """
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: not a text in UTF-8 ({error})") from None
    return pa.array([line.strip() for line in lines if line.strip()], pa.large_string())
