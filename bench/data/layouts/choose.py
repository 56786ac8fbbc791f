"""Which layout a dataset is in: as the grid says, or by its entries' names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.data.entries import Container, Entries, open_container
from bench.data.layouts import canonical, patterns, published
from bench.data.layouts.manifest import Manifest
from bench.data.layouts.names import Names
from bench.data.layouts.published import LABELLED, PRESETS, PUBLISHED
from bench.errors import InputError, suggestion
from bench.settings import Patterns, Source

NAMES = (canonical.NAME, LABELLED, *PRESETS)


def open_layouts(source: Source) -> list[Manifest]:
    """Pair the entries of a source's archives.

    Archives that carry their own table of samples are each a dataset by themselves; the others make
    up one, in whatever order they are given. A sample may still lack a partner; see
    `Manifest.require_partners`.

    Raises:
        InputError: an archive cannot be read, or is in no layout that is known.
    """
    name = source.layout
    if isinstance(name, str) and name not in NAMES:
        raise InputError(f"layout: unknown name {name!r}{suggestion(name, NAMES)}")
    layouts, others = [], []
    for path in source.files:
        container = open_container(Path(path))
        alone = _read_alone(container, source)
        if alone is None:
            others.append(container)
        else:
            layouts.append(alone)
    return [*layouts, _read_pooled(others, source)] if others else layouts


def _read_alone(container: Container, source: Source) -> Manifest | None:
    """The container as a dataset by itself, if it has a table of its samples."""
    is_canonical = canonical.find_root(container.names) is not None
    if source.layout == canonical.NAME or (source.layout is None and is_canonical):
        _require_right_pairing(source, canonical.NAME)
        if source.backgrounds is not None:
            raise InputError(
                f"backgrounds: {container.path} is in the canonical layout and holds its own; give "
                "it as an archive of its own, without backgrounds"
            )
        return canonical.read(Entries([container]), source)
    if source.layout not in (None, LABELLED):
        return None
    names = Names([container], source.backgrounds)
    found = published.labelled(names, source.depth)
    has_images = (~names.beside).sum() > 1
    return _read_labelled(names, source, found) if found is not None and has_images else None


def _read_labelled(names: Names, source: Source, found: Patterns) -> Manifest:
    _require_right_pairing(source, LABELLED)
    return patterns.read(names, source, found, name=LABELLED)


def _read_pooled(containers: Sequence[Container], source: Source) -> Manifest:
    """The containers as one dataset, whatever their order."""
    in_order = sorted(containers, key=lambda container: container.path)
    names = Names(in_order, source.backgrounds)
    if isinstance(source.layout, Patterns):
        _require_right_pairing(source, patterns.NAME)
        return patterns.read(names, source, source.layout)
    if source.layout in (None, LABELLED):
        found = published.labelled(names, source.depth)
        if found is not None:
            return _read_labelled(names, source, found)
    if source.layout == LABELLED:
        raise InputError(
            f"{names.entries.paths}: has no labels.csv with a column fg_bg; what there is: "
            f"{names.examples()}"
        )
    chosen = source.layout or _detect(names)
    _require_right_pairing(source, chosen)
    preset = (PUBLISHED if source.pairing == "published" else PRESETS)[chosen]
    return patterns.read(
        names,
        source,
        preset.patterns,
        name=chosen,
        derive=preset.derive,
        depth_coding=preset.depth_coding,
        mirrors_background=preset.mirrors_background,
        listing=preset.listing,
    )


def _detect(names: Names) -> str:
    """The layout whose composites are among the entries."""
    counts = {name: names.count(str(preset.patterns.composite)) for name, preset in PRESETS.items()}
    found = [name for name, count in counts.items() if count]
    if len(found) == 1:
        return found[0]
    if found:
        told = " and ".join(f"{counts[name]} composites of {name}" for name in found)
        raise InputError(
            f"{names.entries.paths}: hold {told}; give the archives of each as a mapping of their "
            "own, as in archive: [{files: [...]}, {files: [...]}]"
        )
    raise InputError(
        f"{names.entries.paths}: in no layout that is known ({', '.join(NAMES)}); what there is: "
        f"{names.examples()}; describe it by patterns, as in layout: {{composite: "
        "'fg_bg/{key}.jpg', mask: 'fg_bg_mask/{key}.jpg', ...}"
    )


def _require_right_pairing(source: Source, layout: str) -> None:
    """Make sure that there is a wrong rule to repeat, if the source asks for it."""
    if source.pairing == "published" and layout not in PUBLISHED:
        raise InputError(
            f"pairing: {layout} has no other published rule; leave pairing out (it is for "
            f"{', '.join(PUBLISHED)})"
        )
