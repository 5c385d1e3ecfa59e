# One setting of CT at a time, around the default, then the best of them together.
# Chosen on training images that no network learns from, under the four corruptions
# that no benchmark contains; the benchmark's 15 play no part: docs/earlier_studies.md
_base_ = ['../_base_/studies/small_networks.py', '../_base_/studies/held_out.py']
longer = dict(max_epochs=2 * _base_.epochs)
# A student that stays near where it starts; its teacher learns as before.
gentle = dict(optim_wrapper=dict(optimizer=dict(lr=0.01)))
cosine_on_features = dict(distance='cosine', stage='pre_logits')
settings = {
    'default': dict(),
    'distance js': dict(consistency=dict(distance='js')),
    'distance mse': dict(consistency=dict(distance='mse')),
    'pooled features, cosine': dict(consistency=cosine_on_features),
    'logits and last stage': dict(consistency=[dict(), dict(distance='cosine', stage=-1)]),
    'weight 0.3': dict(consistency=dict(loss_weight=0.3)),
    'weight 3': dict(consistency=dict(loss_weight=3.0)),
    'T = 4': dict(consistency=dict(temperature=4.0)),
    'rising weight': dict(consistency=dict(ramp='linear')),
    'from the teacher': dict(teacher=dict(student_start='teacher')),
    'teacher identity': dict(teacher=dict(init='identity')),
    'teacher per channel': dict(teacher=dict(granularity='channel')),
    'teacher 2x': dict(teacher=longer),
    'gate correct': dict(consistency=dict(gate='correct')),
    'gate confident': dict(consistency=dict(gate='confident')),
    'BN teacher': dict(teacher=dict(remove_bn=False)),
    # Pairs of what was best, and the controls that belong to them.
    '2x, from the teacher': dict(teacher=dict(**longer, student_start='teacher')),
    '2x, pooled features, cosine': dict(teacher=longer, consistency=cosine_on_features),
    '2x, gate correct': dict(teacher=longer, consistency=dict(gate='correct')),
    '2x, BN teacher': dict(teacher=dict(**longer, remove_bn=False)),
    '2x, from the BN teacher': dict(
        teacher=dict(**longer, remove_bn=False, student_start='teacher')
    ),
    '2x, from the teacher, lr x 0.3': dict(
        teacher=dict(**longer, student_start='teacher', student_lr_mult=0.3)
    ),
    '2x, from the teacher, lr / 10': dict(
        teacher=dict(**longer, student_start='teacher', lr=0.1), overlay=gentle
    ),
    '2x, from the BN teacher, lr / 10': dict(
        teacher=dict(**longer, remove_bn=False, student_start='teacher', lr=0.1), overlay=gentle
    ),
}
switched = {
    name: dict(
        model=dict(type='CTClassifier', consistency=changes.get('consistency', {})),
        custom_hooks=[dict(type='NoBNTeacherHook', **changes.get('teacher', {}))],
        **changes.get('overlay', {}),
    )
    for name, changes in settings.items()
}
arms = {
    name: dict(
        config=_base_.base,
        overlay=[_base_.architectures['WRN-10'], overlay],
        group='WRN-10',
        variant=name,
        baseline=None if name == 'default' else 'default',
    )
    for name, overlay in {'Standard': {}, **switched}.items()
}
seeds = 3
