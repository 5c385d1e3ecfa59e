# PACS shrunk to 64 px with a narrow network that starts from CIFAR-10, for a CPU: each domain
# left out in turn; CT in two ways and their controls, one setting, so that nothing is selected:
# docs/domain_generalization.md
_base_ = '../_base_/studies/domains.py'
studies = __import__('importlib').import_module('mmct.studies')
# Of dg/pretrain_resnet18w16_cifar10.py, which is run first.
cifar10 = dict(
    _delete_=True,
    type='Pretrained',
    checkpoint='work_dirs/pretrain_resnet18w16_cifar10/epoch_20.pth',
    prefix='backbone.',
)
common = dict(
    model=dict(backbone=dict(init_cfg=cifar10)),
    optim_wrapper=dict(type='BFloat16OptimWrapper'),
)
length = 0.25
# The teacher learns on from the pretrained network. The student does too, or it goes on from
# the teacher at a tenth of the rate, as docs/recipe.md has it.
on = dict(_base_.fold, student_start='teacher', student_lr_mult=0.1)
bare = 'start alone (no term)'
ways = {
    'CT': (_base_.fold, {}),
    'BN teacher': ({**_base_.fold, 'remove_bn': False}, {}),
    'CT, from the teacher': (on, {}),
    'BN teacher, from the teacher': ({**on, 'remove_bn': False}, {}),
    # Without the consistency term alone.
    bare: (on, dict(loss_weight=0.0)),
}
compared_with = {
    'CT': ['ERM', _base_.equal, 'BN teacher'],
    'CT, from the teacher': ['ERM', _base_.equal, 'BN teacher, from the teacher', bare],
}
taught = {
    name: dict(
        overlay=dict(
            model={
                **_base_.ct_student,
                'consistency': {**_base_.ct_student['consistency'], **changes},
            },
            custom_hooks=[hook],
        ),
        baselines=compared_with.get(name, ['ERM']),
    )
    for name, (hook, changes) in ways.items()
}
made = studies.leave_one_out(
    __import__('mmct').datasets.PACS.DOMAINS,
    '{{ fileDirname }}/../dg/erm_resnet18w16_pacs64.py',
    {'ERM': dict(), _base_.equal: dict(length=3), **taught},
)
arms = made['arms']
tables = dict(domains=dict(type='DomainTable', **made['table']))
