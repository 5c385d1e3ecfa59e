# The main arms of cifar10_resnet20.py with a VGG-like network of its cost, which has no residual
# branches: with the rates and the recipe as they are, nothing was chosen for this network.
#
# What is expected, written down before any of these networks was trained, is what the ResNet-20
# showed: (1) at equal epochs the network without BN has less mCE than its BN twin, at a clean error
# that does not differ significantly; (2) at equal compute it has the lowest mCE of all; (3) CT has
# less than with a teacher that differs in BN alone, and (4) not significantly less than its start.
#
# The two networks whose gradients are clipped were added when all others of the first seed were
# known: cifar10_allconv_teachers.py chose clipping for this network on held-out images, with one
# seed. Written down before they were trained, of the first seed: (5) after 24 epochs the clipped
# network has at most one point more clean error than 'BN (the other teacher)', and (6) at neither
# length has it more mCE than without clipping.
_base_ = './cifar10_resnet20.py'
main = [
    _base_.equal, 'BN (the other teacher)', 'no BN (the teacher)', _base_.free_equal, _base_.twin,
    _base_.twin_equal, 'CT', 'BN teacher', _base_.as_teacher, _base_.bare,
]  # fmt: skip
clipped = [_base_.free, dict(optim_wrapper=dict(clip_grad=dict(max_norm=1.0)))]
added = {
    'no BN, clipped': dict(
        overlay=clipped, length=2,
        baseline=['BN (the other teacher)', _base_.twin, 'no BN (the teacher)'],
    ),
    f'no BN, clipped, equal compute ({_base_.compute}x)': dict(
        overlay=clipped, length=_base_.compute,
        baseline=[_base_.equal, _base_.twin_equal, _base_.free_equal],
    ),
}  # fmt: skip
studies = __import__('importlib').import_module('mmct.studies')
arms = dict(
    _delete_=True,
    **studies.compared_arms(
        '{{ fileDirname }}/../bn_resnet20_cifar10_folder.py',
        {'AllConvNet': _base_.families['AllConvNet']},
        {**studies.chosen_arms(_base_.variants, main), **added},
    ),
)
