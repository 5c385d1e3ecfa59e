# The same for CIFAR-100-C, with the released set in data/CIFAR-100-C.
_base_ = './augmix_cifar10.py'
corrupted = dict(type='CIFAR100C', data_root='data/CIFAR-100-C')
scores = dict(corruption=dict(dataset=corrupted), adapted=dict(dataset=corrupted))
arms = {
    name: dict(config=arm['config'].replace('_cifar10.py', '_cifar100.py'))
    for name, arm in _base_.arms.items()
}
published = {
    'AllConvNet': (56.4, 56.8, 53.4, 56.0, 55.1, 56.0, 42.7),
    'DenseNet-BC': (59.3, 59.6, 55.4, 59.2, 53.9, 55.2, 39.6),
    'WRN-40-2': (53.3, 53.5, 50.4, 52.9, 49.6, 55.1, 35.9),
    'ResNeXt-29': (53.4, 54.6, 51.4, 54.1, 51.3, 54.4, 34.9),
}
table = {
    _base_.published_title: dict(
        published={
            f'{group}, {variant}': value
            for group, values in published.items()
            for variant, value in zip(_base_.published_methods, values, strict=True)
        }
    )
}
