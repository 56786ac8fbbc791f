"""A batch of 16 samples at 64 px: as each epoch, the first pass and a plain Dataset read it."""

import io
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from bench.archives import render
from bench.data.batch_loader import BatchLoader
from bench.data.cache import open_dataset
from bench.data.layouts import open_layouts
from bench.data.sample_pool import SamplePool
from bench.data.stream import stream
from bench.settings import Source

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archives") / "read.zip"
    render.make(path, backgrounds=4, foregrounds=4, placements=4, size=224, seed=0)
    return path


@pytest.mark.benchmark(group="read a batch of 16 at 64 px")
def test_from_the_cache(benchmark, archive):
    dataset = open_dataset([archive], (64, 64))
    benchmark(BatchLoader(dataset, CPU).load, np.arange(16))


@pytest.mark.benchmark(group="read a batch of 16 at 64 px")
def test_decoded_from_the_zip(benchmark, archive):
    pool = SamplePool(open_layouts(Source(files=(str(archive),))))
    benchmark(BatchLoader(stream(pool, (64, 64), fingerprint=""), CPU).load, np.arange(16))


@pytest.mark.benchmark(group="read a batch of 16 at 64 px")
def test_from_the_zip_with_pillow(benchmark, archive):
    dataset = open_dataset([archive], (64, 64))
    samples = dataset.samples.iloc[:16]

    def read(opened, entry):
        image = Image.open(io.BytesIO(opened.read(entry)))
        return torch.from_numpy(np.array(image.resize((64, 64)), dtype=np.float32))

    def load():
        with zipfile.ZipFile(archive) as opened:
            for key, background in zip(samples["key"], samples["background"], strict=True):
                read(opened, f"background/{background}.jpg")
                read(opened, f"composite/{key}.jpg")
                read(opened, f"mask/{key}.png")
                read(opened, f"depth/{key}.png")

    benchmark(load)
