# The learning rates that the ablation left to choose from, with networks that
# have trained three times as long, on the same held-out images: docs/earlier_studies.md
_base_ = [
    '../_base_/studies/small_networks.py',
    '../_base_/studies/compared.py',
    '../_base_/studies/held_out.py',
]
epochs = 24
common = dict(
    train_cfg=dict(max_epochs=epochs, val_interval=epochs),
    param_scheduler=[_base_.warm_up, dict(_base_.cosine, end=epochs, T_max=epochs - 1)],
)
ct = _base_.full_rate
# A student that stays near where it starts; its teacher learns as before.
gentle = dict(optim_wrapper=dict(optimizer=dict(lr=0.01)))
students = {
    'Standard': dict(),
    'no BN (the teacher)': _base_.no_bn,
    'CT, full rate': dict(model=_base_.student, custom_hooks=[ct]),
    'CT, lr x 0.3': dict(
        model=_base_.student, custom_hooks=[{**ct, 'student_lr_mult': 0.3}]
    ),
    'CT, lr / 10': dict(model=_base_.student, custom_hooks=[{**ct, 'lr': 0.1}], **gentle),
    "BN (the control's teacher)": dict(),
    'BN teacher, full rate': dict(
        model=_base_.student, custom_hooks=[{**ct, 'remove_bn': False}]
    ),
    'BN teacher, lr / 10': dict(
        model=_base_.student, custom_hooks=[{**ct, 'remove_bn': False, 'lr': 0.1}], **gentle
    ),
}
arms = {
    name: dict(
        config=_base_.base,
        overlay=[_base_.architectures['WRN-10'], overlay],
        length=2 if '(' in name else 1,
        group='WRN-10',
        variant=name,
        baseline=None if name == 'Standard' else 'Standard',
    )
    for name, overlay in students.items()
}
seeds = 3
