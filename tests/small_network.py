"""The network that tests train: the first two of ResNet-18's stages, narrow.

It has all kinds of layers of the whole one, and takes half of the time to build, train and save.
Imports nothing: tests/conftest.py is also read by the process that only hands tests out.
"""

BACKBONE = dict(
    stem_channels=8, base_channels=8, num_stages=2, strides=(1, 2), dilations=(1, 1),
    out_indices=(1,),
)  # fmt: skip
CHANNELS = 16
# A part of a config, and the same as options by their names.
MODEL = dict(backbone=BACKBONE, head=dict(in_channels=CHANNELS))
OPTIONS = {
    **{f'model.backbone.{name}': value for name, value in BACKBONE.items()},
    'model.head.in_channels': CHANNELS,
}
