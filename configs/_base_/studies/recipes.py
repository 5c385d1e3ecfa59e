# The recipes of CT among which docs/recipe.md chooses: how the student begins, what of it
# is pulled towards the teacher, one ingredient changed at a time.
#
# The rule, written down before any of these networks was trained. What is compared is the
# corrupted error on held-out images, minus that of the plain network at equal compute
# (three times the student's length, four times where the student starts from a trained
# network), as a fraction of Standard's. Of the recipes whose teacher has no BN and whose clean
# error is at most half a point above that control's on each data set, the one with the
# smallest mean over the digits and CIFAR-10; of those within one standard error of it the
# cheapest.
teacher = dict(type='NoBNTeacherHook', length=2, weight_standardisation=True)
# Ways in which the student begins; 'Standard' is the arm whose network it goes on from.
ways = {
    'from scratch': dict(hook=teacher),
    'from the teacher': dict(hook=dict(teacher, student_start='teacher')),
    'from the teacher, lr / 10': dict(
        hook=dict(teacher, student_start='teacher', student_lr_mult=0.1)
    ),
    'from the BN network': dict(hook=dict(teacher, from_scratch=True), start='Standard'),
}
cosine = dict(distance='cosine', stage='pre_logits')
distances = {
    'no term': dict(loss_weight=0.0),
    'cosine x 3': dict(cosine, loss_weight=3.0),
    'cosine x 10': dict(cosine, loss_weight=10.0),
    'cosine x 30': dict(cosine, loss_weight=30.0),
    'rising cosine x 10': dict(cosine, loss_weight=10.0, ramp='linear', ramp_length=0.5),
    'cosine x 10 of the last stage': dict(cosine, stage=-1, loss_weight=10.0),
    'MSE of the last stage': dict(distance='mse', stage=-1),
    'KL of the logits': dict(),
}
bold = 'cosine x 10'
# Of each recipe its teacher's hook and its consistency term: a study makes arms of them.
recipes = {
    f'CT {way}, {name}': dict(
        **ways[way],
        term=distances[name],
        baseline=['Standard', 'Standard 4x' if 'start' in ways[way] else 'Standard, equal compute'],
    )
    for way, names in {
        'from scratch': [name for name in distances if name != 'no term'],
        'from the teacher': ['no term', bold],
        'from the teacher, lr / 10': ['no term', 'KL of the logits', bold],
        'from the BN network': ['no term', 'cosine x 3', bold, 'cosine x 30'],
    }.items()
    for name in names
}
# What of the teacher counts: each with the same student.
teachers = {
    'BN teacher': dict(remove_bn=False, weight_standardisation=False),
    'calibrated teacher': dict(weight_standardisation=False),
    'teacher of the same length': dict(length=1),
    'averaged teacher': dict(ema=dict(momentum=2e-3)),
    # The trained network folded, and trained on without BN, at a tenth of the rate.
    'folded teacher': dict(
        init='fold', from_scratch=False, weight_standardisation=False, length=1, lr=0.01,
        clip_grad=dict(max_norm=1.0),
    ),
}
recipes = {
    **recipes,
    **{
        f'CT {way}, {bold}, {name}': dict(
            ways[way],
            hook={**ways[way]['hook'], **teachers[name]},
            term=distances[bold],
            baseline=[f'CT {way}, {bold}'],
        )
        for way, names in {
            'from scratch': [name for name in teachers if name != 'folded teacher'],
            'from the teacher, lr / 10': ['BN teacher', 'calibrated teacher'],
            'from the BN network': ['BN teacher', 'folded teacher'],
        }.items()
        for name in names
    },
    f'CT from scratch, {bold}, BN frozen at the end': dict(
        ways['from scratch'],
        term=distances[bold],
        more=[dict(type='FreezeBNStatisticsHook', begin=0.8)],
        baseline=[f'CT from scratch, {bold}'],
    ),
}
networks = {
    'Standard': dict(),
    'Standard 2x': dict(length=2),
    # As long as teacher and student together.
    'Standard, equal compute': dict(length=3),
    # As long as with the network that the student starts from.
    'Standard 4x': dict(length=4),
}
