# CT by the chosen recipe (docs/recipe.md), every control of it, and each ingredient taken out.
_base_ = ['./recipes.py']
chosen = 'from scratch'
ways, student = _base_.ways, _base_.student
term = _base_.distances[_base_.bold]
way = ways[chosen]
# What the networks of CT take in all, in lengths of the student.
compute = 4 if 'start' in way else 3
equal = f'Standard, equal compute ({compute}x)'
bare = 'start alone (no term)'
taught = {
    'CT': dict(hook=way['hook'], term=term),
    'BN teacher': dict(hook={**way['hook'], 'remove_bn': False}, term=term),
    bare: dict(hook=way['hook'], term=dict(loss_weight=0.0)),
    'CT, calibrated teacher': dict(
        hook={**way['hook'], 'weight_standardisation': False}, term=term
    ),
    'CT, teacher of the same length': dict(hook={**way['hook'], 'length': 1}, term=term),
    'CT, KL of the logits': dict(hook=way['hook'], term={}),
}
taught = {
    name: dict(
        overlay=dict(model=dict(student, consistency=parts['term']), custom_hooks=[parts['hook']]),
        start=way.get('start'),
    )
    for name, parts in taught.items()
    # A student from scratch without the term is Standard.
    if name != bare or chosen != 'from scratch'
}
augmix = dict(methods='augmix_no_jsd')
variants = {
    'Standard': dict(),
    equal: dict(length=compute),
    'BN (the other teacher)': dict(length=2),
    'no BN (the teacher)': dict(overlay=_base_.standardised, length=2),
    **taught,
    'AugMix': augmix,
    'AugMix, equal compute': dict(augmix, length=compute),
    'BN teacher + AugMix': dict(taught['BN teacher'], **augmix),
    'CT + AugMix': dict(taught['CT'], **augmix),
}
if 'start' in way:
    variants['BN teacher + AugMix']['start'] = variants['CT + AugMix']['start'] = 'AugMix'
compared_with = {
    'Standard': [],
    'CT': ['Standard', equal, 'BN teacher', *([bare] if bare in taught else [])],
    'no BN (the teacher)': ['BN (the other teacher)'],
    'BN teacher + AugMix': ['AugMix'],
    'CT + AugMix': ['AugMix', 'AugMix, equal compute', 'BN teacher + AugMix'],
    **{name: ['CT'] for name in taught if name.startswith('CT, ')},
}
table = {
    'clean error, %': 'corruption.clean_error_pct',
    'mCE, %': 'corruption.raw_mce_pct',
    'noise': 'corruption.categories_pct.noise',
    'blur': 'corruption.categories_pct.blur',
    'weather': 'corruption.categories_pct.weather',
    'digital': 'corruption.categories_pct.digital',
    'mCE with BN statistics of the test images, another setting, %': 'adapted.raw_mce_pct',
}
figures = dict(errors=dict(type='ErrorArrows'))
