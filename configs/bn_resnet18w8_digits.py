_base_ = ['./bn_resnet18_digits.py', './_base_/studies/narrow_digits.py']
# The network of the studies of digits.
model = _base_.common.model
