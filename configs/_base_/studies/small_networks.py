# A residual network and a VGG-like one that learn in minutes on a CPU core.
base = '{{ fileDirname }}/cifar10_folder_part.py'
epochs = 8
warm_up = dict(type='LinearLR', start_factor=0.1, begin=0, end=1, convert_to_iter_based=True)
cosine = dict(
    type='CosineAnnealingLR', begin=1, end=epochs, T_max=epochs - 1, by_epoch=True,
    convert_to_iter_based=True,
)  # fmt: skip
common = dict(
    train_dataloader=dict(batch_size=64),
    train_cfg=dict(max_epochs=epochs, val_interval=epochs),
    param_scheduler=[warm_up, cosine],
    default_hooks=dict(logger=dict(interval=50), checkpoint=dict(interval=1)),
)
architectures = {
    'WRN-10': dict(
        model=dict(
            backbone=dict(
                type='WideResNet', depth=10, widen_factor=1, base_channels=12, _delete_=True
            ),
            head=dict(in_channels=48),
        )
    ),
    'AllConvNet': dict(
        model=dict(
            backbone=dict(type='AllConvNet', base_channels=8, drop_rate=0.0, _delete_=True),
            head=dict(in_channels=16),
        )
    ),
}
