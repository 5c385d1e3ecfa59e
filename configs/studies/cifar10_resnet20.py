# CT and the controls that decide about it on CIFAR-10, with a ResNet-20 that trains for 12 epochs:
# what the cores of a CPU with bfloat16 train in a night. cifar10_table.py has all arms, in full.
#
# The two arms with AugMix were added when all others were known. What is expected of them, written
# down before either was trained, is what the digits showed: CT + AugMix has less mCE than AugMix at
# equal compute, at a clean error that is not lower.
_base_ = './cifar10_table.py'
compared = [
    'Standard', _base_.equal, 'BN (the other teacher)', 'no BN (the teacher)',
    _base_.free_equal, _base_.twin, _base_.twin_equal, 'CT', 'BN teacher', _base_.as_teacher,
    _base_.bare, 'CT, from scratch', 'BN teacher, from scratch', _base_.augmix_equal,
    'CT + AugMix',
]  # fmt: skip
studies = __import__('importlib').import_module('mmct.studies')
arms = dict(
    _delete_=True,
    **studies.chosen_arms(_base_.arms, [f'ResNet-20, {name}' for name in compared]),
)
length = 0.4
common = dict(optim_wrapper=dict(type='BFloat16OptimWrapper'))
# The benchmark's corruptions.
kinds = ['noise', 'blur', 'weather', 'digital']
scores = dict(
    corruption=dict(corruptions=kinds), adapted=dict(corruptions=kinds, severities=[3])
)
adapted = 'severity 3 with BN statistics of the test images (another setting), %'
table = dict(
    _delete_=True,
    **{
        adapted if name == _base_.adapted else name: score
        for name, score in _base_.table.items()
    },
)
