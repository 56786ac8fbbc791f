import pytest
import torch

import architectures
from bench.data.batch_loader import BatchLoader
from bench.data.cache import open_dataset
from bench.data.split import split_rows
from bench.errors import TrainingError
from bench.evaluation import selection
from bench.evaluation.metric import summarise
from bench.evaluation.score import score
from bench.events import EpochDone, StepDone
from bench.machine.memory import PeakMemory
from bench.settings import LossPair, Recipe, Split, Train
from bench.training.fit import Trainer
from bench.training.step import train_step

CPU = torch.device("cpu")
BOTH = ("mask", "depth")


@pytest.fixture
def dataset(rendered_archive):
    return open_dataset([rendered_archive], (32, 32))


@pytest.fixture
def split(dataset):
    return split_rows(dataset.samples, Split(), dataset.fingerprint)


def create_trainer(dataset, split, *, seed=0, tasks=BOTH, **more):
    return Trainer(
        {dataset.size: BatchLoader(dataset, CPU)},
        dataset.size,
        split,
        seed,
        CPU,
        memory=PeakMemory(CPU),
        tasks=tasks,
        **more,
    )


@pytest.fixture
def fit(dataset, split, tiny_network):
    def fit(settings=None, *, loss="bce", seed=0, trainer=None, **options):
        model = architectures.create(tiny_network, seed=seed, **options)
        trainer = create_trainer(dataset, split, seed=seed, **trainer or {})
        settings = settings or Train(epochs=2, batch_size=4)
        return model, trainer.fit(model, LossPair.model_validate(loss), settings.recipes()).curve

    return fit


def weights(model):
    return torch.cat([tensor.flatten().float() for tensor in model.state_dict().values()])


def test_one_seed_gives_the_same_weights_to_the_last_bit(fit):
    first, curve = fit()
    torch.manual_seed(12345)
    again, same_curve = fit()
    assert torch.equal(weights(first), weights(again))
    assert [epoch.losses for epoch in curve] == [epoch.losses for epoch in same_curve]
    assert not torch.equal(weights(first), weights(fit(seed=1)[0]))


def test_training_leaves_the_global_generators_as_they_were(fit):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    fit()
    assert torch.equal(torch.rand(3), expected)


def test_networks_and_losses_of_one_seed_see_the_same_batches(fit, monkeypatch):
    seen = []
    original = train_step

    def watch(model, objectives, optimizer, batch, recipe, **options):
        seen.append(batch.composite.clone())
        return original(model, objectives, optimizer, batch, recipe, **options)

    monkeypatch.setattr("bench.training.stage.train_step", watch)
    fit(loss="bce")
    fit(loss="l1", channels=16)
    half = len(seen) // 2
    assert half == 10  # 21 training images: 5 whole batches of 4 in each of 2 epochs
    assert all(torch.equal(a, b) for a, b in zip(seen[:half], seen[half:], strict=True))


def test_training_learns(fit):
    _, curve = fit(Train(epochs=20, batch_size=4, learning_rate=1e-2))
    assert curve[-1].losses["mask"] < 0.7 * curve[0].losses["mask"]
    assert curve[-1].losses["depth"] < 0.7 * curve[0].losses["depth"]


def test_the_selected_epoch_is_the_best_on_validation_and_its_weights_are_kept(fit, dataset, split):
    model, curve = fit(Train(epochs=6, batch_size=4, learning_rate=0.05, schedule="constant"))
    selected = [epoch for epoch in curve if epoch.selected]
    assert len(selected) == 1
    assert (selected[0].val["iou"] + 1 - selected[0].val["rmse"]) / 2 == max(
        (epoch.val["iou"] + 1 - epoch.val["rmse"]) / 2 for epoch in curve
    )
    scores = score(
        model, BatchLoader(dataset, CPU), split.val, batch_size=4, precision="bf16", tasks=BOTH
    )
    assert summarise(scores, selection.METRICS) == selected[0].val


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "constant"])
@pytest.mark.parametrize("steps", [1, 7])
def test_a_budget_of_steps_is_kept_to_the_step(fit, optimizer, schedule, steps):
    settings = Train(steps=steps, batch_size=4, optimizer=optimizer, schedule=schedule)
    _, curve = fit(settings)
    assert [epoch.step for epoch in curve] == ([1] if steps == 1 else [5, 7])


def test_a_loss_that_is_no_number_ends_training_with_head_and_step(fit):
    with pytest.raises(TrainingError, match="the mask loss became nan at step 1"):
        fit(learns_nan=True)


def test_a_compiled_network_goes_on_plainly_where_its_batch_does_not_fit(
    dataset, split, tiny_network, monkeypatch
):
    original, trained = train_step, []

    def short_of_memory(network, *arguments, accumulation_steps, **options):
        trained.append(network)
        if accumulation_steps == 1:
            raise torch.OutOfMemoryError
        return original(network, *arguments, accumulation_steps=accumulation_steps, **options)

    monkeypatch.setattr("bench.training.stage.train_step", short_of_memory)
    model = architectures.create(tiny_network, seed=0)
    trainer = create_trainer(dataset, split, tasks=("mask",))
    recipe = Recipe(steps=1, batch_size=4, compile="on")
    execution = trainer.fit(model, LossPair(mask="bce"), (recipe,)).executions[0]
    assert [network is model for network in trained] == [False, True]
    assert (execution.accumulation_steps, execution.compiled) == (2, False)


@pytest.mark.parametrize("teacher", [False, True])
def test_progress_is_told_every_few_steps_and_after_every_epoch(fit, teacher):
    heard = []
    trainer = {"listen": heard.append, "cell_id": "c0ffee", "teacher": teacher}
    _, curve = fit(Train(steps=12, batch_size=4), trainer=trainer)
    assert all((told.cell_id, told.teacher) == ("c0ffee", teacher) for told in heard)
    steps = [told for told in heard if isinstance(told, StepDone)]
    assert [(told.step, told.total) for told in steps] == [(5, 12), (10, 12), (12, 12)]
    assert steps[-1].images_per_s > 0
    epochs = [told for told in heard if isinstance(told, EpochDone)]
    assert [(told.number, told.total) for told in epochs] == [(1, 3), (2, 3), (3, 3)]
    assert [told.epoch.val for told in epochs] == [epoch.val for epoch in curve]


def test_the_loss_that_is_told_is_the_one_that_is_minimised(fit):
    heard = []
    loss = {"mask": "bce", "depth": "bce", "balance": {"mask": 3, "depth": 5}}
    _, curve = fit(Train(steps=1, batch_size=4), loss=loss, trainer={"listen": heard.append})
    losses = curve[0].losses
    assert heard[0].loss == pytest.approx(3 * losses["mask"] + 5 * losses["depth"])


def test_scores_of_a_batch_do_not_depend_on_the_batch_size(fit, dataset, split):
    model, _ = fit()
    loader = BatchLoader(dataset, CPU)
    ones, whole = (
        score(model, loader, split.test, batch_size=n, precision="float32", tasks=BOTH)
        for n in (1, 64)
    )
    assert ones["key"].tolist() == dataset.keys[split.test].tolist()
    assert ones["tp"].tolist() == whole["tp"].tolist()
    assert ones["squared_error"].to_numpy() == pytest.approx(whole["squared_error"].to_numpy())


def test_scoring_takes_smaller_batches_where_memory_runs_out(fit, dataset, split):
    model, _ = fit()
    seen = []

    class Small(torch.nn.Module):
        def forward(self, background, composite):
            seen.append(len(composite))
            if len(composite) > 2:
                raise torch.OutOfMemoryError("too many")
            return model(background, composite)

    loader = BatchLoader(dataset, CPU)
    options = {"batch_size": 8, "precision": "float32", "tasks": BOTH}
    found = score(Small(), loader, split.test, **options)
    expected = score(model, loader, split.test, **options)
    assert seen[:3] == [8, 4, 2]
    assert found["key"].tolist() == expected["key"].tolist()
    assert found["tp"].tolist() == expected["tp"].tolist()
