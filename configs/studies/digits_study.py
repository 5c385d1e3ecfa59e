# A study in minutes: a network, its twin without BN, and what CT makes of both,
# on 1,797 digits of 8x8. It shows what a study is; it proves nothing about CT.
_base_ = [
    '../_base_/mmct.py',
    '../_base_/studies/clean_and_corrupted.py',
    '../_base_/studies/digits_schedule.py',
]
common = dict(default_hooks=dict(checkpoint=dict(interval=3, max_keep_ckpts=-1)))
arms = {
    'BN': dict(
        config='{{ fileDirname }}/../bn_resnet18_digits.py', variant='BN', group='ResNet-18'
    ),
    'no BN': dict(
        config='{{ fileDirname }}/../nobn_resnet18_digits.py',
        overlay=dict(optim_wrapper=dict(optimizer=_base_.free_optimizer)),
        variant='no BN',
        group='ResNet-18',
        baseline='BN',
    ),
    'CT': dict(
        config='{{ fileDirname }}/../ct_resnet18_digits.py',
        overlay=dict(custom_hooks=[dict(_base_.ct_teacher, **_base_.free_rate)]),
        variant='CT',
        group='ResNet-18',
        baseline='BN',
    ),
}
seeds = 3
scores = dict(
    corruption=dict(type='CorruptionScore', severities=[1, 3, 5]),
    along=dict(type='AlongTraining', severities=[3]),
    features=dict(type='FeatureReliance'),
)
