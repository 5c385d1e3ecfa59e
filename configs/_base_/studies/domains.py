# What is compared where one domain is left out: each method as an arm has it.
_base_ = '../mmct.py'
fold = dict(type='NoBNTeacherHook', init='fold')
student = dict(type='CTClassifier')
methods = {
    'ERM': dict(),
    'CT': dict(overlay=dict(model=student, custom_hooks=[fold])),
    'BN teacher': dict(overlay=dict(model=student, custom_hooks=[{**fold, 'remove_bn': False}])),
    **{
        name: dict(overlay=dict(model=dict(type='DomainClassifier', objective=dict(type=name))))
        for name in ('CORAL', 'MMD', 'IRM')
    },
    'GroupDRO': dict(
        overlay=dict(
            model=dict(
                type='DomainClassifier', objective=dict(type='GroupDRO', num_domains=4)
            )
        )
    ),
    'Mixup': dict(methods='mixup'),
}
# What DomainBed draws at random: by setting its default, and the powers of ten between.
space = {
    'optim_wrapper.optimizer.lr': (5e-5, -5.0, -3.5),
    'optim_wrapper.optimizer.weight_decay': (0.0, -6.0, -2.0),
}
seeds = 3
scores = dict(domains=dict(type='DomainScore'))
table = {
    'test domain, %': 'domains.accuracy_pct',
    'hold-outs of training domains, %': 'domains.validation_pct',
}
figures = dict(domains=dict(type='DomainAccuracies'))
