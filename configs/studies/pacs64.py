# PACS shrunk to 64 px with a narrow network from scratch, for a CPU: each domain left
# out in turn, one setting, so that nothing is selected: docs/domain_generalization.md
_base_ = '../_base_/studies/domains.py'
studies = __import__('importlib').import_module('mmct.studies')
# An earlier recipe: docs/earlier_studies.md
earlier = dict(
    type='NoBNTeacherHook', length=2, student_start='teacher', student_lr_mult=0.1
)
ct = dict(model=_base_.student, custom_hooks=[earlier])
bn_teacher = dict(model=_base_.student, custom_hooks=[{**earlier, 'remove_bn': False}])
made = studies.leave_one_out(
    __import__('mmct').datasets.PACS.DOMAINS,
    '{{ fileDirname }}/../dg/erm_resnet18w16_pacs64.py',
    {
        'ERM': dict(),
        'CT': dict(overlay=ct, baselines=['ERM', 'BN teacher']),
        'BN teacher': dict(overlay=bn_teacher),
    },
)
arms = made['arms']
tables = dict(domains=dict(type='DomainTable', **made['table']))
