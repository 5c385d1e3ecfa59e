# What every config of mmct needs: its classes in mmpretrain's registries.
custom_imports = dict(imports=['mmct'], allow_failed_imports=False)
# The recipe that was chosen on held-out images (docs/recipe.md): of `--ct`, and of every ct_
# config by `model = _base_.ct_student` and `custom_hooks = [_base_.ct_teacher]`.
ct_teacher = dict(
    type='NoBNTeacherHook',
    length=2,
    weight_standardisation=True,
    student_start='teacher',
    student_lr_mult=0.1,
)
ct_student = dict(
    type='CTClassifier',
    consistency=dict(distance='cosine', stage='pre_logits', loss_weight=10.0),
)
