# Four fifths of the training digits to learn from, the rest to choose settings on.
_base_ = '../../bn_resnet18_digits.py'
part = dict(type='KFoldDataset', fold=0, num_splits=5, seed=0, _delete_=True)
train_dataloader = dict(dataset=dict(**part, dataset=_base_.train_dataloader.dataset))
val_dataloader = dict(
    dataset=dict(
        **part,
        dataset=dict(_base_.val_dataloader.dataset, split='train'),
        test_mode=True,
    )
)
