# What every config of mmct needs: its classes in mmpretrain's registries.
custom_imports = dict(imports=['mmct'], allow_failed_imports=False)
# The recipe that the ablation chose (docs/recipe.md): of `--ct`, and of every ct_ config
# by `custom_hooks = [_base_.ct_teacher]`.
ct_teacher = dict(
    type='NoBNTeacherHook', length=2, student_start='teacher', student_lr_mult=0.1
)
