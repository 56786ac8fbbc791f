"""A small study, and bundles made by hand as `bench bundle` would never write them."""

import hashlib
import json
import stat
import subprocess
from dataclasses import dataclass, field, replace
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import study_maker

from bench.settings import Architecture, Data, LossPair, Train
from bench.settings.grid import Grid
from bench.study.plan import timing_cases
from bench.study.study import Study

REGULAR = stat.S_IFREG | 0o644


@dataclass
class Entry:
    """An entry of a zip."""

    name: str
    content: bytes
    mode: int = REGULAR
    method: int = ZIP_STORED


@dataclass
class Parts:
    """A bundle in parts: what the manifest says, and what there is."""

    manifest: dict
    entries: list[Entry] = field(default_factory=list)

    @classmethod
    def read(cls, file):
        with ZipFile(file) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
        manifest = json.loads(contents.pop("manifest.json"))
        return cls(manifest, [Entry(name, content) for name, content in contents.items()])

    def copy(self):
        manifest = json.loads(json.dumps(self.manifest))
        return Parts(manifest, [replace(entry) for entry in self.entries])

    def find(self, ending):
        """The first entry whose name ends so."""
        return next(entry for entry in self.entries if entry.name.endswith(ending))

    def listed(self, entry):
        """What the manifest says of an entry."""
        return next(one for one in self.manifest["files"] if one["path"] == entry.name)

    def add(self, name, content, **more):
        """Add an entry, and list it."""
        self.entries.append(Entry(name, content, **more))
        digest = hashlib.sha256(content).hexdigest()
        self.manifest["files"].append({"path": name, "size": len(content), "sha256": digest})

    def rename(self, entry, name):
        """Give an entry another name, in the manifest too."""
        self.listed(entry)["path"] = name
        entry.name = name

    def fill(self, entry, content):
        """Give an entry another content, of which the manifest and the checksums beside it tell."""
        for listed in self.manifest["files"]:
            if listed["path"] == entry.name:
                listed |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        entry.content = content
        folder, _, name = entry.name.rpartition("/")
        if name != "SHA256SUMS":
            sums = self.find(f"{folder}/SHA256SUMS")
            lines = sums.content.decode().splitlines()
            digest = hashlib.sha256(content).hexdigest()
            lines = [f"{digest}  {name}" if line.endswith(f"  {name}") else line for line in lines]
            self.fill(sums, "\n".join([*lines, ""]).encode())

    def write(self, file, manifest=None):
        """Write a zip of it."""
        text = json.dumps(self.manifest).encode() if manifest is None else manifest
        with ZipFile(file, "w") as archive:
            for entry in [*self.entries, Entry("manifest.json", text)]:
                info = ZipInfo(entry.name)
                info.external_attr = entry.mode << 16
                info.compress_type = entry.method
                archive.writestr(info, entry.content)
        return file


GRID = Grid(
    architectures=(Architecture(name="unet"),),
    losses=(LossPair(mask="bce", depth="bce"),),
    data=Data(archive=("a.zip",)),
    train=Train(epochs=2),
)


def make_study(folder):
    """Write a study of a baseline, a trained cell and a timing."""
    study = Study(folder)
    cells = list(GRID.cells())[-2:]
    records = [study_maker.record(cell, summary={"iou": 0.5}) for cell in cells]
    study_maker.keep(study, GRID, records)
    ((case, _),) = timing_cases(cells, records)
    study.write_measurement(study_maker.measurement(case))
    return folder


def list_anew(folder):
    """Write the checksums of what is in a folder."""
    names = [path.name for path in folder.iterdir() if path.name != "SHA256SUMS"]
    sums = subprocess.run(
        ["sha256sum", *sorted(names)],  # noqa: S607
        cwd=folder,
        check=True,
        capture_output=True,
    )
    (folder / "SHA256SUMS").write_bytes(sums.stdout)
