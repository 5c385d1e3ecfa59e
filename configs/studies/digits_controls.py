# An earlier recipe of CT and its controls on the digits: docs/earlier_studies.md
_base_ = [
    '../_base_/studies/compared.py',
    '../_base_/studies/benchmark.py',
    '../_base_/studies/digits_schedule.py',
]
compared = ('Standard', 'Standard, equal compute', "BN (the control's teacher)",
            'no BN (the teacher)', 'BN teacher', 'CT', 'BN teacher, full rate',
            'CT, full rate')  # fmt: skip
arms = {
    name: dict(
        _base_.methods[name],
        config='{{ fileDirname }}/../bn_resnet18_digits.py',
        group='digits',
        variant=name,
        baseline=_base_.compared_with.get(name, ['Standard']),
    )
    for name in compared
}
seeds = 10
scores = dict(corruption=dict(type='CorruptionScore', severities=[1, 3, 5]))
