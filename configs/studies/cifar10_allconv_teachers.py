# The rate of the VGG-like network without BN, which in cifar10_allconv.py ended 1.2 points of clean
# error behind its BN twin: of cifar10_teachers.py what the cores of a CPU train in an hour with
# `--seeds 1`, for 12 epochs, on training images that no network learns from. If the rule there
# chooses another rate, or clipping, that network is trained again with it, and compared with its
# twin on the test images.
_base_ = './cifar10_teachers.py'
compared = [
    'Standard 2x', 'standardised, lr 0.1', 'standardised, lr 0.05', 'standardised, lr 0.1, clipped'
]  # fmt: skip
studies = __import__('importlib').import_module('mmct.studies')
arms = dict(
    _delete_=True,
    **studies.chosen_arms(_base_.arms, [f'AllConvNet, {name}' for name in compared]),
)
length = 0.2
common = dict(optim_wrapper=dict(type='BFloat16OptimWrapper'))
