"""Studies of a network that was trained for a moment, without timing it."""

from watched_run import CPU

from bench.execution.run import run
from bench.settings.grid import Grid
from bench.study.study import Study

TRAIN = {"epochs": 1, "batch_size": 8, "precision": "float32", "learning_rate": 0.02}


def train(folder, archive, *architectures, image_size=64, **sections):
    """Train networks on an archive, by default with both tasks; return their study's folder."""
    content = {
        "architectures": architectures,
        "losses": ["bce"],
        "data": {"archive": str(archive), "image_size": image_size},
        "train": TRAIN,
    }
    run(Grid(**content | sections), Study(folder), device=CPU, throughput=False)
    return folder


def records(folder):
    """The records of the trained cells of a study, in the order of their labels."""
    found = Study(folder).load().records.values()
    return sorted((r for r in found if r.cell.loss is not None), key=lambda r: r.cell.label)
