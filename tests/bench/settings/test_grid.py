import pytest
import yaml

from bench.errors import InputError
from bench.settings import grid_file
from bench.settings.cell import BASELINES
from bench.settings.grid import Grid
from bench.settings.training import Teacher, Train

SOUND = {
    "architectures": ["unet", {"name": "autoencoder", "width": 0.25}],
    "losses": ["bce", {"mask": "bce", "depth": "0.1*l1 + ssim"}],
    "seeds": [0, 1],
    "data": {"archive": "data/quick.zip", "image_size": 64},
    "train": {"epochs": 4},
}


def load(tmp_path, content):
    path = tmp_path / "asked.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return grid_file.load(path)


def test_a_mapping_is_the_grid_that_its_file_would_be(tmp_path):
    assert grid_file.as_grid(SOUND) == load(tmp_path, SOUND)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"losses": ["bce"]}, "the grid: the key 'architectures' is missing"),
        (None, "a grid is given as a bench.Grid, the path of its YAML file, or a mapping"),
    ],
)
def test_what_is_no_grid_is_one_line(given, line):
    with pytest.raises(InputError, match=f"^{line}"):
        grid_file.as_grid(given)


def changed(**sections):
    return SOUND | sections


def test_cells_are_the_whole_cross_product_with_seeds_slowest(tmp_path):
    cells = [cell for cell in load(tmp_path, SOUND).cells() if cell.loss]
    assert [(c.seed, c.architecture.label, c.loss.label) for c in cells] == [
        (0, "unet", "bce"),
        (0, "unet", "mask: bce, depth: 0.1*l1 + ssim"),
        (0, "autoencoder(width=0.25)", "bce"),
        (0, "autoencoder(width=0.25)", "mask: bce, depth: 0.1*l1 + ssim"),
        (1, "unet", "bce"),
        (1, "unet", "mask: bce, depth: 0.1*l1 + ssim"),
        (1, "autoencoder(width=0.25)", "bce"),
        (1, "autoencoder(width=0.25)", "mask: bce, depth: 0.1*l1 + ssim"),
    ]


def test_reordering_and_extending_a_grid_changes_no_id(tmp_path):
    before = {cell.id for cell in load(tmp_path, SOUND).cells()}
    reordered = dict(reversed(list(SOUND.items()))) | {
        "architectures": ["densenet", *reversed(SOUND["architectures"])],
        "losses": ["l1", *reversed(SOUND["losses"])],
        "seeds": [1, 0, 2],
    }
    after = {cell.id for cell in load(tmp_path, reordered).cells()}
    assert len(before) == len(BASELINES) + 8
    assert before < after


def test_spelling_out_a_default_changes_no_id(tmp_path):
    spelled = changed(
        data={"archive": ["data/quick.zip"], "image_size": [64, 64], "split": {"seed": 0}},
        train={"epochs": 4, "optimizer": "adamw", "batch_size": 16},
        losses=["1*bce", {"mask": "bce", "depth": "ssim + 0.1*l1"}],
    )
    ids = [[cell.id for cell in load(tmp_path, content).cells()] for content in (SOUND, spelled)]
    assert ids[0] == ids[1]


@pytest.mark.parametrize(
    "difference",
    [
        {"train": {"epochs": 5}},
        {"data": {"archive": "data/quick.zip", "image_size": [64, 96]}},
    ],
)
def test_what_changes_the_experiment_changes_every_id(tmp_path, difference):
    before = {cell.id for cell in load(tmp_path, SOUND).cells()}
    after = {cell.id for cell in load(tmp_path, changed(**difference)).cells()}
    assert len(before & after) == (len(BASELINES) if "train" in difference else 0)


def test_a_grid_survives_being_written_and_read(tmp_path):
    asked = load(tmp_path, SOUND)
    assert Grid.model_validate_json(asked.model_dump_json()) == asked


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed(trian={}), "unknown key 'trian'; did you mean 'train'?"),
        (changed(devices_per_cell=0), "devices_per_cell: input should be greater than 0, not 0"),
        (
            changed(devices_per_cell=9),
            (
                "devices_per_cell: a batch of 16 in 9 parts has fewer than 2 images in each, which "
                "BatchNorm needs; give at most 8"
            ),
        ),
        (
            changed(devices_per_cell=4, train={"epochs": 4, "accumulate": 4}),
            (
                "devices_per_cell: a batch of 16 in 16 parts has fewer than 2 images in each, "
                "which BatchNorm needs; give at most 2"
            ),
        ),
        (
            changed(devices_per_cell=2, train={"epochs": 4, "compile": "on"}),
            (
                "devices_per_cell: compile: on is for one device; take auto or off, or "
                "devices_per_cell: 1"
            ),
        ),
        (changed(train={"epoch": 4}), "unknown key 'train.epoch'; did you mean 'epochs'?"),
        (changed(train={}), "train: needs one of epochs, steps and budget, as in epochs: 4"),
        (changed(train={"epochs": 4, "steps": 9}), "train: needs one of epochs, steps and budget"),
        (
            changed(train={"epochs": 4, "optimizer": "adamm"}),
            "train.optimizer: unknown value 'adamm'; did you mean 'adam'? (choices: adamw, adam,",
        ),
        (
            changed(train={"epochs": 0}),
            "train.epochs: input should be greater than 0, not 0",
        ),
        (
            changed(train={"epochs": 4, "learning_rate": ".nan"}),
            "train.learning_rate: ",
        ),
        (
            changed(architectures=["unett"]),
            "architectures: unknown architecture 'unett'; did you mean 'unet'?",
        ),
        (
            changed(architectures=[{"name": "unet", "widht": 0.5}]),
            "architectures: 'unet' takes no option 'widht'; did you mean 'width'?",
        ),
        (
            changed(architectures=[{"width": 0.5}]),
            "architectures.0: needs a name, as in unet or {name: unet, width: 0.25}",
        ),
        (changed(architectures=[]), "architectures: is empty; give at least one"),
        (changed(losses=[]), "losses: is empty; give at least one"),
        (changed(seeds=[]), "seeds: is empty; give at least one"),
        (changed(losses=["bec"]), "losses.0.mask: unknown loss 'bec' at column 1; did you mean"),
        (changed(losses=["bce", "1*bce"]), "losses: bce is listed twice"),
        (
            changed(train={"stages": [{"epochs": 1, "losses": "bce"}]}),
            "losses: every stage has losses of its own, so that these make no difference; give one",
        ),
        (changed(seeds=[3, 3]), "seeds: 3 is listed twice"),
        (changed(data={"archive": ["a.zip"] * 3000}), "data: archive: a.zip is listed twice"),
        (
            changed(data={"archive": [{"files": ["a.zip", "b.zip"]}] * 2}),
            "data: archive: an entry is listed twice",
        ),
        (
            changed(data={"archive": {"files": ["a.zip", "b.zip", "a.zip"]}}),
            "data: archive: a.zip is listed twice",
        ),
        (changed(devices_per_cell=True), "devices_per_cell: give a whole number, not true"),
        (
            changed(data={"archive": "a.zip", "image_size": [True, 64]}),
            "data.image_size.0: give a whole number, not true",
        ),
        (changed(train={"epochs": 4.0}), "train.epochs: give a whole number, not 4.0"),
        (changed(train={"epochs": "4"}), "train.epochs: give a whole number, not '4'"),
        (
            changed(tune={"trials": True, "learning_rate": [1e-3, 1e-2]}),
            "tune.trials: give a whole number, not true",
        ),
        (
            changed(train={"epochs": 4, "compile": False}),
            (
                "train.compile: unknown value false (choices: auto, on, off); YAML reads on, yes, "
                "off and no as true and false: put them in quotes"
            ),
        ),
        (
            changed(data={"archive": [{"files": "a.zip", "mask_treshold": 3}]}),
            "unknown key 'data.archive.0.mask_treshold'; did you mean 'mask_threshold'?",
        ),
        (
            changed(data={"archive": {"files": "a.zip", "layout": {"msak": "x"}}}),
            "unknown key 'data.archive.0.layout.msak'; did you mean 'mask'?",
        ),
        (
            changed(train={"stages": [{"epochs": 1, "schedule": {"nam": "cosine"}}]}),
            "unknown key 'train.stages.0.schedule.nam'; did you mean 'name'?",
        ),
        (changed(seeds=3), "seeds: write [3] for the seed 3 alone, or [0, 1, 2] for 3 seeds"),
        (changed(seeds=-1), "seeds: give a list, as [a, b], not -1"),
        (changed(seeds=None), "seeds: give a list, as [a, b], not null"),
        (changed(losses=[3]), "losses.0: give a text or a mapping, not 3 (keys: mask, depth"),
        (changed(architectures=3), "architectures.0: needs a name, as in unet or {name: "),
        (changed(seeds=42), "seeds: write [42] for the seed 42 alone"),
        (changed(seeds="all"), "seeds: give a list, as [a, b], not 'all'"),
        (changed(losses="BCE"), "unknown loss 'BCE' at column 1; did you mean 'bce'?"),
        (changed(architectures="UNet"), "unknown architecture 'UNet'; did you mean 'unet'?"),
        (changed(Seeds=[0]), "unknown key 'Seeds'; did you mean 'seeds'?"),
        (changed(data="a.zip"), "data: give a mapping, not 'a.zip' (keys: archive, exclude, "),
        (changed(train={"epochs": "ten"}), "train.epochs: give a whole number, not 'ten'"),
        (changed(train={"epochs": 1.5}), "train.epochs: give a whole number, not 1.5"),
        (changed(train={"learning_rate": "low"}), "train.learning_rate: give a number, not 'low'"),
        (
            changed(train={"epochs": 4, "learning_rate": True}),
            "train.learning_rate: give a number, not true",
        ),
        (
            changed(train={"epochs": 4, "learning_rate": "0.001"}),
            "train.learning_rate: give a number, not '0.001'",
        ),
        (changed(train={"flip": 2}), "train.flip: give true or false, not 2"),
        (changed(metrics=[1]), "metrics.0: give a text, not 1"),
        (changed(seeds=[-1]), "seeds.0: a seed is a whole number from 0 to 2^64 - 1, not -1"),
        (changed(seeds=[2**64]), "seeds.0: a seed is a whole number from 0 to 2^64 - 1, not 18446"),
        (
            changed(seeds=list(range(2501))),
            "asks for 10,004 trainings; a grid has at most 10,000",
        ),
        (
            changed(tune={"trials": 10**18, "learning_rate": [1e-3, 1e-2]}),
            "asks for 4,000,000,000,000,000,008 trainings; a grid has at most 10,000",
        ),
        (changed(architectures="smp:*"), "networks; a grid has at most 2,000"),
        (changed(architectures="~nosuchuser/x.py:f"), "there is no file ~nosuchuser/x.py (looked"),
        (changed(architectures=f"{'n' * 300}.py:f"), "there is no file nnn"),
        (
            changed(architectures={"name": "unet", "tasks": [["mask"]]}),
            "tasks=[['mask']]: there is no task ['mask']; give one or both of",
        ),
        (
            changed(architectures={"name": "densenet", "encoder_weights": "n" * 300}),
            "is neither 'imagenet', 'none' nor an existing file",
        ),
        (changed(losses="b\nc"), "losses.0.mask: syntax error at column 3"),
        (changed(trian={"a": "b" * 900}), "unknown key 'trian'; did you mean 'train'?"),
        (changed(seeds=["b" * 900]), f"not '{'b' * 45}"),
        (
            changed(
                data={
                    "archive": "a.zip",
                    "split": {"method": "sklearn_train_test_split", "seed": 2**32},
                }
            ),
            "sklearn_train_test_split takes seeds from 0 to 2^32 - 1, not 4294967296",
        ),
        (
            changed(data={"archive": "a.zip", "split": {"train": 0.9}}),
            "not 0.9 + 0.1 + 0.3 = 1.3; where it is not given, val is 0.1 and test is 0.3",
        ),
        (
            changed(data={"archive": "a.zip", "split": {"train": 0.7, "val": 0, "test": 0.3}}),
            "data.split.val: input should be greater than 0, not 0",
        ),
        (
            changed(data={"archive": "a.zip", "image_size": 16}),
            "data.image_size.0: input should be greater than or equal to 32, not 16",
        ),
        (changed(data={}), "the key 'data.archive' is missing"),
        ({}, "the key 'architectures' is missing"),
        ("- a\n- b\n", "a grid is a mapping with the keys architectures, losses, seeds, data"),
        ("seeds: [0\n", "not valid YAML"),
        ("seeds: [0]\nseeds: [1]\n", "the key 'seeds' is listed twice"),
        ('losses: ["\\ud800"]\n', "not valid YAML: '\\ud800' holds half a character in "),
        ('"\\udfff": 1\n', "not valid YAML: '\\udfff' holds half a character in "),
    ],
)
def test_a_mistake_is_one_line_that_names_file_and_key(tmp_path, content, message):
    with pytest.raises(InputError) as error:
        load(tmp_path, content)
    text = str(error.value)
    assert text.startswith(f"{tmp_path / 'asked.yaml'}: ")
    assert message in text
    assert "\n" not in text


def test_a_missing_grid_file_is_named(tmp_path):
    with pytest.raises(InputError, match="no such grid file"):
        grid_file.load(tmp_path / "nowhere.yaml")


def test_every_grid_that_is_shipped_is_valid(repository):
    paths = sorted((repository / "grids").rglob("*.yaml"))
    assert len(paths) >= 3
    for path in paths:
        grid_file.load(path)


def test_a_grid_tried_out_keeps_its_stages_and_makes_an_epoch_of_each(repository):
    question = grid_file.load(repository / "grids/reference/upproj_teacher.yaml").smoke_test(200)
    assert question.data.limit == 200
    assert [(r.epochs, r.image_size) for r in question.train.recipes()] == [
        (1, (32, 32)),
        (1, (64, 64)),
    ]
    assert question.train.teacher.epochs == 1
    assert question.train.teacher.batch_size == 8
    assert Grid.model_validate(question.model_dump(mode="json")) == question
    quick = grid_file.load(repository / "grids/quick.yaml").smoke_test(50)
    assert quick.train.epochs == 1
    assert quick.train.stages == ()


def test_a_single_value_stands_for_a_list_of_one(tmp_path):
    asked = changed(architectures="unet", losses="bce", metrics="dice")
    asked["train"] = {**asked["train"], "freeze": "body"}
    grid = load(tmp_path, asked)
    assert [architecture.name for architecture in grid.architectures] == ["unet"]
    assert [loss.mask for loss in grid.losses] == ["bce"]
    assert (grid.metrics, grid.train.freeze) == (("dice",), ("body",))


def test_options_that_python_takes_for_equal_are_different_networks(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def mine(*, x=None):\n    return None\n")
    networks = [{"name": f"{path}:mine", "x": x} for x in (1, 1.0, True)]
    grid = load(tmp_path, changed(architectures=networks))
    assert len({cell.id for cell in grid.cells() if cell.loss and cell.seed == 0}) == 3 * 2


def test_a_seed_is_a_whole_number(tmp_path):
    for seed in (True, 1.5, 2**64):
        with pytest.raises(InputError, match=r"asked\.yaml: seeds\.0: a seed is a whole number"):
            load(tmp_path, changed(seeds=[seed]))


def test_a_recipe_cut_to_some_steps_keeps_all_but_its_length(repository):
    train = grid_file.load(repository / "grids/reference/upproj_teacher.yaml").train
    short = train.with_steps(20)
    length = {"steps", "epochs", "budget", "schedule"}
    for recipe, whole in zip(short.recipes(), train.recipes(), strict=True):
        assert recipe.model_dump(exclude=length) == whole.model_dump(exclude=length)
        assert (recipe.steps, recipe.epochs, recipe.budget) == (20, None, None)
    assert (short.teacher.steps, short.teacher.epochs) == (20, None)
    assert short.teacher.architecture == train.teacher.architecture


def test_a_one_cycle_has_just_begun_after_the_steps_that_a_recipe_is_cut_to():
    train = Train(stages=[{"epochs": 3}, {"epochs": 3, "schedule": "constant"}]).with_steps(20)
    assert [recipe.schedule.epochs for recipe in train.recipes()] == [20, None]


def test_a_teacher_whose_weights_are_given_is_not_trained_for_some_steps():
    given = Teacher(architecture={"name": "unet", "inputs": "composite"}, weights="t.safetensors")
    train = Train(epochs=1, teacher=given)
    assert train.with_steps(20).teacher == given
