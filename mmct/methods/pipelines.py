"""Add transforms to a training config, and switch on the methods that mmpretrain provides."""

from collections.abc import Iterator, Mapping
from inspect import signature
from typing import Any

import numpy as np
from mmengine.config import Config, ConfigDict
from mmpretrain.models.heads import MultiLabelClsHead
from mmpretrain.registry import MODELS

from mmct.corruptions.channels import reordered
from mmct.datasets.images import order_before
from mmct.runs.configs import is_kind, recipe_switches, scoped, type_name
from mmct.runs.errors import CTError


def augment(cfg: Config, step: dict) -> None:
    """Insert a step before ``PackInputs`` in each training pipeline.

    Args:
        cfg (Config): A training config, changed in place.
        step (dict): Config of the transform.

    Raises:
        CTError: If no pipeline has ``PackInputs``.
    """
    found = False
    for pipeline in training_pipelines(cfg):
        places = [n for n, own in enumerate(pipeline) if type_name(own) == 'PackInputs']
        if places:
            pipeline.insert(places[-1], ConfigDict(step))
            found = True
    if not found:
        raise CTError(
            f'{type_name(step)} must be inserted before PackInputs, but the pipeline of '
            'train_dataloader has none'
        )


def training_pipelines(cfg: Config) -> list[list]:
    """List the pipelines of the training data.

    Args:
        cfg (Config): A training config.

    Returns:
        list[list]: The pipeline of each data set, including those inside wrappers, and those
        to which a ``SwitchRecipeHook`` changes.
    """
    later = [switch.get('train_pipeline') for switch in recipe_switches(cfg)]
    now = _pipelines(cfg.train_dataloader.get('dataset') or {})
    return [*now, *(pipeline for pipeline in later if isinstance(pipeline, list))]


def preprocessor(cfg: Config) -> ConfigDict:
    """Find the config of the data preprocessor in the place where the Runner looks for it.

    Args:
        cfg (Config): A training config; it gets an empty preprocessor config if it has none.

    Returns:
        ConfigDict: The preprocessor config, which may be changed in place.
    """
    if cfg.model.get('data_preprocessor') is not None:
        return cfg.model.data_preprocessor
    if cfg.get('data_preprocessor') is None:
        cfg.data_preprocessor = ConfigDict()
    return cfg.data_preprocessor


def cutout(cfg: Config) -> None:
    """Train with Cutout: cover a square of half the image's side with the mean colour.

    The size is that of DeVries & Taylor, https://arxiv.org/abs/1708.04552, for CIFAR-10.

    Args:
        cfg (Config): A training config, changed in place.

    Raises:
        CTError: If no crop in the pipeline gives the size of the images.
    """
    sizes = [
        step.get('crop_size', step.get('scale'))
        for pipeline in training_pipelines(cfg)
        for step in pipeline
        if type_name(step) in ('RandomCrop', 'RandomResizedCrop', 'CenterCrop')
    ]
    if not sizes:
        raise CTError(
            'method cutout needs to know the size of the images, but the pipeline has no '
            "RandomCrop or RandomResizedCrop: put dict(type='Cutout', shape=..., prob=1.0) into it"
        )
    size = sizes[-1] if isinstance(sizes[-1], int) else min(sizes[-1])
    settings = preprocessor(cfg)
    mean = np.array([round(value) for value in settings.get('mean') or [0, 0, 0]])
    # The preprocessor's mean is in the network's order of channels, RGB.
    fill = reordered(mean, 'rgb', order_before(settings)).tolist()
    augment(cfg, dict(type=scoped(cfg, 'Cutout'), shape=size // 2, pad_val=fill, prob=1.0))


def mixup(cfg: Config) -> None:
    """Train with Mixup, which mixes images and labels.

    Alpha is 1, as in Zhang et al., https://arxiv.org/abs/1710.09412, for CIFAR.

    Args:
        cfg (Config): A training config, changed in place.
    """
    _mix_labels(cfg, dict(type='Mixup', alpha=1.0))


def cutmix(cfg: Config) -> None:
    """Train with CutMix, which pastes a part of another image.

    Alpha is 1, as in Yun et al., https://arxiv.org/abs/1905.04899.

    Args:
        cfg (Config): A training config, changed in place.
    """
    _mix_labels(cfg, dict(type='CutMix', alpha=1.0))


def randaugment(cfg: Config) -> None:
    """Train with RandAugment (https://arxiv.org/abs/1909.13719), as mmpretrain's configs do.

    Args:
        cfg (Config): A training config, changed in place.
    """
    settings = dict(policies='timm_increasing', num_policies=2, total_level=10, magnitude_level=9)
    augment(cfg, dict(type=scoped(cfg, 'RandAugment'), magnitude_std=0.5, **settings))


def head_of(cfg: Config, method: str) -> ConfigDict:
    """Return the config of the head, whose loss a method changes.

    Args:
        cfg (Config): A training config.
        method (str): The method, for the message.

    Raises:
        CTError: If the model has no head of its own.
    """
    if not cfg.model.get('head'):
        raise CTError(
            f'method {method} needs an ImageClassifier with a head: {type_name(cfg.model)} has none'
        )
    return cfg.model.head


def skip_accuracy(head: ConfigDict) -> None:
    """Let a head that could do so not compute the accuracy of a batch, which mixed labels lack.

    Args:
        head (ConfigDict): The config of the head, changed in place.
    """
    kind = MODELS.get(head.type) if isinstance(head.get('type'), str) else head.get('type')
    for each in getattr(kind, '__mro__', ()):
        own = vars(each).get('__init__')
        names = signature(own).parameters if own else {}
        if 'cal_acc' in names:
            head.cal_acc = False
            return
        # Without it, arguments reach no other constructor.
        if own and not any(p.kind == p.VAR_KEYWORD for p in names.values()):
            return


def check_switches(cfg: Config, method: str) -> None:
    """Refuse a ``SwitchRecipeHook`` that would end a method of the batch or the loss.

    Args:
        cfg (Config): A training config.
        method (str): The method, for the message.

    Raises:
        CTError: If the hook changes batch augmentations or the loss.
    """
    for switch in recipe_switches(cfg):
        for name in ('batch_augments', 'loss'):
            if name in switch:
                raise CTError(
                    f'method {method} would end where SwitchRecipeHook sets {name}: put it into '
                    'the schedule of that hook'
                )


def _mix_labels(cfg: Config, batch_augment: dict) -> None:
    check_switches(cfg, batch_augment['type'].lower())
    settings, head = preprocessor(cfg), head_of(cfg, batch_augment['type'].lower())
    # Where the preprocessor has batch augmentations, mmpretrain does not read `train_cfg`.
    owner, name = (
        (settings, 'batch_augments') if settings.get('batch_augments') else (cfg.model, 'train_cfg')
    )
    old = owner.get(name) or {}
    augments = old.get('augments') or []
    augments = augments if isinstance(augments, (list, tuple)) else [augments]
    if old.get('probs') is not None:
        raise CTError(
            f'method {batch_augment["type"].lower()} cannot be added to {name} with probs: put it '
            'and its probability there'
        )
    owner[name] = ConfigDict({**old, 'augments': [*augments, ConfigDict(batch_augment)]})
    settings.setdefault('num_classes', head.get('num_classes'))
    skip_accuracy(head)
    if is_kind(head, MultiLabelClsHead, MODELS):
        # Its loss takes mixed labels as it is.
        return
    head.setdefault('loss', ConfigDict(type=scoped(cfg, 'CrossEntropyLoss')))
    if type_name(head.loss) == 'CrossEntropyLoss' and not head.loss.get('use_sigmoid'):
        head.loss.use_soft = True


def _pipelines(dataset: Mapping[str, Any]) -> Iterator[list]:
    if isinstance(dataset.get('pipeline'), list):
        yield dataset['pipeline']
    inner = dataset.get('datasets') or [dataset.get('dataset')]
    for own in inner:
        if isinstance(own, Mapping):
            yield from _pipelines(own)
