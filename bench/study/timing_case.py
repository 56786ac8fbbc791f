"""What is measured of a network's speed, and how it is run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bench.settings import Architecture, Data, ImageSize, LossPair, Recipe, identity
from bench.study.record import Frozen

VariantName = Literal["channels_last", "float32", "bf16", "compiled", "cuda_graph"]
AS_TRAINED: VariantName = "channels_last"  # the one that `bench run` trains and reports
INFERENCE, LATENCY, END_TO_END = "inference", "latency", "end to end"


class TimedTraining(Frozen):
    """A training whose step is timed, as it was carried out.

    Attributes:
        loss: of the cell.
        compiled, cuda_graphs, accumulation_steps, checkpointing: see
            `bench.study.record.Execution`.
    """

    loss: LossPair
    compiled: bool = False
    cuda_graphs: bool = False
    accumulation_steps: int = 1
    checkpointing: bool = False


class TimingCase(Frozen):
    """What is measured: one network, one way of running it.

    Attributes:
        trainings: whose steps are timed, at least one; the first one's FLOPs are counted.
        recipe: of these; the batch size and the precision of every figure.
        image_size: (height, width) in pixels, but for a training whose recipe has its own.
        teacher: judges the network's masks, where the training has one.
        data: from where images come end to end; None where that is not measured.
    """

    architecture: Architecture
    trainings: tuple[TimedTraining, ...] = Field(min_length=1)
    recipe: Recipe
    image_size: ImageSize
    variant: VariantName = AS_TRAINED
    teacher: Architecture | None = None
    data: Data | None = None

    @property
    def id(self) -> str:
        """The hash of the settings without any path, see `bench.settings.identity`."""
        content = self.model_dump(
            mode="json", include={"image_size", "variant"}, exclude_defaults=True
        )
        content["architecture"] = identity.of_architecture(self.architecture)
        content["trainings"] = [
            {
                **training.model_dump(mode="json", exclude={"loss"}, exclude_defaults=True),
                "loss": identity.of_loss(training.loss),
            }
            for training in self.trainings
        ]
        content["recipe"] = self.recipe.model_dump(
            mode="json", exclude={"losses"}, exclude_defaults=True
        )
        if self.recipe.losses is not None:
            content["losses"] = identity.of_loss(self.recipe.losses)
        if self.teacher is not None:
            content["teacher"] = identity.of_architecture(self.teacher)
        if self.data is not None:
            content["data"] = identity.of_data(self.data)
        return identity.digest(content)

    @property
    def label(self) -> str:
        """The network and, where it is not run as trained, how."""
        suffix = "" if self.variant == AS_TRAINED else f" [{self.variant}]"
        return f"{self.architecture.label}{suffix}"

    def name_of(self, figure: str) -> str:
        """Return a figure's name for readers."""
        for training in self.trainings:
            if figure == training_figure(training.loss):
                several = len(self.trainings) > 1
                return f"training with {training.loss.label}" if several else "training"
        return figure

    @property
    def precision(self) -> str:
        """The number format of this variant."""
        return self.variant if self.variant in ("bf16", "float32") else self.recipe.precision


def training_figure(loss: LossPair) -> str:
    """Return the name of the figure that is the training step with a loss."""
    return f"training {identity.digest(identity.of_loss(loss))}"
