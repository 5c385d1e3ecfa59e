# Whether a network without BN catches up when it learns five times as long.
_base_ = './bn_removal.py'
common = dict(
    train_cfg=dict(max_epochs=40, val_interval=40),
    param_scheduler=[_base_.warm_up, dict(_base_.cosine, end=40, T_max=39)],
    default_hooks=dict(checkpoint=dict(interval=4)),
)
arms = {
    '_delete_': True,
    **{name: _base_.arms[name] for name in ('ResNet-18, BN', 'ResNet-18, per layer')},
}
