# For studies on a CPU: a fifth of CIFAR-10's training images and of its test
# images; 2,000 other training images to choose settings on.
_base_ = '../../bn_resnet18_cifar10_folder.py'
part = dict(type='KFoldDataset', fold=0, num_splits=5, test_mode=True, seed=0)
train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    dataset=dict(_delete_=True, dataset=_base_.train_dataloader.dataset, **part),
)
val_dataloader = dict(
    num_workers=0,
    dataset=dict(
        _delete_=True,
        # The training images, cut as those of the test set are.
        dataset={
            **_base_.train_dataloader.dataset,
            'pipeline': _base_.val_dataloader.dataset.pipeline,
        },
        **{**part, 'fold': 24, 'num_splits': 25},
    ),
)
# The images lie class by class: of each five the first.
test_dataloader = dict(num_workers=0, dataset=dict(indices=list(range(0, 10000, 5))))
optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
)
