"""The initialisation that the CIFAR networks share."""

HE = [
    dict(type='Kaiming', layer='Conv2d', mode='fan_out', nonlinearity='relu'),
    dict(type='Constant', layer='_BatchNorm', val=1, bias=0),
]
"""He's for convolutions (https://arxiv.org/abs/1502.01852), 1 and 0 for BatchNorm."""
