"""What can be asked for? Networks, losses, data, recipes: each a frozen group of settings."""

from bench.settings.base import Settings
from bench.settings.budget import Budget
from bench.settings.data import Data, DepthCoding, ImageSize, Patterns, Source, Split
from bench.settings.losses import Balance, LossPair
from bench.settings.networks import Architecture, check
from bench.settings.recipe import Recipe
from bench.settings.schedule import Schedule
from bench.settings.training import Teacher, Train
from bench.settings.tuning import Tune

__all__ = [
    "Architecture",
    "Balance",
    "Budget",
    "Data",
    "DepthCoding",
    "ImageSize",
    "LossPair",
    "Patterns",
    "Recipe",
    "Schedule",
    "Settings",
    "Source",
    "Split",
    "Teacher",
    "Train",
    "Tune",
    "check",
]
