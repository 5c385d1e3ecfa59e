# For studies of digits: an eighth of the usual width.
common = dict(
    model=dict(backbone=dict(stem_channels=8, base_channels=8), head=dict(in_channels=64))
)
