"""What is said of a name that there is not; three packages say it in these words."""

import pytest

from user_code.names import did_you_mean, suggestion


@pytest.mark.parametrize(
    ("wrong", "choices", "end"),
    [
        ("unett", ["unet", "densenet"], "; did you mean 'unet'? (choices: unet, densenet)"),
        ("UNET", ["unet"], "; did you mean 'unet'? (choices: unet)"),
        ("iou", ["IoU"], "; did you mean 'IoU'? (choices: IoU)"),
        ("xyz", ["unet", "densenet"], " (choices: unet, densenet)"),
        ("", ["unet"], " (choices: unet)"),
        ("unet", [], "; there are none"),
    ],
)
def test_the_nearest_name_is_suggested_if_one_is_near_and_all_are_listed(wrong, choices, end):
    assert suggestion(wrong, iter(choices)) == end


def test_the_nearest_name_alone_where_the_choices_are_too_many_to_list():
    assert did_you_mean("resnet43", ["resnet34", "vgg16"]) == "; did you mean 'resnet34'?"
    assert not did_you_mean("xyz", ["resnet34", "vgg16"])
    assert not did_you_mean("xyz", [])
