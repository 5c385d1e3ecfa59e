_base_ = ['./ct_resnet18_digits.py', './_base_/studies/narrow_digits.py']
model = _base_.common.model
