"""Whatever stands in a grid file: a grid, or one line that says what is wrong, and nothing else."""

import json
import shutil

import pytest
import yaml
from harmless import only_reads
from hypothesis import given
from hypothesis import strategies as st
from mutation import BRIEF, LONG, edited, promptly, restructured

from bench.errors import InputError
from bench.execution.run import look_ahead
from bench.settings import grid_file
from bench.study.study import Study

LONGEST = 1000  # characters of a message, its file's path included
STAGED = {
    "architectures": [
        {"name": "unet", "width": 0.25, "inputs": "composite", "tasks": ["mask"]},
        {"name": "mine.py:mine", "weights": "mine.safetensors"},
    ],
    "losses": [{"mask": "2*bce + 0.1*ssim(window=7)", "balance": {"mask": 2.0}}],
    "seeds": [0, 1],
    "data": {
        "archive": [{"files": ["data.zip"], "mask_threshold": 100, "depth": {"maximum": 255}}],
        "exclude": "exclude.csv",
        "image_size": [32, 64],
        "split": {"by": "background", "train": 0.4, "val": 0.3, "test": 0.3, "seed": 1},
        "limit": 30,
    },
    "train": {
        "stages": [
            {"epochs": 1, "image_size": 32, "losses": "bce", "freeze": ["trunk.*"]},
            {"steps": 5, "optimizer": "sgd", "momentum": 0.9, "schedule": {"name": "cosine"}},
        ],
        "teacher": {
            "architecture": {"name": "unet", "inputs": "composite", "tasks": ["depth"]},
            "weights": "mine.safetensors",
        },
    },
    "metrics": ["iou", "metric.py:mine"],
    "limits": {"seconds": 100.0, "memory_gib": 4},
    "devices_per_cell": 2,
}
TUNED = {
    "architectures": "unet",
    "losses": [{"mask": "bce", "depth": "l1", "balance": "uncertainty"}],
    "data": {"archive": "data.zip", "split": {"file": "split.csv"}},
    "train": {"budget": {"samples": 100}, "schedule": {"name": "one_cycle", "pct_start": 0.2}},
    "tune": {"trials": 3, "learning_rate": "log(1e-4, 1e-2)", "batch_size": [8, 16], "seed": 5},
}
PATTERNED = {
    "architectures": ["unet"],
    "losses": ["bce"],
    "data": {
        "archive": {
            "files": "data.zip",
            "layout": {
                "composite": "composite/{key}.jpg",
                "mask": "mask/{key}.png",
                "depth": "depth/{key}.png",
                "background": "background/{background}.jpg",
                "background_of": r"{background:b\d+}_*",
            },
        },
    },
    "train": {"epochs": 1},
}
LAUGHS = ", ".join(
    f"&a{level} [{', '.join([f'*a{level - 1}' if level else 'ha'] * 9)}]" for level in range(12)
)
FRAGMENTS = [
    *["null", "true", "0", "-1", "-0.5", "1.5", "[]", "{}", '""', "~", "=", "<<", "- a"],
    *[str(2**63), str(2**64), "9" * 100, "9" * 5000, f"0x{'f' * 5000}", f"{'1:' * 3000}1"],
    *["1e400", ".nan", ".inf", "-.inf", "0b", "0o8", "1_000"],
    *["2026-13-45", "2026-02-30T25:61:61Z", "!!timestamp 2026-13-45", "!!timestamp now"],
    *["!!int ''", "!!int x", "!!float ''", "!!bool x", "!!null [x]", "!!str [x]", "!!str {=: x}"],
    *["!!map x", "!!map [x]", "!!seq x", "!!seq {x: y}", "!!set {x}", "!!omap [x: y]", "!!pairs x"],
    *["!!binary '%'", "!!binary eA==", "!mine x", "!!python/object/apply:os.system ['touch x']"],
    *["{[a]: b}", "{{a: b}: c}", "{a: b, a: c}", "&x [*x]", "&x {*x : 1}", "*nowhere", "{<<: [a]}"],
    *["[" * 200 + "]" * 200, "[" * 20_000, "{a: " * 60 + "1" + "}" * 60, f"[{LAUGHS}]"],
    *["'~nosuchuser/x.py:f'", "'~nosuchuser/x.pt'", "'~nosuchuser'", "nowhere.py:f", "no.where:f"],
    *[
        '"\\UFFFFFFFF"',
        '"a\\0b.py:f"',
        '"a\\nb.py:f"',
        '"a\\nb"',
        '"\\e[31mred"',
        '"\\ud800"',
        '"\\u202eb"',
    ],
    *["n" * 300, f"{'n' * 300}.py:f", f"{'n' * 300}.pt", f"{'n/' * 400}n.csv", "n" * 2000],
    *["'*'", "'smp:*'", "'timm:*'", "'smp:Unet/resnet*'", "'[z-a]*'", "smp:x", "timm:x", "x:y:z"],
    *["'{key}'", "'{key:(?i)x}'", "'{key:(}'", "'{key:a)(b}'", "'{key:(?=x)x}'", "'**/{k}*{k}'"],
    *[f"'{{key:{'(?:' * 300}x{')' * 300}}}'", "'{'"],
    *["2*(bce", "bce*1e999", f"{'1e300*(' * 90}bce{')' * 90}", "ssim(window=[[1]])", "-bce"],
    *["log(1, 2)", "log(2, 1)", "uniform(0, 1e999)", "[8, 16]", "[1, 1.0, true]"],
    *["data.zip", "mine.py", "metric.py:mine", "unet", "iou", "none", "imagenet", "mask", "5"],
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, rendered_archive):
    """The working folder, with all that the grids name; their data is there in full."""
    folder = tmp_path_factory.mktemp("asked")
    shutil.copy(rendered_archive, folder / "data.zip")
    (folder / "mine.py").write_text("def mine(*, weights=None):\n    return None\n")
    (folder / "mine.safetensors").write_bytes(b"weights")
    (folder / "metric.py").write_text(
        "from bench.evaluation.metric import metric\n\n\n"
        "@metric(label='M', task='mask', reads=('tp',), higher_is_better=True, decimals=2)\n"
        "def mine(sums):\n    return sums['tp']\n"
    )
    (folder / "exclude.csv").write_text("key\n")
    split = ["key,subset", "b000_f000_p0,train", "b000_f000_p1,val", "b000_f000_p2,test"]
    (folder / "split.csv").write_text("\n".join(split))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


def shipped(repository):
    return [path.read_bytes() for path in sorted((repository / "grids").rglob("*.yaml"))]


@pytest.fixture(scope="module")
def contents(folder, repository):
    """What is mutated: the grids that are shipped, over data that is there, and fuller ones."""
    found = [yaml.safe_load(text) for text in shipped(repository)]
    for content in found:
        content["data"] |= {"archive": "data.zip"}
    found += [STAGED, TUNED, PATTERNED]
    for content in found:  # so that libraries are imported before anyone watches
        dry_run(written(folder, json.dumps(content).encode()))
    return found


def written(folder, text):
    path = folder / "asked.yaml"
    path.write_bytes(text)
    return path


def dry_run(path):
    """Do what `bench run --dry-run` does; return the line that it ends in, if it does."""
    try:
        look_ahead(grid_file.load(path), Study(path.parent / "study"))
    except InputError as error:
        return str(error)
    return None


def test_the_grids_are_sound_before_they_are_mutated(folder, contents):
    lines = [dry_run(written(folder, json.dumps(content).encode())) for content in contents]
    assert lines == [None] * len(contents)


def _mutated(folder, contents, repository, data):
    text = data.draw(restructured(contents, FRAGMENTS) | edited(shipped(repository)))
    path = written(folder, text)
    with only_reads(), promptly():
        line = dry_run(path)
    assert line is None or (line.isprintable() and 0 < len(line) <= LONGEST)


@BRIEF
@given(data=st.data())
def test_a_mutated_grid_is_a_grid_or_one_line(folder, contents, repository, data):
    _mutated(folder, contents, repository, data)


@pytest.mark.slow
@LONG
@given(data=st.data())
def test_ten_thousand_mutated_grids_are_grids_or_one_line_each(folder, contents, repository, data):
    _mutated(folder, contents, repository, data)
