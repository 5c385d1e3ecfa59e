_base_ = ['./ct_resnet18_digits.py', './_base_/studies/digits_schedule.py']
# As the studies of digits train it.
train_cfg = _base_.common.train_cfg
param_scheduler = _base_.common.param_scheduler
custom_hooks = [dict(_base_.ct_teacher, optimizer=None, lr=_base_.free_optimizer.lr)]
