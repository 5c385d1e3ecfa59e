# A tenth of CIFAR-10's training images to choose settings on, the rest to learn from.
_base_ = '../../bn_resnet20_cifar10_folder.py'
part = dict(type='KFoldDataset', fold=0, num_splits=10, seed=0, _delete_=True)
train_dataloader = dict(dataset=dict(**part, dataset=_base_.train_dataloader.dataset))
val_dataloader = dict(
    dataset=dict(
        **part,
        dataset={
            **_base_.train_dataloader.dataset,
            'pipeline': _base_.val_dataloader.dataset.pipeline,
        },
        test_mode=True,
    )
)
