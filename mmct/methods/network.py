"""Switch on what the controls of CT change in a network: standardised weights, and no BN."""

from collections.abc import Mapping

from mmengine.config import Config, ConfigDict

from mmct.runs.configs import scoped, type_name
from mmct.runs.errors import CTError
from mmct.runs.identity import hooks_of


def standardised_weights(cfg: Config) -> None:
    """Give a network standardised weights, beside its BN; with CT the student has them.

    See :func:`mmct.models.standardise_weights`.

    Args:
        cfg (Config): A training config. It is changed in place.

    Raises:
        CTError: If the model is not an ``ImageClassifier``, or that of CT or of a network without
            BN; with CT, if its teacher folds BN, and so cannot have them.
    """
    kind = _kind(cfg, 'standardised_weights', 'CTClassifier', 'NormFreeClassifier')
    hooks = [hook for hook in hooks_of(cfg) if isinstance(hook, Mapping)]
    if kind == 'CTClassifier' and any(hook.get('init') == 'fold' for hook in hooks):
        raise CTError(
            "method standardised_weights does not go with a teacher that folds BN (init='fold'), "
            'as a teacher of pretrained weights does'
        )
    if kind == 'ImageClassifier':
        cfg.model.type = scoped(cfg, 'StandardisedClassifier')
    cfg.model.weight_standardisation = True


def no_bn(cfg: Config) -> None:
    """Train a network without BN and with standardised weights, as CT's teacher is trained.

    See :class:`mmct.models.NormFreeClassifier` and :class:`mmct.engine.NoBNTrainingHook`.

    Args:
        cfg (Config): A training config. It is changed in place.

    Raises:
        CTError: If the model is not an ``ImageClassifier``; with CT, whose student has BN.
    """
    if _kind(cfg, 'no_bn', 'NormFreeClassifier') != 'NormFreeClassifier':
        cfg.model.type = scoped(cfg, 'NormFreeClassifier')
        if not any(type_name(h) == 'NoBNTrainingHook' for h in hooks_of(cfg)):
            hook = ConfigDict(type=scoped(cfg, 'NoBNTrainingHook'))
            cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), hook]
    cfg.model.weight_standardisation = True


def _kind(cfg: Config, method: str, *more: str) -> str:
    kind, allowed = type_name(cfg.model), ('ImageClassifier', 'StandardisedClassifier', *more)
    if kind not in allowed:
        raise CTError(f'method {method} needs a model of type {" or ".join(allowed)}, not {kind}')
    return kind
