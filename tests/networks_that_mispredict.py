"""Networks whose weights and predictions are not what they should be."""

import torch
from planting import COMPLETE, Faults
from torch import nn

FAULTS = Faults()
faulty = FAULTS.network


def each(prediction, change):
    mask_logits, depth_logits = change(prediction.mask_logits), change(prediction.depth_logits)
    return prediction._replace(mask_logits=mask_logits, depth_logits=depth_logits)


@FAULTS.plant(ends="nan")
def learns_what_is_no_number(network):
    with torch.no_grad():
        network.layers[0].weight.fill_(float("nan"))


@FAULTS.plant("state_dict")
def loses_its_numbers_when_it_is_kept(network):
    learns_what_is_no_number(network)


@FAULTS.plant("output", "")
def predicts_nothing(network, prediction):
    return None


@FAULTS.plant("output", "")
def predicts_a_text(network, prediction):
    return "a mask"


@FAULTS.plant("output", "")
def predicts_a_generator(network, prediction):
    return (logits for logits in prediction)


@FAULTS.plant("output", COMPLETE)
def predicts_no_mask(network, prediction):
    return prediction._replace(mask_logits=None)


@FAULTS.plant("output", "")
def predicts_another_size(network, prediction):
    return prediction._replace(mask_logits=prediction.mask_logits[..., :7])


@FAULTS.plant("output", "")
def predicts_fewer_images(network, prediction):
    return prediction._replace(depth_logits=prediction.depth_logits[:1])


@FAULTS.plant("output", "")
def predicts_on_another_device(network, prediction):
    return prediction._replace(mask_logits=prediction.mask_logits.to("meta"))


@FAULTS.plant("output")
def predicts_float64(network, prediction):
    return each(prediction, torch.Tensor.double)


@FAULTS.plant("output", "")
def predicts_integers(network, prediction):
    return each(prediction, torch.Tensor.long)


@FAULTS.plant("output", "")
def predicts_complex_numbers(network, prediction):
    return each(prediction, lambda logits: logits.to(torch.complex64))


@FAULTS.plant("output", "")
def predicts_without_gradients(network, prediction):
    return each(prediction, torch.Tensor.detach)


@FAULTS.plant("output")
def predicts_in_another_order_of_memory(network, prediction):
    return each(prediction, lambda logits: logits.mT.contiguous().mT)


@FAULTS.plant("output")
def predicts_one_pixel_everywhere(network, prediction):
    return each(prediction, lambda logits: logits[..., :1, :1].expand_as(logits))


@FAULTS.plant("output")
def predicts_huge_numbers(network, prediction):
    return each(prediction, lambda logits: logits * 1e38)


@FAULTS.plant("output", "")
def predicts_more_than_there_is_memory(network, prediction):
    return prediction._replace(mask_logits=prediction.mask_logits.new_zeros(2**50))


@FAULTS.plant()
def has_no_weights(network):
    network.layers = nn.Identity()


@FAULTS.plant("state_dict")
def gains_a_weight_when_it_is_kept(network):
    network.late = nn.Parameter(torch.ones(3))


@FAULTS.plant("init", "cannot be copied")
def cannot_be_moved_or_copied(network):
    def fail(*arguments, **options):
        raise TypeError("cannot be copied")

    network.__dict__.update(to=fail, __deepcopy__=fail)


@FAULTS.plant("init", "")
def has_no_list_of_weights(network):
    network.__dict__["named_parameters"] = network.__dict__["parameters"] = None
