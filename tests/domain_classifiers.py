"""Small classifiers of images with domains, and such samples."""

from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample


def classifier(kind, head=None, **settings):
    """A classifier of three classes."""
    return MODELS.build(
        dict(
            type=kind,
            backbone=dict(type='ResNet_CIFAR', depth=18, stem_channels=4, base_channels=4),
            neck=dict(type='GlobalAveragePooling'),
            head={'type': 'LinearClsHead', 'in_channels': 32, 'num_classes': 3, **(head or {})},
            **settings,
        )
    )


def samples(domains):
    """Samples of the three classes in turn."""
    return [
        DataSample(metainfo={} if domain is None else dict(domain=domain)).set_gt_label(row % 3)
        for row, domain in enumerate(domains)
    ]
