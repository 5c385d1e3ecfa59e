# What is compared where one domain is left out: each method as an arm has it.
_base_ = '../mmct.py'
# The teacher learns on from the pretrained network, whose BN is folded, for twice the length of
# the student, which goes on from the pretrained network itself.
fold = dict(type='NoBNTeacherHook', init='fold', length=2)
ct = dict(model=_base_.ct_student, custom_hooks=[fold])
bn_teacher = dict(model=_base_.ct_student, custom_hooks=[{**fold, 'remove_bn': False}])
# With statistics that stay what they are BN is an affine layer, as the teacher's.
frozen = dict(backbone=dict(norm_eval=True))
equal = 'ERM, equal compute (3x)'
# What is drawn at random: DomainBed's setting, and the powers of ten between. That of
# CT is our choice, those of the others are DomainBed's.
ct_space = {'model.consistency.loss_weight': (10.0, 0.0, 2.0)}
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
    'VREx': (
        dict(type='VREx'),
        {
            'model.objective.weight': (10.0, -1.0, 5.0),
            'model.objective.anneal_iters': (500, 0.0, 4.0),
        },
    ),
    'GroupDRO': (
        dict(type='GroupDRO', num_domains=4),
        {'model.objective.eta': (0.01, -3.0, -1.0)},
    ),
}
# The discriminator's rate is drawn as a multiple of the network's.
discriminator = 'optim_wrapper.paramwise_cfg.custom_keys.discriminator.lr_mult'
dann_space = {
    'model.weight': (1.0, -2.0, 2.0),
    'model.discriminator_steps': (1, 0.0, 0.9),
    'model.penalty': (0.0, -2.0, 1.0),
    discriminator: (1.0, -1.5, 1.5),
}
methods = {
    'ERM': dict(),
    # As many steps as CT and its teacher.
    equal: dict(length=3),
    'CT': dict(overlay=ct, space=ct_space, baselines=['ERM', equal, 'BN teacher']),
    'BN teacher': dict(overlay=bn_teacher, space=ct_space),
    'ERM, frozen BN': dict(overlay=dict(model=frozen)),
    'CT, frozen BN': dict(
        overlay={**ct, 'model': {**ct['model'], **frozen}},
        space=ct_space,
        baselines=['ERM, frozen BN', 'CT'],
    ),
    **{
        name: dict(
            overlay=dict(model=dict(type='DomainClassifier', objective=objective)), space=drawn
        )
        for name, (objective, drawn) in objectives.items()
    },
    **{
        name: dict(
            overlay=dict(
                model=dict(
                    type='AdversarialDomainClassifier', num_domains=4, conditional=conditional
                ),
                optim_wrapper=dict(optimizer=dict(betas=(0.5, 0.9))),
            ),
            space=dann_space,
        )
        for name, conditional in {'DANN': False, 'CDANN': True}.items()
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
