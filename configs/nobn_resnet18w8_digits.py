_base_ = ['./nobn_resnet18_digits.py', './_base_/studies/digits_schedule.py']
# As the studies of digits train it.
train_cfg = _base_.common.train_cfg
param_scheduler = _base_.common.param_scheduler
optim_wrapper = dict(optimizer=_base_.free_optimizer)
