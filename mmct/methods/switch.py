"""The methods that CT is compared with, each switched on in any config."""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config, ConfigDict

from mmct.runs.configs import import_mmct, scoped, type_name
from mmct.runs.errors import CTError

# They mix labels, or make views or images of their own: not with one another.
_MIX_LABELS = ('mixup', 'cutmix')
_NOT_WITH = {
    'augmix': (*_MIX_LABELS, 'adversarial', 'augmix_no_jsd'),
    'adversarial': ('augmix',),
}


def add_methods(cfg: Config, names: Sequence[str]) -> Config:
    """Change a training config so that it trains with methods, in place.

    Args:
        cfg (Config): The config of an ``ImageClassifier`` or of CT: then
            teacher and student train with them.
        names (Sequence[str]): Keys of :data:`METHODS`.

    Returns:
        Config: The same ``cfg``. Dumped, it needs no switch.

    Raises:
        CTError: If a method is unknown or does not go with another, or the
            config is not one that it can change; the message says why.
    """
    for name in names:
        if name not in METHODS:
            near = difflib.get_close_matches(name, METHODS, 1)
            hint = f'; did you mean {near[0]}?' if near else '.'
            raise CTError(f'there is no method {name!r}{hint} Methods are {", ".join(METHODS)}')
        against = [other for other in _NOT_WITH.get(name, ()) if other in names]
        if against:
            raise CTError(f'method {name} cannot be combined with {against[0]}')
    if not cfg.get('model') or not cfg.get('train_dataloader'):
        raise CTError('a method needs a training config, with model and train_dataloader')
    for name in dict.fromkeys(names):
        METHODS[name](cfg)
        import_mmct(cfg)
    return cfg


def _cutout(cfg: Config) -> None:
    # DeVries & Taylor, https://arxiv.org/abs/1708.04552: half the side for CIFAR-10.
    sizes = [
        step.get('crop_size', step.get('scale'))
        for pipeline in _pipelines(cfg)
        for step in pipeline
        if type_name(step) in ('RandomCrop', 'RandomResizedCrop', 'CenterCrop')
    ]
    if not sizes:
        raise CTError(
            'method cutout needs to know the size of the images, but the pipeline has no '
            "RandomCrop or RandomResizedCrop: put dict(type='Cutout', shape=..., prob=1.0) into it"
        )
    size = sizes[-1] if isinstance(sizes[-1], int) else min(sizes[-1])
    preprocessor = _preprocessor(cfg)
    mean = [round(value) for value in preprocessor.get('mean') or [0, 0, 0]]
    # In the channels' order in the pipeline; the mean is in the network's.
    fill = mean[::-1] if preprocessor.get('to_rgb') else mean
    _augment(cfg, dict(type='Cutout', shape=size // 2, pad_val=fill, prob=1.0))


def _mixup(cfg: Config) -> None:
    # Zhang et al., https://arxiv.org/abs/1710.09412: alpha 1 for CIFAR.
    _mix_labels(cfg, dict(type='Mixup', alpha=1.0))


def _cutmix(cfg: Config) -> None:
    # Yun et al., https://arxiv.org/abs/1905.04899: alpha 1.
    _mix_labels(cfg, dict(type='CutMix', alpha=1.0))


def _autoaugment(cfg: Config) -> None:
    # Cubuk et al., https://arxiv.org/abs/1805.09501, the policy for CIFAR.
    to_rgb = bool(_preprocessor(cfg).get('to_rgb'))
    kind = scoped(cfg, 'TorchvisionAutoAugment')
    _augment(cfg, dict(type=kind, policy='cifar10', to_rgb=to_rgb))


def _randaugment(cfg: Config) -> None:
    # Cubuk et al., https://arxiv.org/abs/1909.13719, as mmpretrain's configs have it.
    settings = dict(policies='timm_increasing', num_policies=2, total_level=10, magnitude_level=9)
    _augment(cfg, dict(type='RandAugment', magnitude_std=0.5, **settings))


def _augmix(cfg: Config) -> None:
    # Hendrycks et al., https://arxiv.org/abs/1912.02781, with the JSD loss.
    preprocessor = _preprocessor(cfg)
    if type_name(preprocessor) not in ('', 'ClsDataPreprocessor'):
        raise CTError(
            f'method augmix needs the ClsDataPreprocessor, but the config has '
            f'{type_name(preprocessor)}'
        )
    if (cfg.model.get('train_cfg') or {}).get('augments'):
        raise CTError('method augmix cannot be combined with model.train_cfg.augments')
    preprocessor.type = scoped(cfg, 'MultiViewDataPreprocessor')
    head = cfg.model.head
    loss = ConfigDict(type=scoped(cfg, 'JensenShannonLoss'))
    if head.get('loss'):
        loss.loss = head.loss
    head.loss, head.cal_acc = loss, False
    _augment(cfg, dict(type=scoped(cfg, 'AugMix'), num_views=3))


def _augmix_no_jsd(cfg: Config) -> None:
    _augment(cfg, dict(type=scoped(cfg, 'AugMix')))


def _adversarial(cfg: Config) -> None:
    # Madry et al., https://arxiv.org/abs/1706.06083.
    hook = ConfigDict(type=scoped(cfg, 'AdversarialTrainingHook'))
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), hook]


METHODS: dict[str, Callable[[Config], None]] = dict(
    cutout=_cutout,
    mixup=_mixup,
    cutmix=_cutmix,
    autoaugment=_autoaugment,
    randaugment=_randaugment,
    augmix=_augmix,
    augmix_no_jsd=_augmix_no_jsd,
    adversarial=_adversarial,
)
"""What each does to a config."""


def _augment(cfg: Config, step: dict) -> None:
    """Put a step before the images are packed."""
    found = False
    for pipeline in _pipelines(cfg):
        places = [n for n, own in enumerate(pipeline) if type_name(own) == 'PackInputs']
        if places:
            pipeline.insert(places[-1], ConfigDict(step))
            found = True
    if not found:
        raise CTError(
            f'{type_name(step)} goes before PackInputs, but the pipeline of train_dataloader '
            'has none'
        )


def _pipelines(cfg: Config) -> list[list]:
    return list(_pipelines_of(cfg.train_dataloader.get('dataset') or {}))


def _pipelines_of(dataset: Mapping[str, Any]) -> Iterator[list]:
    """Those of a data set, also inside of wrappers."""
    if isinstance(dataset.get('pipeline'), list):
        yield dataset['pipeline']
    inner = dataset.get('datasets') or [dataset.get('dataset')]
    for own in inner:
        if isinstance(own, Mapping):
            yield from _pipelines_of(own)


def _mix_labels(cfg: Config, augment: dict) -> None:
    train_cfg = cfg.model.get('train_cfg') or ConfigDict()
    augments = train_cfg.get('augments') or []
    augments = augments if isinstance(augments, list) else [augments]
    cfg.model.train_cfg = {**train_cfg, 'augments': [*augments, ConfigDict(augment)]}
    head = cfg.model.head
    preprocessor = _preprocessor(cfg)
    preprocessor.setdefault('num_classes', head.get('num_classes'))
    head.cal_acc = False
    head.setdefault('loss', ConfigDict(type='CrossEntropyLoss'))
    if type_name(head.loss) == 'CrossEntropyLoss' and not head.loss.get('use_sigmoid'):
        head.loss.use_soft = True


def _preprocessor(cfg: Config) -> ConfigDict:
    """The config of the data preprocessor, where the Runner takes it from."""
    if cfg.model.get('data_preprocessor') is not None:
        return cfg.model.data_preprocessor
    if cfg.get('data_preprocessor') is None:
        cfg.data_preprocessor = ConfigDict()
    return cfg.data_preprocessor
