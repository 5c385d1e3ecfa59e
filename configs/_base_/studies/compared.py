# What CT by an earlier recipe is compared with in a table, and with which of them an arm is.
student = dict(type='CTClassifier')
earlier = dict(
    type='NoBNTeacherHook', length=2, student_start='teacher', student_lr_mult=0.1
)
ct = dict(model=student, custom_hooks=[earlier])
bn_teacher = dict(model=student, custom_hooks=[{**earlier, 'remove_bn': False}])
# Both at the learning rate of the plain network.
full_rate = dict(type='NoBNTeacherHook', length=2, student_start='teacher')
ct_full_rate = dict(model=student, custom_hooks=[full_rate])
bn_teacher_full_rate = dict(model=student, custom_hooks=[{**full_rate, 'remove_bn': False}])
# The teacher alone, as the hook trains it.
no_bn = dict(
    model=dict(type='NormFreeClassifier'),
    custom_hooks=[
        dict(
            type='NoBNTrainingHook', init='calibrate', granularity='layer', calibration_batches=1
        )
    ],
    optim_wrapper=dict(clip_grad=dict(max_norm=1.0)),
)
# A study says what the lengths are: twice the student's as its teacher has, and
# three times, as long as teacher and student together.
methods = {
    'Standard': dict(),
    'Cutout': dict(methods='cutout'),
    'Mixup': dict(methods='mixup'),
    'CutMix': dict(methods='cutmix'),
    'AutoAugment': dict(methods='autoaugment'),
    'RandAugment': dict(methods='randaugment'),
    'AugMix without JSD': dict(methods='augmix_no_jsd'),
    'Standard, equal compute': dict(length=3),
    "BN (the control's teacher)": dict(length=2),
    'no BN (the teacher)': dict(overlay=no_bn, length=2),
    'BN teacher': dict(overlay=bn_teacher),
    'CT': dict(overlay=ct),
    'BN teacher, full rate': dict(overlay=bn_teacher_full_rate),
    'CT, full rate': dict(overlay=ct_full_rate),
    'Adversarial': dict(methods='adversarial'),
    'AugMix': dict(methods='augmix'),
    'BN teacher + AugMix': dict(overlay=bn_teacher, methods='augmix'),
    'CT + AugMix': dict(overlay=ct, methods='augmix'),
}
compared_with = {
    'Standard': [],
    'CT': ['Standard', 'BN teacher', 'Standard, equal compute', 'CT, full rate'],
    'CT, full rate': ['Standard', 'BN teacher, full rate', 'Standard, equal compute'],
    'BN teacher + AugMix': ['Standard', 'AugMix'],
    'CT + AugMix': ['Standard', 'AugMix', 'BN teacher + AugMix'],
}
# Also with BN statistics of test batches, which is another setting.
shown_adapted = ('Standard', 'BN teacher', 'CT', 'AugMix', 'CT + AugMix')
