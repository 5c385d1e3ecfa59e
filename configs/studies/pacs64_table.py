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
# The teacher learns on from the pretrained network, and so does the student of 'CT'. Others go on
# from the teacher at a tenth of the rate, as docs/recipe.md has it.
on = dict(_base_.fold, student_start='teacher', student_lr_mult=0.1)
student, bare = _base_.ct_student, 'start alone (no term)'
no_term = {**student, 'consistency': {**student['consistency'], 'loss_weight': 0.0}}
compared = {
    **{name: _base_.methods[name] for name in ('ERM', _base_.equal, 'CT', 'BN teacher')},
    'CT, from the teacher': dict(
        overlay=dict(model=student, custom_hooks=[on]),
        baselines=['ERM', _base_.equal, 'BN teacher, from the teacher', bare],
    ),
    'BN teacher, from the teacher': dict(
        overlay=dict(model=student, custom_hooks=[{**on, 'remove_bn': False}])
    ),
    bare: dict(overlay=dict(model=no_term, custom_hooks=[on])),
}
made = studies.leave_one_out(
    __import__('mmct').datasets.PACS.DOMAINS,
    '{{ fileDirname }}/../dg/erm_resnet18w16_pacs64.py',
    compared,
)
arms = made['arms']
tables = dict(domains=dict(type='DomainTable', **made['table']))
