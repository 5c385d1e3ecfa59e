# The paper's first claim, between networks that are all at their end: a network without BN, and
# its twin with BN trained for several lengths, so that there is one of equal clean error.
_base_ = ['./categories.py']
free = dict(
    model=dict(type='NormFreeClassifier', weight_standardisation=True),
    custom_hooks=[dict(type='NoBNTrainingHook')],
)
twins = {'BN, a quarter': 0.25, 'BN, half': 0.5, 'BN': 1, 'BN, twice': 2}
variants = {
    **{name: dict(length=length) for name, length in twins.items()},
    'no BN': dict(overlay=free, baseline=list(twins)),
    'no BN, twice': dict(overlay=free, length=2, baseline=list(twins)),
}
table = {
    'mCE above that of BN at equal clean error': dict(
        at_equal='corruption.clean_error_pct', of='corruption.raw_mce_pct'
    ),
}
