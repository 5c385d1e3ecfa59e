# Does what digits_table.py found with one architecture hold with two others? Its main arms, with
# its rates and recipe as they are: nothing was chosen for these networks. docs/results.md
#
# What was expected, written down before any of them was trained. If the findings are about BN and
# standardised weights and not about one network, then with each of the two, at equal compute:
# BN with standardised weights has less mCE than BN, without BN there is less again, and CT has
# less than BN, but not less than BN with standardised weights.
_base_ = './digits_table.py'
networks = {
    # Its blocks begin with BN; with 12 channels, as long in training as the ResNet-18.
    'WRN-16': dict(
        model=dict(
            backbone=dict(
                _delete_=True, type='WideResNet', depth=16, widen_factor=1, base_channels=12
            ),
            head=dict(in_channels=48),
        )
    ),
    # No residual branches.
    'DenseNet-22': dict(
        model=dict(
            backbone=dict(_delete_=True, type='DenseNetCIFAR', depth=22, growth_rate=8),
            head=dict(in_channels=46),
        )
    ),
}
main = [
    _base_.equal, _base_.twin_equal, 'no BN (the teacher)', _base_.free_equal, 'CT', 'BN teacher',
    _base_.as_teacher, _base_.bare,
]  # fmt: skip
studies = __import__('importlib').import_module('mmct.studies')
arms = dict(
    _delete_=True,
    **studies.compared_arms(
        '{{ fileDirname }}/../bn_resnet18_digits.py',
        networks,
        {
            name: dict(
                _base_.variants[name],
                baseline=[other for other in _base_.variants[name]['baseline'] if other in main],
            )
            for name in main
        },
        teacher=_base_.free_rate,
    ),
)
seeds = 5
