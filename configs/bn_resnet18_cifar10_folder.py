_base_ = './bn_resnet18_cifar10.py'
# CIFAR-10 as many mirrors ship it: data/cifar10/{train,test}/<class>/*.
# OpenCV reads BGR, the mean and deviation are for RGB.
data_preprocessor = dict(to_rgb=True)
load = dict(type='LoadImageFromFile')
folder = dict(type='CustomDataset', data_root='data/cifar10')
train_pipeline = [load, *_base_.train_pipeline]
test_pipeline = [load, *_base_.test_pipeline]
train_dataloader = dict(
    dataset=dict(_delete_=True, data_prefix='train', pipeline=train_pipeline, **folder)
)
val_dataloader = dict(
    batch_size=128,
    dataset=dict(_delete_=True, data_prefix='test', pipeline=test_pipeline, **folder),
)
test_dataloader = val_dataloader
