# CT by the chosen recipe and all of its controls on the digits: docs/results.md
_base_ = ['../_base_/studies/controls.py', '../_base_/studies/digits_schedule.py']
studies = __import__('importlib').import_module('mmct.studies')
# Teachers without BN, and networks with standardised weights, learn at half the rate here. Is it
# the rate that helps?
variants, equal = dict(_base_.variants), _base_.equal
half, slow = 'BN teacher at half the rate', 'BN at half the rate'
slow_equal = f'{equal}, half the rate'
plain = variants['BN teacher']
variants[half] = {**plain, 'hook': {**plain['hook'], **_base_.free_rate}}
variants[slow] = dict(overlay=_base_.at_free_rate, length=2, baseline=['BN (the other teacher)'])
variants[slow_equal] = dict(
    overlay=_base_.at_free_rate, length=_base_.compute, baseline=[equal]
)
for name in (_base_.as_calibrated, _base_.as_teacher, _base_.taught_standardised):
    variants[name] = {**variants[name], 'hook': {**variants[name]['hook'], **_base_.free_rate}}
for name, other in {
    'CT': half, _base_.as_teacher: half, _base_.twin: slow, _base_.twin_equal: slow_equal
}.items():  # fmt: skip
    variants[name] = {**variants[name], 'baseline': [*variants[name]['baseline'], other]}
for name in (
    'no BN (the teacher)', _base_.free_equal, _base_.free_augmix,
    _base_.twin, _base_.twin_equal, _base_.twin_augmix,
):  # fmt: skip
    overlay = {**variants[name]['overlay'], **_base_.at_free_rate}
    variants[name] = {**variants[name], 'overlay': overlay}
arms = studies.compared_arms(
    '{{ fileDirname }}/../bn_resnet18_digits.py',
    {'digits': dict()},
    variants,
    teacher=_base_.free_rate,
)
common = dict(train_cfg=dict(val_interval=100), default_hooks=dict(checkpoint=dict(interval=15)))
seeds = 10
scores = dict(
    corruption=dict(type='CorruptionScore', severities=[1, 3, 5]),
    # Of all images of a cell, in two batches.
    adapted=dict(type='CorruptionScore', severities=[1, 3, 5], recalibrate_bn=2),
)
