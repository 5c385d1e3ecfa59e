# Networks without BN to choose the teacher from, each trained twice as long as the student: how
# BN is removed, the learning rate and the clipping of gradients. The rule, written down before:
# the smallest clean error on held-out images, of those within one standard error the one that
# clips least, then the one with the largest rate.
free = dict(type='NormFreeClassifier')
standardised = dict(free, weight_standardisation=True)
calibrated = dict(type='NoBNTrainingHook', init='calibrate', granularity='layer',
                  calibration_batches=1)  # fmt: skip
ways_of_removal = {
    'calibrated': dict(model=free, custom_hooks=[calibrated]),
    'standardised': dict(model=standardised, custom_hooks=[calibrated]),
}
clippings = {'': None, ', clipped': dict(max_norm=1.0)}
grid = {
    f'{name}, lr {lr:g}{clipped}': dict(
        overlay=[
            removal, dict(optim_wrapper=dict(optimizer=dict(lr=lr), clip_grad=clipping))
        ],
        length=2,
        baseline=['Standard 2x'],
    )
    for name, removal in ways_of_removal.items()
    for lr in (0.1, 0.05, 0.025, 0.01)
    for clipped, clipping in clippings.items()
}  # fmt: skip
others = {
    'standardised, clipped by weights': dict(
        overlay=dict(
            model=standardised,
            custom_hooks=[calibrated, dict(type='AdaptiveClippingHook', clipping=0.1)],
        ),
        length=2,
        baseline=['Standard 2x'],
    ),
    'standardised, AdamW': dict(
        overlay=dict(
            model=standardised,
            custom_hooks=[calibrated],
            optim_wrapper=dict(
                optimizer=dict(_delete_=True, type='AdamW', lr=2e-3, weight_decay=0.05)
            ),
        ),
        length=2,
        baseline=['Standard 2x'],
    ),
    # The trained network folded, and trained on without BN, at a tenth of the rate.
    'folded': dict(
        overlay=dict(
            model=free,
            custom_hooks=[dict(calibrated, init='fold')],
            optim_wrapper=dict(optimizer=dict(lr=0.01), clip_grad=dict(max_norm=1.0)),
        ),
        start='Standard',
        baseline=['Standard 2x'],
    ),
}
networks = {'Standard': dict(), 'Standard 2x': dict(length=2), **grid, **others}
