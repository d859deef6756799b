"""What optimizers, schedules and losses answer to torch's and Keras's names, and to mistakes.

Layers do the same: ``test_layer_names``.
"""

import dataclasses
import inspect
import math

import numpy as np
import pytest

import cnnbp
from claims import assert_refused
from cnnbp import losses, optim
from cnnbp.layers import Conv2d, Linear, ReLU
from cnnbp.losses import MSE, BCEWithLogits, CrossEntropy, Hinge
from cnnbp.names import OtherNames
from cnnbp.optim import SGD, Adam, Lion, RMSprop, schedules
from cnnbp.optim.schedules import (
    CosineAnnealingLR,
    LambdaLR,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)


def public(module, base):
    kinds = [getattr(module, name) for name in module.__all__]
    return [k for k in kinds if isinstance(k, type) and issubclass(k, base) and k is not base]


RULES = public(optim, optim.Optimizer)
SCHEDULES = public(schedules, schedules.LRSchedule)
LOSSES = public(losses, losses.Loss)
every_kind = pytest.mark.parametrize("kind", [*RULES, *SCHEDULES, *LOSSES])


def parameters():
    """What `torch.nn.Module.parameters` gives."""
    yield from np.zeros((2, 3))


@pytest.mark.parametrize(
    ("make", "answer"),
    [
        (
            lambda: SGD([np.zeros(3), np.ones(3)], lr=0.1, momentum=0.9),
            "SGD takes no params: a network gives its optimizer the parameters. Instead of "
            "SGD([array([0., 0., 0.]), array([1., 1., 1.])], lr=0.1, momentum=0.9) write "
            "SGD(lr=0.1, momentum=0.9)",
        ),
        (lambda: SGD(parameters(), 0.1), "Instead of SGD(…, 0.1) write SGD(0.1)"),
        (lambda: Adam(parameters()), "Instead of Adam(…) write Adam()"),
        (
            lambda: Adam(params=[1], lr=0.1),
            "Instead of Adam(params=[1], lr=0.1) write Adam(lr=0.1)",
        ),
        (lambda: SGD(lr=0.1, dampening=0, foreach=True), "foreach=True) write SGD(lr=0.1)"),
        (lambda: Adam(1e-3, amsgrad=False), "amsgrad=False) write Adam(0.001)"),
        (
            lambda: Adam(learning_rate=0.1, epsilon=1e-7),
            "Adam takes no learning_rate and no epsilon: learning_rate is lr here; epsilon is eps "
            "here. Instead of Adam(learning_rate=0.1, epsilon=1e-07) write Adam(lr=0.1, eps=1e-07)",
        ),
        (lambda: RMSprop(rho=0.9), "Instead of RMSprop(rho=0.9) write RMSprop(alpha=0.9)"),
        (lambda: SGD(global_clipnorm=1.0), "write SGD(clip_norm=1.0)"),
        (lambda: dataclasses.replace(Adam(), learning_rate=1), "Adam takes no learning_rate"),
        (lambda: CosineAnnealingLR(T_max=3), "(T_max=3) write CosineAnnealingLR(t_max=3)"),
        (
            lambda: StepLR(SGD(lr=0.01), 3),
            "StepLR takes no optimizer: fit is given the schedule, and has the optimizer's rate. "
            "Instead of StepLR(SGD(lr=0.01), 3) write StepLR(3)",
        ),
        (lambda: StepLR(SGD(0.1), step_size=3), "step_size=3) write StepLR(step_size=3)"),
        (
            lambda: CosineAnnealingLR(optimizer=SGD(0.1), T_max=3, last_epoch=-1),
            "last_epoch=-1) write CosineAnnealingLR(t_max=3)",
        ),
        (
            lambda: SequentialLR(SGD(0.1), schedulers=[StepLR(1)], milestones=[]),
            "schedulers is schedules here",
        ),
        (lambda: ReduceLROnPlateau(mode="min"), "write ReduceLROnPlateau()"),
        (
            lambda: CrossEntropy(weight=[1, 2]),
            "CrossEntropy takes no weight: weight is class_weights here. Instead of "
            "CrossEntropy(weight=[1, 2]) write CrossEntropy(class_weights=[1, 2])",
        ),
        (lambda: CrossEntropy([1, 2]), "([1, 2]) write CrossEntropy(class_weights=[1, 2])"),
        (lambda: CrossEntropy(reduction="mean"), "write CrossEntropy()"),
        (
            lambda: BCEWithLogits(from_logits=True, pos_weight=[3]),
            "the outputs are logits. Instead of BCEWithLogits(from_logits=True, pos_weight=[3]) "
            "write BCEWithLogits(pos_weight=[3])",
        ),
        (lambda: Hinge(p=1, margin=0.5), "write Hinge(margin=0.5)"),
    ],
)
def test_another_librarys_call_is_answered_with_the_one_to_write(make, answer):
    with pytest.raises(TypeError) as refused:
        make()
    assert answer in str(refused.value)


@pytest.mark.parametrize(
    ("make", "answer"),
    [
        (
            lambda: Adam(beta_1=0.8),
            "Adam takes no beta_1: betas is the pair (beta_1, beta_2); it takes lr, betas, eps, "
            "weight_decay, clip_norm, clip_value, ema_decay, lr_scales, got beta_1=0.8",
        ),
        (lambda: SGD(dampening=0.1), "velocity whole; it takes lr, momentum"),
        (lambda: Adam(amsgrad=True), "got amsgrad=True"),
        (lambda: Lion(epsilon=1e-7), "Lion takes no epsilon; it takes lr, betas"),
        (lambda: SGD(lr=0.1, learning_rate=0.2), "learning_rate is lr here; it takes lr,"),
        (lambda: SGD(0.1, learning_rate=0.2), "learning_rate is lr here; it takes lr,"),
        (lambda: SGD(0.1, lr=0.2), "SGD got lr by place and by name"),
        (lambda: SGD([1], momentun=0.9), "SGD takes no params and no momentun: a network gives"),
        (
            lambda: OneCycleLR(0.1, epochs=5, steps_per_epoch=40),
            "total_steps is epochs * steps_per_epoch; it takes max_lr, total_steps,",
        ),
        (  # in torch "min" comes second
            lambda: ReduceLROnPlateau(SGD(0.1), "min", 0.5),
            "fit is given the schedule, and has the optimizer's rate; it takes factor, patience,",
        ),
        (
            lambda: BCEWithLogits(weight=[1, 2]),
            "BCEWithLogits takes no weight: what samples weigh is given with them, as "
            "sample_weight; it takes pos_weight, got weight=[1, 2]",
        ),
        (
            lambda: MSE(reduction="mean"),
            "MSE takes no reduction: it is a sum over outputs, and the mean over samples; it takes "
            "no arguments, got reduction='mean'",
        ),
        (lambda: CrossEntropy(reduction="sum"), "it is the mean over samples; it takes label_smoo"),
    ],
)
def test_what_would_make_a_difference_is_not_advised_away(make, answer):
    with pytest.raises(TypeError) as refused:
        make()
    assert answer in str(refused.value)
    assert "Instead of" not in str(refused.value)


def test_values_of_ones_own_come_first_as_before():
    """Lists that are meant are taken; text and arrays are refused by our argument's name."""
    assert BCEWithLogits([1, 2]) == BCEWithLogits(pos_weight=[1, 2])
    assert_refused(lambda: SGD("0.1"), ("lr must be a number",))
    assert_refused(lambda: SGD(np.ones(1)), ("lr must be a number",))
    assert_refused(lambda: CrossEntropy("0.1"), ("label_smoothing must be a number",))
    assert_refused(lambda: StepLR(0.5), ("step_size must be an integer",))


def test_factors_may_be_tensors():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install '.[bench]')")
    factors = torch.tensor([1.0, 2.0])
    assert CrossEntropy(class_weights=factors) == CrossEntropy(class_weights=[1, 2])
    assert BCEWithLogits(factors) == BCEWithLogits([1, 2])
    assert_refused(lambda: CrossEntropy(weight=factors), ("write CrossEntropy(class_weights=tens",))


@every_kind
def test_every_class_answers_a_name_that_it_does_not_have(kind):
    takes = ", ".join(inspect.signature(kind).parameters) or "no arguments"
    with pytest.raises(TypeError) as refused:
        kind(colour="red")
    answer = f"{kind.__name__} takes no colour; it takes {takes}, got colour='red'"
    assert str(refused.value) == answer


@every_kind
def test_type_checkers_see_what_arguments_there_are(kind):
    names = list(inspect.signature(kind).parameters)
    assert sorted(names) == sorted(field.name for field in dataclasses.fields(kind))


def torchs_arguments():
    """Arguments of torch's classes that ours of that name do not have."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install '.[bench]')")
    losses_of_torch = {
        kind: getattr(torch.nn, "MultiMarginLoss" if kind is Hinge else f"{kind.__name__}Loss")
        for kind in LOSSES
    }
    rules = {kind: getattr(torch.optim, kind.__name__) for kind in RULES if kind is not Lion}
    scheduler = torch.optim.lr_scheduler
    for ours, theirs in {
        **losses_of_torch,
        **rules,
        **{kind: getattr(scheduler, kind.__name__) for kind in SCHEDULES},
    }.items():
        names = inspect.signature(ours).parameters
        for name, parameter in inspect.signature(theirs).parameters.items():
            if name not in names:
                yield ours, name, parameter.default


#: Something of the right type, for what has no default.
NEEDED = {
    StepLR: {"step_size": 3},
    schedules.MultiStepLR: {"milestones": [3]},
    schedules.ExponentialLR: {"gamma": 0.9},
    CosineAnnealingLR: {"t_max": 3},
    OneCycleLR: {"max_lr": 0.1, "total_steps": 30},
    LambdaLR: {"lr_lambda": math.sqrt},
    SequentialLR: {"schedules": [StepLR(1)], "milestones": []},
}
#: Where torch's default is not what is computed here: all of these say so.
OTHERWISE = {"reduction", "cycle_momentum", "base_momentum", "max_momentum", "weight"}


def test_every_argument_that_torchs_classes_take_is_answered_with_more_than_that_there_is_none():
    for ours, name, default in torchs_arguments():
        with pytest.raises(TypeError) as refused:
            ours(**{**NEEDED.get(ours, {}), name: default})
        told = str(refused.value)
        assert told.startswith(f"{ours.__name__} takes no {name}: "), told
        needed = {"T_max", "schedulers", "epochs", "steps_per_epoch", "reduce", "size_average"}
        if name not in OTHERWISE | needed:
            assert "Instead of" in told, told


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({"optimizer": "adam"}, "got 'adam'; write cnnbp.optim.Adam()"),
        ({"optimizer": "RMSProp"}, "got 'RMSProp'; write cnnbp.optim.RMSprop()"),
        ({"optimizer": "adadelta"}, "got 'adadelta'"),
        ({"optimizer": Adam}, "cnnbp.optim, got the class Adam; write Adam()"),
        ({"optimizer": int}, "got <class 'int'>"),
        ({"loss": CrossEntropy}, "cnnbp.losses, got the class CrossEntropy; write CrossEntropy()"),
    ],
)
def test_names_and_classes_in_place_of_rules_and_losses_are_answered_with_a_call(given, answer):
    with pytest.raises(TypeError) as refused:
        cnnbp.Network([Linear(2)], input_shape=(1, 2, 2), **given)
    assert str(refused.value).endswith(answer)


@pytest.mark.parametrize(
    ("layer", "answer"),
    [
        (ReLU, "layers[1] must be a layer of cnnbp.layers, got the class ReLU; write ReLU()"),
        (Conv2d, "got the class Conv2d; write Conv2d(out_channels, kernel_size)"),
    ],
)
def test_classes_in_place_of_layers_are_answered_with_a_call(layer, answer):
    with pytest.raises(TypeError) as refused:
        cnnbp.Network([Linear(2), layer], input_shape=(1, 2, 2))
    assert str(refused.value).endswith(answer)


@pytest.mark.parametrize(
    ("schedule", "answer"),
    [
        (lambda epoch: 0.1, "got a function; write LambdaLR(function), which takes its values as "),
        (StepLR, "cnnbp.optim.schedules, got the class StepLR; write StepLR(step_size)"),
        (0.1, "cnnbp.optim.schedules, got 0.1"),
    ],
)
def test_functions_and_classes_in_place_of_schedules_are_answered(schedule, answer):
    net = cnnbp.Network([Linear(2)], input_shape=(1, 2, 2))
    x, y = np.zeros((2, 1, 2, 2)), [0, 1]
    with pytest.raises(TypeError) as refused:
        net.fit(x, y, schedule=schedule, progress=False)
    assert answer in str(refused.value)


def test_a_class_that_takes_any_name_is_left_as_it_is():
    class Open:
        def __init__(self, **named):
            self.named = named

    assert OtherNames().answered(Open) is Open
    assert Open(colour="red").named == {"colour": "red"}
