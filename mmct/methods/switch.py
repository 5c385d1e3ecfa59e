"""Switch on the methods that CT is compared with, in any config."""

from collections.abc import Callable, Sequence

from mmengine.config import Config

from mmct.messages import suggestion
from mmct.own_functions import add_function
from mmct.runs.configs import import_mmct
from mmct.runs.errors import CTError

from .adversarial import adversarial
from .augmix import augmix, augmix_no_jsd
from .auto_augment import autoaugment
from .network import no_bn, standardised_weights
from .pipelines import cutmix, cutout, mixup, randaugment

METHODS: dict[str, Callable[[Config], None]] = {
    function.__name__: function
    for function in (
        cutout, mixup, cutmix, autoaugment, randaugment, augmix, augmix_no_jsd, adversarial,
        standardised_weights, no_bn,
    )
}  # fmt: skip
"""The functions that change a training config for each method, by name."""

# These mix labels, or make their own views or images, and cannot be combined.
_NOT_WITH = dict(
    augmix=('mixup', 'cutmix', 'adversarial', 'augmix_no_jsd'), adversarial=('augmix',)
)


def register_method(name: str, function: Callable[[Config], None]) -> None:
    """Add a method, which ``--method`` and studies then take by its name.

    Call it where a module is imported that the config names in ``custom_imports``.

    Args:
        name (str): Letters, digits, ``_``, ``-``.
        function (Callable): ``function(cfg)``. Gets a training config and changes it in place.
            :func:`mmct.methods.augment` puts a transform into it. With CT it runs after CT is
            switched on, and the teacher's config is made from what it leaves.

    Raises:
        ValueError: If the name is no word or taken, or ``function`` cannot be called.
    """
    add_function(METHODS, 'method', name, function)


def add_methods(cfg: Config, names: Sequence[str]) -> Config:
    """Switch on methods in a training config, in place.

    Args:
        cfg (Config): The config of an ``ImageClassifier`` or of CT; with CT,
            teacher and student both train with the methods.
        names (Sequence[str]): Names of methods, keys of :data:`METHODS`.

    Returns:
        Config: The same ``cfg``. A dump of it trains with the methods, without
        any switch.

    Raises:
        CTError: If a method is unknown, two methods cannot be combined, or a
            method cannot change this config; the message says why.
    """
    for name in names:
        if name not in METHODS:
            raise CTError(f'there is no method {name!r}: {suggestion(name, METHODS)}')
        against = [other for other in _NOT_WITH.get(name, ()) if other in names]
        if against:
            raise CTError(f'method {name} cannot be combined with {against[0]}')
    if names and (not cfg.get('model') or not cfg.get('train_dataloader')):
        raise CTError('a method needs a training config, with model and train_dataloader')
    for name in dict.fromkeys(names):
        METHODS[name](cfg)
        import_mmct(cfg)
    return cfg
