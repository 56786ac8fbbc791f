"""What an expression means, how it prints, and what it says when it means nothing."""

import pickle

import pytest
import torch

import losses

CHOICES = f"(choices: {', '.join([*losses.names(), 'path/to/file.py:NAME'])})"
WRITE = "; write for example '2*bce + 0.5*ssim(window=7)'"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("bce", "bce"),
        (" bce ", "bce"),
        ("bce()", "bce"),
        ("(((bce)))", "bce"),
        ("1*bce", "bce"),
        ("1.0 * bce", "bce"),
        ("2.0*bce", "2*bce"),
        ("bce*2", "2*bce"),
        ("bce + bce", "2*bce"),
        ("ssim+bce", "bce + ssim"),
        ("l1 + 0.50*ssim + bce", "bce + l1 + 0.5*ssim"),
        ("2*(bce + 0.1*l1)", "2*bce + 0.2*l1"),
        ("(bce + 0.1*l1)*2 + l1", "2*bce + 1.2*l1"),
        # In floats 3*0.1 is 0.30000000000000004, and so is 0.1 + 0.2.
        ("3*(0.1*l1)", "0.3*l1"),
        ("0.1*l1 + 0.2*l1", "0.3*l1"),
        ("1e-7*l1", "1e-07*l1"),
        ("1e30*l1", "1e+30*l1"),
        ("ssim(window=11)", "ssim"),
        ("ssim(window = 7)", "ssim(window=7)"),
        ("ssim(window=7) + ssim + ssim(window=5)", "ssim + ssim(window=5) + ssim(window=7)"),
        ("ssim(window=7) + ssim(window=7)", "2*ssim(window=7)"),
        ("focal(gamma=3, alpha=0.5)", "focal(alpha=0.5, gamma=3)"),
        ("focal(gamma=3.0)", "focal(gamma=3)"),
        ("focal(gamma=2, alpha=0.25)", "focal"),
        ("bce\n + ssim\r\n", "bce + ssim"),
    ],
)
def test_spellings_of_one_objective_print_the_same(text, canonical):
    objective = losses.parse(text)
    assert str(objective) == canonical
    assert objective == losses.parse(canonical)
    assert hash(objective) == hash(losses.parse(canonical))


def test_different_objectives_differ():
    texts = ["bce", "2*bce", "ssim", "ssim(window=7)", "bce + ssim"]
    assert len({losses.parse(text) for text in texts}) == len(texts)


def test_terms_are_what_was_asked_for():
    assert losses.parse("0.1*l1 + ssim(window=7)").terms == (
        losses.Term(0.1, "l1"),
        losses.Term(1.0, "ssim", (("window", 7),)),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"empty loss expression{WRITE}"),
        ("  ", f"empty loss expression{WRITE}"),
        ("bec", f"unknown loss 'bec' at column 1; did you mean 'bce'? {CHOICES}"),
        ("  bce + 2*sim", f"unknown loss 'sim' at column 11; did you mean 'ssim'? {CHOICES}"),
        ("bce + bec(window=3)", f"unknown loss 'bec' at column 7; did you mean 'bce'? {CHOICES}"),
        ("bce +\nbec", f"unknown loss 'bec' at column 7; did you mean 'bce'? {CHOICES}"),
        ("ä + bec", f"unknown loss 'ä' at column 1 {CHOICES}"),
        (
            "ssim(windw=3)",
            "ssim has no option 'windw' at column 6; did you mean 'window'? (choices: window)",
        ),
        ("l1(window=3)", "l1 has no option 'window' at column 4; there are none"),
        ("ssim(**x)", "ssim has no option '**' at column 6 (choices: window)"),
        ("ssim(11)", "option without a name at column 6; write name=value (choices: window)"),
        ("l1(11)", "l1 takes no options at column 4"),
        ("ssim(window=3, window=5)", "window given twice at column 16; give each option once"),
        (
            "ssim(window=4)",
            "ssim does not take window=4 at column 6; window is an odd number from 3",
        ),
        (
            "ssim(window=-3)",
            "ssim does not take window=-3 at column 6; window is an odd number from 3",
        ),
        (
            "ssim(window=7.0)",
            "ssim does not take window=7.0 at column 6; window is an odd number from 3",
        ),
        (
            "ssim(window=True)",
            "ssim does not take window=True at column 6; window is an odd number from 3",
        ),
        (
            "ssim(window='7')",
            "ssim does not take window='7' at column 6; window is an odd number from 3",
        ),
        (
            "ssim(window=l1)",
            "ssim does not take window=l1 at column 6; window is an odd number from 3",
        ),
        (
            "bce + focal(gamma=0.5)",
            "focal does not take gamma=0.5 at column 13; gamma is a number from 1",
        ),
        (
            "focal(gamma=1e999)",
            "focal does not take gamma=1e999 at column 7; gamma is a number from 1",
        ),
        (
            "silog(variance_focus=2)",
            (
                "silog does not take variance_focus=2 at column 7; "
                "variance_focus is a number from 0 to 1"
            ),
        ),
        ("bce - 0.1*l1", "negative weight at column 7; it would reward error"),
        ("-bce", "negative weight at column 1; it would reward error"),
        ("l1 + -2*bce", "negative weight at column 6; it would reward error"),
        ("l1 + bce*-2", "negative weight at column 10; it would reward error"),
        ("l1 + 0*bce", "weight 0 at column 6; leave the term out"),
        ("0.0*(bce + l1)", "weight 0 at column 1; leave the term out"),
        ("1e999*bce", "infinite weight at column 1; a weight is a finite number"),
        ("True*bce", "True is no weight at column 1; a weight is a number"),
        ("2j*bce", "2j is no weight at column 1; a weight is a number"),
        ("'2'*bce", "'2' is no weight at column 1; a weight is a number"),
        ("1e300*(1e300*bce)", "the weight of 'bce' is too large or too small for a float"),
        ("1e-300*(1e-300*bce)", "the weight of 'bce' is too large or too small for a float"),
        ("2", f"2 is no loss at column 1{WRITE}"),
        ("bce + 2", f"2 is no loss at column 7{WRITE}"),
        ("2*3", f"3 is no loss at column 3{WRITE}"),
        ("'bce'", f"'bce' is no loss at column 1{WRITE}"),
        ("bce*ssim", f"a product without a plain number at column 1{WRITE}"),
        ("2*3*bce", f"a product without a plain number at column 1{WRITE}"),
        ("l1 + bce ** 2", f"'bce ** 2' is no sum of losses at column 6{WRITE}"),
        ("bce / 2", f"'bce / 2' is no sum of losses at column 1{WRITE}"),
        ("+bce", f"'+bce' is no sum of losses at column 1{WRITE}"),
        ("bce, l1", f"'bce, l1' is no sum of losses at column 1{WRITE}"),
        ("[bce]", f"'[bce]' is no sum of losses at column 1{WRITE}"),
        ("losses.bce", f"'losses.bce' is no sum of losses at column 1{WRITE}"),
        ("bce # + ssim", f"'#' at column 5{WRITE}"),
    ],
)
def test_error_says_where_and_what_would_be_right(text, message):
    with pytest.raises(losses.LossError) as caught:
        losses.parse(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("bce +", 6),
        ("  bce +", 8),
        ("(bce", 1),
        ("bce)", 4),
        ("bce ssim", 5),
    ],
)
def test_syntax_error_names_its_column(text, column):
    # What Python calls the error changes from version to version.
    with pytest.raises(losses.LossError, match=rf"^syntax error at column {column}: .+; write for"):
        losses.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 900,
        "(" * 400 + "bce" + ")" * 400,
        "-" * 900 + "bce",
        "bce(" * 200,
        "2*" * 400,
        "bce\0",
        f"1{'0' * 400}*bce",
        f"ssim(window=1{'0' * 400}1)",
        f"focal(gamma=1{'0' * 400})",
        "ssim(window={[]: 1})",
    ],
)
def test_hostile_text_is_an_error_of_one_line(text):
    with pytest.raises(losses.LossError) as caught:
        losses.parse(text)
    assert "\n" not in str(caught.value)


def test_a_long_sum_is_read():
    assert str(losses.parse(" + ".join(["l1"] * 200))) == "200*l1"


def test_absurdly_long_text_is_refused():
    with pytest.raises(losses.LossError, match="5003 characters; at most 1000 are read"):
        losses.parse("bce" + " " * 5000)


def test_objective_is_the_weighted_sum_of_its_terms():
    # l1 = 0.3, mse = 0.09: 2*0.3 + 10*0.09.
    logits, target = torch.full((2, 1, 4, 4), 0.7).logit(), torch.full((2, 1, 4, 4), 0.4)
    objective = losses.parse("2*l1 + 10*mse")
    assert objective(logits, target).tolist() == pytest.approx([1.5, 1.5], abs=1e-6)


def test_each_term_is_told_without_its_weight():
    logits, target = torch.full((2, 1, 4, 4), 0.7).logit(), torch.full((2, 1, 4, 4), 0.4)
    objective = losses.parse("2*l1 + 10*mse + 3*ssim(window=3)")
    values = objective.term_values(logits, target)
    assert list(values) == ["l1", "mse", "ssim(window=3)"]
    assert values["l1"].tolist() == pytest.approx([0.3, 0.3], abs=1e-6)
    assert values["mse"].tolist() == pytest.approx([0.09, 0.09], abs=1e-6)
    assert objective.weighted_sum(values).equal(objective(logits, target))


def test_invalid_pixels_reach_the_terms():
    logits, target = torch.zeros(1, 1, 1, 2), torch.tensor([[[[0.5, 1.0]]]])
    valid = torch.tensor([[[[1, 0]]]])
    assert losses.parse("l1 + mse")(logits, target, valid).item() == 0


def test_options_reach_the_loss():
    # |p - t| = 0.3 for hard foreground: 0.5 * 0.3 * -ln 0.7.
    logits, target = torch.full((1, 1, 1, 1), 0.7).logit(), torch.ones(1, 1, 1, 1)
    value = losses.parse("focal(alpha=0.5, gamma=1)")(logits, target)
    assert value.item() == pytest.approx(0.15 * 0.356675, abs=1e-6)


def test_a_used_objective_pickles():
    objective = losses.parse("bce + 0.5*ssim(window=7)")
    objective(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8))
    assert pickle.loads(pickle.dumps(objective)) == objective  # noqa: S301 - our own pickle
