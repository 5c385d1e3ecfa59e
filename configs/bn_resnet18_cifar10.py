_base_ = 'mmpretrain::resnet/resnet18_8xb16_cifar10.py'
# The batch of mmpretrain's recipe (8 x 16) on one device.
train_dataloader = dict(batch_size=128)
