"""Remove BatchNorm from networks, and check that two networks match except for it."""

from collections.abc import Iterable
from functools import partial

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmct.messages import require

from .no_norm import GRANULARITIES, NoNorm, NoNormAct, calibrate
from .weight_standardisation import StandardisedClassifier, are_standardised

INITS = ('identity', 'fold', 'calibrate')
# BatchNorm layers of timm that end with a dropout and an activation.
_WITH_ACT = ('BatchNormAct2d', 'SyncBatchNormAct')


def remove_batch_norm(
    model: nn.Module,
    init: str = 'identity',
    batches: Iterable[Tensor] | None = None,
    granularity: str = 'layer',
) -> nn.Module:
    """Replace every BatchNorm of a network by :class:`NoNorm`, in place.

    This replaces 1d, 2d, 3d and synchronised BatchNorm and their subclasses
    everywhere: in backbone, neck and head, hard-coded or built from a config.
    timm's ``BatchNormAct2d`` keeps its dropout and activation. Parameters keep
    their names, dtype, device and ``requires_grad``. If folding or calibrating
    needs a parameter that the BatchNorm lacks, the new parameter is not
    learned.

    The teacher of https://arxiv.org/abs/2207.01548 is a network whose BN was
    removed; the three initialisations are our choice.

    Args:
        model (nn.Module): The network; one of its submodules must be a
            BatchNorm.
        init (str): How ``weight`` and ``bias`` start.

            - ``'identity'``: as 1 and 0, the literal removal.
            - ``'fold'``: computed from gamma, beta and the running statistics,
              so that the output equals that of the BN model in eval mode.
            - ``'calibrate'``: as gamma and beta, scaled by :func:`calibrate`.

            Defaults to 'identity'.
        batches (Iterable[Tensor], optional): Preprocessed inputs, each of
            shape ``(N, C, H, W)``, for ``init='calibrate'``.
            Defaults to None.
        granularity (str): See :func:`calibrate`. Defaults to 'layer'.

    Returns:
        nn.Module: The same ``model``.

    Raises:
        ValueError: If ``init`` or ``granularity`` is unknown, if no submodule
            is a BatchNorm or one does more than normalise, if ``'fold'`` finds
            a BatchNorm without running statistics, or if ``'calibrate'`` gets
            no batches or cannot calibrate on them. The model is then
            unchanged.
    """
    check_removal('remove_batch_norm', init, granularity)
    check_has_batch_norm(model)
    if isinstance(model, _BatchNorm):
        raise ValueError(
            'a lone BatchNorm cannot be replaced in place: pass the network '
            'that contains it'
        )
    batches = list(batches or ()) if init == 'calibrate' else []
    if init == 'calibrate' and not batches:
        raise ValueError("init='calibrate' needs at least one batch of inputs")
    layers = _replace(model, init)
    if batches:
        try:
            calibrate(model, torch.cat(batches), granularity)
        except Exception:
            for name, bn in layers.items():
                model.set_submodule(name, bn)
            raise
    return model


def _replace(model: nn.Module, init: str) -> dict[str, _BatchNorm]:
    """Replace each BatchNorm, without any calibration, and return all of them by name."""
    layers = {
        name: module
        for name, module in model.named_modules(remove_duplicate=False)  # a layer may be shared
        if isinstance(module, _BatchNorm)
    }
    # Build all layers before the first replacement, so that an error changes nothing.
    made = {bn: _without_statistics(name, bn, init) for name, bn in layers.items()}
    for name, bn in layers.items():
        model.set_submodule(name, made[bn])
    return layers


def _as_built(network: nn.Module) -> nn.Module:
    """Replace BatchNorm, but keep its weight and bias: some backbones load them in building."""
    check_has_batch_norm(network)
    _replace(network, 'calibrate')
    return network


def check_removal(owner: str, init: str, granularity: str) -> None:
    """Refuse unknown settings for removing BN.

    Args:
        owner (str): The class or function that was given the settings, for the message.
        init (str): See :func:`remove_batch_norm`.
        granularity (str): See :func:`calibrate`.

    Raises:
        ValueError: If a setting is unknown; the message lists the allowed values.
    """
    checks = (('init', init, INITS), ('granularity', granularity, GRANULARITIES))
    for name, value, allowed in checks:
        require(value in allowed, f'{owner}: {name} must be one of {allowed}', value)


def check_has_batch_norm(model: nn.Module) -> None:
    """Refuse a network that has no BatchNorm to remove.

    Args:
        model (nn.Module): The network.

    Raises:
        ValueError: If no submodule is a BatchNorm; the message lists the
            normalisation layers that the network has.
    """
    if any(isinstance(module, _BatchNorm) for module in model.modules()):
        return
    found = sorted(
        {
            type(module).__name__
            for module in model.modules()
            if module is not model and 'norm' in type(module).__name__.lower()
        }
    )
    raise ValueError(
        'CT and the removal of BN need a network with BN, but this one has no BatchNorm layer; '
        f'normalisation layers found: {", ".join(found) or "none"}'
    )


def _without_statistics(name: str, bn: _BatchNorm, init: str) -> NoNorm:
    """Build the NoNorm that replaces one BatchNorm, before any calibration."""
    if isinstance(bn, nn.modules.lazy.LazyModuleMixin):
        raise ValueError(f'{name} is lazy: run the model once before removing BN')
    with_act = type(bn).__module__.startswith('timm.') and type(bn).__name__ in _WITH_ACT
    if bn._modules and not with_act:
        raise ValueError(
            f'{name}, a {type(bn).__name__}, does more than normalise: it holds '
            f'{", ".join(bn._modules)}'
        )
    if init == 'fold' and bn.running_var is None:
        raise ValueError(
            f"init='fold' needs running statistics, but {name} has none "
            '(track_running_stats=False)'
        )
    kind = partial(NoNormAct, bn.drop, bn.act) if with_act else NoNorm
    layer = kind(bn.num_features, bn.eps, affine=bn.affine or init != 'identity')
    layer.training = bn.training
    reference = bn.weight if bn.affine else bn.running_var
    if reference is not None:
        layer.to(device=reference.device, dtype=reference.dtype)
    with torch.no_grad():
        for parameter, mine in layer.named_parameters(recurse=False):
            theirs = getattr(bn, parameter)  # newer BatchNorms may lack the bias
            mine.requires_grad = theirs is not None and theirs.requires_grad
            if theirs is not None and init != 'identity':
                mine.copy_(theirs)
        if init == 'fold':
            layer.standardise(bn.running_mean, bn.running_var)
    return layer


def check_is_copy(teacher: nn.Module, student: nn.Module, with_bn: bool = False) -> None:
    """Check that two networks match except for BN.

    Args:
        teacher (nn.Module): The teacher.
        student (nn.Module): The student.
        with_bn (bool): Whether the teacher may have BatchNorm. Defaults to False.

    Raises:
        ValueError: If the teacher has BatchNorm, or if parameters other than
            those of normalisation layers differ in name or shape.
    """
    for name, module in teacher.named_modules():
        if isinstance(module, _BatchNorm) and not with_bn:
            raise ValueError(f'the teacher is not BN-free: {name} is a BatchNorm')
    mine, theirs = (
        {(name, p.shape) for name, p in model.named_parameters()} for model in (student, teacher)
    )
    # Folding a BatchNorm(affine=False) adds parameters.
    norms = {
        f'{name}.{parameter}'
        for model in (student, teacher)
        for name, module in model.named_modules()
        if hasattr(module, 'num_features') and hasattr(module, 'eps')
        for parameter in ('weight', 'bias')
    }
    # A student may standardise its weights, where its teacher's are folded.
    gains = {name for name, _ in mine if are_standardised([name])}
    wrong = sorted({name for name, _ in mine ^ theirs} - norms - gains)
    if wrong:
        raise ValueError(
            f"the teacher's network is not the student's: {len(wrong)} parameters "
            f'differ in name or shape, the first is {wrong[0]}'
        )


@MODELS.register_module(name='NormFreeBackbone')
def norm_free_backbone(backbone: dict) -> nn.Module:
    """Build a backbone and remove its BatchNorm.

    ``backbone=dict(type='NormFreeBackbone', backbone=dict(type='ResNet', ...))``
    gives the inner backbone itself. This is a function, not a wrapper, so the
    state-dict keys and attributes are those of the backbone. Weight and bias of
    its :class:`NoNorm` layers are BN's. Weights are initialised or loaded later, unless the
    backbone does it itself, and folded or calibrated after that
    (see :class:`mmct.engine.NoBNTrainingHook`).

    Args:
        backbone (dict): Config of the backbone to build.

    Returns:
        nn.Module: The BN-free backbone.

    Raises:
        ValueError: If the backbone has no BatchNorm.
    """
    return _as_built(MODELS.build(backbone))


@MODELS.register_module()
class NormFreeClassifier(StandardisedClassifier):
    """An ``ImageClassifier`` without BatchNorm: the teacher of CT.

    Building it replaces BatchNorm in backbone, neck and head by :class:`NoNorm` with BN's weight
    and bias. Train it with :class:`mmct.engine.NoBNTrainingHook`, which calibrates it first.

    It is the teacher of "Counterbalancing Teacher",
    https://arxiv.org/abs/2207.01548.

    Args:
        *args: Arguments of ``mmpretrain.models.ImageClassifier``.
        weight_standardisation (bool): Whether to standardise the convolutions' weights,
            see :func:`standardise_weights`. Defaults to False.
        **kwargs: Arguments of ``mmpretrain.models.ImageClassifier``.

    Raises:
        ValueError: If the network has no BatchNorm.
    """

    def __init__(self, *args, weight_standardisation: bool = False, **kwargs) -> None:
        super().__init__(*args, weight_standardisation=weight_standardisation, **kwargs)
        _as_built(self)
