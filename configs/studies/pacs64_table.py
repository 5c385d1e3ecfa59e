# PACS shrunk to 64 px with a narrow network from scratch, for a CPU: each domain left out in
# turn; CT by the recipe of today (docs/recipe.md) and its controls, one setting, so that
# nothing is selected: docs/domain_generalization.md
_base_ = '../_base_/studies/domains.py'
studies = __import__('importlib').import_module('mmct.studies')
teacher = _base_.ct_teacher
ways = {
    'CT': (teacher, {}),
    'BN teacher': ({**teacher, 'remove_bn': False}, {}),
    # The consistency term alone is left out.
    'start alone (no term)': (teacher, dict(loss_weight=0.0)),
}
taught = {
    name: dict(
        overlay=dict(
            model={
                **_base_.ct_student,
                'consistency': {**_base_.ct_student['consistency'], **changes},
            },
            custom_hooks=[hook],
        )
    )
    for name, (hook, changes) in ways.items()
}
taught['CT']['baselines'] = ['ERM', _base_.equal, 'BN teacher', 'start alone (no term)']
made = studies.leave_one_out(
    __import__('mmct').datasets.PACS.DOMAINS,
    '{{ fileDirname }}/../dg/erm_resnet18w16_pacs64.py',
    {'ERM': dict(), _base_.equal: dict(length=3), **taught},
)
arms = made['arms']
tables = dict(domains=dict(type='DomainTable', **made['table']))
