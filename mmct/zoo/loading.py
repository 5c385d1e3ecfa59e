"""Load networks of the model zoo, ready to predict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmct.models.build import build_classifier
from mmct.runs.configs import load_config, type_name
from mmct.runs.weights import check_fits, load_state_dict

from .files import fetch
from .index import find

if TYPE_CHECKING:
    import torch
    from mmpretrain.models import ImageClassifier


def load(name: str, device: str | torch.device = 'cpu') -> ImageClassifier:
    """Load a trained network of the model zoo.

    :func:`mmct.score` and :func:`mmct.diagnose` accept it directly. It preprocesses uint8 images
    with its ``data_preprocessor``.

    Args:
        name (str): A name that ``mmct zoo`` lists, such as 'ct_resnet18w8_digits'.
        device (str | torch.device): Device of the network. Defaults to 'cpu'.

    Returns:
        ImageClassifier: The network in eval mode. A CT student is loaded as a plain
        ``ImageClassifier``, without its teacher.

    Raises:
        CTError: If there is no such network, or its file cannot be fetched or is not the
            published one.
    """
    entry = find(name)
    weights = load_state_dict(fetch(entry.weights))
    cfg = load_config(f'mmct::{entry.config}')
    stock = 'ImageClassifier' if type_name(cfg.model) == 'CTClassifier' else None
    model = build_classifier(cfg, stock)
    check_fits(entry.weights.name, weights, model)
    model.load_state_dict(weights)
    return model.to(device).eval()
