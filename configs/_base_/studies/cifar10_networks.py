# Networks of the same cost on CIFAR-10, below bn_resnet20_cifar10_folder.py.
families = {
    'ResNet-20': dict(),
    'AllConvNet': dict(
        model=dict(
            backbone=dict(_delete_=True, type='AllConvNet', base_channels=32, drop_rate=0.1),
            head=dict(in_channels=64),
        )
    ),
}
