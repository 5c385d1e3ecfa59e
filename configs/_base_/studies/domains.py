# What is compared where one domain is left out: each method as an arm has it.
_base_ = '../mmct.py'
fold = dict(type='NoBNTeacherHook', init='fold')
student = dict(type='CTClassifier')
# What is drawn at random: DomainBed's setting, and the powers of ten between. That of
# CT is our choice, those of the others are DomainBed's.
ct_space = {'model.consistency.loss_weight': (1.0, -1.0, 1.0)}
weight = {'model.objective.weight': (1.0, -1.0, 1.0)}
objectives = {
    'CORAL': (dict(type='CORAL'), weight),
    'MMD': (dict(type='MMD'), weight),
    'IRM': (
        dict(type='IRM'),
        {
            'model.objective.weight': (100.0, -1.0, 5.0),
            'model.objective.anneal_iters': (500, 0.0, 4.0),
        },
    ),
    'GroupDRO': (
        dict(type='GroupDRO', num_domains=4),
        {'model.objective.eta': (0.01, -3.0, -1.0)},
    ),
}
methods = {
    'ERM': dict(),
    'CT': dict(
        overlay=dict(model=student, custom_hooks=[fold]),
        space=ct_space,
        baselines=['ERM', 'BN teacher'],
    ),
    'BN teacher': dict(
        overlay=dict(model=student, custom_hooks=[{**fold, 'remove_bn': False}]), space=ct_space
    ),
    **{
        name: dict(
            overlay=dict(model=dict(type='DomainClassifier', objective=objective)), space=drawn
        )
        for name, (objective, drawn) in objectives.items()
    },
    'Mixup': dict(
        overlay=dict(model=dict(type='InterdomainMixup')), space={'model.alpha': (0.2, -1.0, 1.0)}
    ),
}
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
