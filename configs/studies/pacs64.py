# An earlier recipe on PACS at 64 px: docs/earlier_studies.md
_base_ = '../_base_/studies/domains.py'
studies = __import__('importlib').import_module('mmct.studies')
# Images were read and resized by OpenCV.
load = dict(type='LoadImageFromFile')
pack = dict(type='PackInputs', meta_keys=('img_path', 'domain'))
train_pipeline = [
    load,
    dict(type='RandomResizedCrop', scale=64, crop_ratio_range=(0.7, 1.0)),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='NumpyToPIL', to_rgb=True),
    dict(
        type='torchvision/ColorJitter', brightness=0.3, contrast=0.3, saturation=0.3, hue=0.3
    ),
    dict(type='torchvision/RandomGrayscale', p=0.1),
    dict(type='PILToNumpy', to_bgr=True),
    pack,
]
shown_pipeline = dict(dataset=dict(pipeline=[load, dict(type='Resize', scale=(64, 64)), pack]))
common = dict(
    train_dataloader=dict(dataset=dict(pipeline=train_pipeline)),
    val_dataloader=shown_pipeline,
    test_dataloader=shown_pipeline,
    train_cfg=dict(max_iters=750),
    param_scheduler=[dict(type='CosineAnnealingLR', T_max=750, by_epoch=False)],
)
earlier = dict(
    type='NoBNTeacherHook', length=2, student_start='teacher', student_lr_mult=0.1
)
student = dict(type='CTClassifier')
earlier_ct = dict(model=student, custom_hooks=[earlier])
control = dict(model=student, custom_hooks=[{**earlier, 'remove_bn': False}])
made = studies.leave_one_out(
    __import__('mmct').datasets.PACS.DOMAINS,
    '{{ fileDirname }}/../dg/erm_resnet18w16_pacs64.py',
    {
        'ERM': dict(),
        'CT': dict(overlay=earlier_ct, baselines=['ERM', 'BN teacher']),
        'BN teacher': dict(overlay=control),
    },
)
arms = made['arms']
tables = dict(domains=dict(type='DomainTable', **made['table']))
