"""Build classifiers from configs."""

import copy
from collections.abc import Mapping

from mmpretrain.models import ImageClassifier
from mmpretrain.registry import MODELS

# Settings of a model that only some classes have.
_OWN_SETTINGS = dict(
    consistency=('CTClassifier',),
    weight_standardisation=('NormFreeClassifier', 'StandardisedClassifier', 'CTClassifier'),
)


def build_classifier(cfg: Mapping, kind: str | None = None) -> ImageClassifier:
    """Build the model of a config with its preprocessor.

    Args:
        cfg (Mapping): A config with ``model`` and, unless the model has its
            own, ``data_preprocessor``; it is not changed.
        kind (str, optional): The class to build instead of the config's, by
            its name in mmpretrain's registry. Defaults to None: the config's.

    Returns:
        ImageClassifier: The model with random weights, on the CPU.
    """
    # Copies, since building a model adds defaults to its config.
    settings = copy.deepcopy(cfg['model'])
    settings.setdefault('data_preprocessor', copy.deepcopy(cfg.get('data_preprocessor')))
    if kind is not None:
        # With the scope, as a config without default_scope would look elsewhere.
        settings['type'] = f'mmpretrain.{kind}'
        for name, owners in _OWN_SETTINGS.items():
            if kind not in owners:
                settings.pop(name, None)
    return MODELS.build(settings)
