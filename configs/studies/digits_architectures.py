# Does what digits_table.py found with one architecture hold with others? Its main arms, with
# its rates and recipe as they are: nothing was chosen for these networks. docs/results.md
#
# What was expected, written down before any of the first two was trained. If the findings are about
# BN and standardised weights and not about one network, then with each of the two, at equal
# compute: BN with standardised weights has less mCE than BN, without BN there is less again, and CT
# has less than BN, but not less than BN with standardised weights.
#
# The last did not hold with the WRN-16, whose student keeps more of what its teacher has. What was
# expected of the ResNet-14, written down when the results of the other two were known, and before
# it was trained: it has the stages, blocks and widths of the WRN-16, but BN after convolutions, and
# its residual branches begin at 0. If that is the reason, CT's mCE is not significantly below that
# of BN with standardised weights here, nor below that with a teacher that has them beside its BN.
# We expect so. If it is below both, stages or widths are the reason, or what these share.
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
    # Its blocks begin with convolutions; otherwise the WRN-16.
    'ResNet-14': dict(
        model=dict(
            backbone=dict(_delete_=True, type='ResNetCIFAR', depth=14, base_channels=12),
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
        studies.chosen_arms(_base_.variants, main),
        teacher=_base_.free_rate,
    ),
)
seeds = 5
