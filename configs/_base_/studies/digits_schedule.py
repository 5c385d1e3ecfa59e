# The kept studies of the digits trained for 15 epochs; the configs, which are a demo, for 10.
common = dict(
    train_cfg=dict(max_epochs=15),
    param_scheduler=[
        dict(type='LinearLR', start_factor=0.1, begin=0, end=2, convert_to_iter_based=True),
        dict(type='CosineAnnealingLR', begin=2, end=15, T_max=13, convert_to_iter_based=True),
    ],
)
