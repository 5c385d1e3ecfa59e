# How the kept studies of the digits train: for 15 epochs, and networks without BN by SGD; the
# configs, which are a demo, for 10, and by AdamW.
common = dict(
    train_cfg=dict(max_epochs=15),
    param_scheduler=[
        dict(type='LinearLR', start_factor=0.1, begin=0, end=2, convert_to_iter_based=True),
        dict(type='CosineAnnealingLR', begin=2, end=15, T_max=13, convert_to_iter_based=True),
    ],
)
# The teacher's rate, as digits_teachers.py chose: docs/recipe.md
free_rate = dict(lr=0.05)
at_free_rate = dict(optim_wrapper=dict(optimizer=free_rate))
free_optimizer = dict(
    **free_rate, _delete_=True, type='SGD', momentum=0.9, weight_decay=5e-4, nesterov=True
)
