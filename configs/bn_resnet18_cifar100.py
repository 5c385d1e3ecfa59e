_base_ = [
    'mmpretrain::_base_/models/resnet18_cifar.py',
    'mmpretrain::_base_/datasets/cifar100_bs16.py',
    'mmpretrain::_base_/schedules/cifar10_bs128.py',
    'mmpretrain::_base_/default_runtime.py',
]
model = dict(head=dict(num_classes=100))
# mmpretrain's own CIFAR-100 recipe differs from its CIFAR-10 one in this.
optim_wrapper = dict(optimizer=dict(weight_decay=5e-4))
train_dataloader = dict(batch_size=128)
