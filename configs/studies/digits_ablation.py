# What of CT lets the student keep what its teacher has, on the digits. As in
# ct_ablation.py, settings are chosen on training images that no network learns from,
# under the four corruptions that no benchmark contains: docs/earlier_studies.md
_base_ = [
    '../_base_/studies/compared.py',
    '../_base_/studies/held_out.py',
    '../_base_/studies/digits_schedule.py',
]
config = '{{ fileDirname }}/../_base_/studies/digits_part.py'
gentle = dict(optim_wrapper=dict(optimizer=dict(lr=0.01)))
settings = {
    'CT, full rate': dict(),
    'weight 3': dict(weight=3.0),
    'weight 10': dict(weight=10.0),
    'lr x 0.3': dict(lr_mult=0.3),
    'lr 0.01': dict(overlay=gentle),
    'weight 10, lr 0.01': dict(weight=10.0, overlay=gentle),
}
students = {
    name: dict(
        model=dict(
            type='CTClassifier', consistency=dict(loss_weight=changes.get('weight', 1.0))
        ),
        # The teacher's learning rate is that of the network with BN.
        custom_hooks=[
            {**_base_.full_rate, 'student_lr_mult': changes['lr_mult']}
            if 'lr_mult' in changes
            else {**_base_.full_rate, 'lr': 0.1}
        ],
    )
    for name, changes in settings.items()
}
plain = ('Standard', "BN (the control's teacher)", 'no BN (the teacher)')
arms = {
    **{
        name: dict(
            _base_.methods[name],
            config=config,
            group='digits',
            variant=name,
            baseline=_base_.compared_with.get(name, ['Standard']),
        )
        for name in plain
    },
    **{
        name: dict(
            config=config,
            overlay=[overlay, settings[name].get('overlay', {})],
            group='digits',
            variant=name,
            baseline='Standard' if name == 'CT, full rate' else 'CT, full rate',
        )
        for name, overlay in students.items()
    },
}
seeds = 5
