"""BN removal and CT on each backbone of mmpretrain that holds BatchNorm.

Writes the table of docs/architectures.md::

    python benchmarks/architectures.py docs/architectures.md

tests/test_architectures.py runs the same proof.
"""

import argparse
import copy
import inspect
import logging
import re
import statistics
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmct.models import (
    build_classifier,
    calibrate,
    class_scores,
    remove_batch_norm,
    start_from_teacher,
)
from mmct.report import Row, Table
from mmct.runs.configs import load_config
from mmct.runs.files import write_text

CLASSES, BATCH, STEPS = 10, 8, 20
BEGIN, END = '<!-- architectures -->', '<!-- end -->'


@dataclass(frozen=True)
class Architecture:
    """A backbone in mmpretrain's own classifier, made small.

    Attributes:
        config (str): Where its classifier is.
        model (dict): What is changed in its model.
        size (int): Height and width of the images.
        settings (dict): Changes in the class's ``arch_settings``, where its
            arguments cannot make it small.
        teacher_lr (float): Of the steps without BN.
        student_lr (float): Of those under CT.
    """

    config: str
    model: dict[str, Any] = field(default_factory=dict)
    size: int = 32
    settings: dict[Any, dict] = field(default_factory=dict)
    teacher_lr: float = 0.003
    student_lr: float = 0.03


def small(features: int | list[int] | None = None, **backbone: Any) -> dict[str, Any]:
    """What makes a backbone small, and how many features its head then gets."""
    head = {} if features is None else dict(in_channels=features)
    return dict(backbone=backbone, head=head)


def replaced(**arch: Any) -> dict[str, Any]:
    """An ``arch`` that has nothing of the one in the config."""
    return dict(_delete_=True, **arch)


def hrnet_stage(block: str, *channels: int) -> dict[str, Any]:
    """A stage of HRNet with one block a branch."""
    branches = len(channels)
    return dict(
        num_modules=1, num_branches=branches, block=block, num_blocks=(1,) * branches,
        num_channels=channels,
    )  # fmt: skip


NARROW = dict(stem_channels=8, base_channels=8)
GROUPED = dict(NARROW, groups=4)
ARCHITECTURES = {
    'AllConvNet': Architecture('mmct::bn_allconv_cifar10.py', small(16, base_channels=8)),
    'Conformer': Architecture(
        'mmpretrain::conformer/conformer-tiny-p16_8xb128_in1k.py',
        small(
            [32, 24],
            base_channels=8,
            arch=replaced(embed_dims=24, channel_ratio=1, num_heads=2, depths=3),
        ),
    ),
    'ConvMixer': Architecture(
        'mmpretrain::convmixer/convmixer-768-32_10xb64_in1k.py',
        small(16, arch=replaced(embed_dims=16, depth=2, patch_size=4, kernel_size=5)),
    ),
    'CSPDarkNet': Architecture(
        'mmpretrain::cspnet/cspdarknet50_8xb32_in1k.py',
        small(32),
        settings={
            53: dict(
                out_channels=(16, 16, 16, 16, 32),
                in_channels=(32, 16, 16, 16, 16),
                num_blocks=(1, 1, 2, 1, 1),
            )
        },
    ),
    'CSPResNet': Architecture(
        'mmpretrain::cspnet/cspresnet50_8xb32_in1k.py',
        small(64),
        settings={
            50: dict(
                in_channels=(64, 16, 32, 32), out_channels=(16, 32, 32, 64), num_blocks=(1, 1, 2, 1)
            )
        },
    ),
    'CSPResNeXt': Architecture(
        'mmpretrain::cspnet/cspresnext50_8xb32_in1k.py',
        small(256),
        settings={
            50: dict(
                in_channels=(64, 128, 128, 256),
                out_channels=(128, 128, 256, 256),
                num_blocks=(1, 1, 2, 1),
            )
        },
    ),
    'DenseNet': Architecture(
        'mmpretrain::densenet/densenet121_4xb256_in1k.py',
        small(11, arch=replaced(growth_rate=4, depths=[1, 2, 2, 1], init_channels=8)),
    ),
    'DenseNetCIFAR': Architecture(
        'mmct::bn_densenet_bc100_cifar10.py', small(23, depth=22, growth_rate=4)
    ),
    'EfficientFormer': Architecture(
        'mmpretrain::efficientformer/efficientformer-l1_8xb128_in1k.py',
        dict(
            backbone=dict(
                arch=replaced(
                    layers=[1, 1, 1, 2],
                    embed_dims=[8, 8, 16, 32],
                    downsamples=[False, True, True, True],
                    vit_num=1,
                ),
            ),
            # mmpretrain itself cannot train with the distillation of this config.
            head=dict(in_channels=32, distillation=False),
        ),
        size=224,
    ),
    'EfficientNet': Architecture('mmpretrain::efficientnet/efficientnet-b0_8xb32_in1k.py'),
    'EfficientNetV2': Architecture(
        'mmpretrain::efficientnet_v2/efficientnetv2-b0_8xb32_in1k.py', teacher_lr=0.001
    ),
    'HRNet': Architecture(
        'mmpretrain::hrnet/hrnet-w18_4xb32_in1k.py',
        dict(
            backbone=dict(
                extra=dict(
                    stage1=hrnet_stage('BOTTLENECK', 16),
                    stage2=hrnet_stage('BASIC', 4, 8),
                    stage3=hrnet_stage('BASIC', 4, 8, 16),
                    stage4=hrnet_stage('BASIC', 4, 8, 16, 32),
                ),
            ),
            neck=[
                dict(type='HRFuseScales', in_channels=(4, 8, 16, 32)),
                dict(type='GlobalAveragePooling'),
            ],
        ),
    ),
    'InceptionV3': Architecture(
        'mmpretrain::inception_v3/inception-v3_8xb32_in1k.py',
        dict(backbone=dict(num_classes=CLASSES, dropout=0.0)),
        75,
        # So many BN layers and eight images: larger steps go anywhere.
        student_lr=1e-5,
    ),
    'LeViT': Architecture(
        'mmpretrain::levit/levit-128s_8xb256_in1k.py',
        dict(backbone=dict(img_size=64), head=dict(distillation=False)),
        size=64,
    ),
    'MobileNetV2': Architecture(
        'mmpretrain::mobilenet_v2/mobilenet-v2_8xb32_in1k.py', small(widen_factor=0.25)
    ),
    'MobileNetV3': Architecture('mmpretrain::mobilenet_v3/mobilenet-v3-small-050_8xb128_in1k.py'),
    'MobileOne': Architecture(
        'mmpretrain::mobileone/mobileone-s0_8xb32_in1k.py',
        small(
            64,
            arch=replaced(
                num_blocks=[1, 2, 1, 1],
                width_factor=[0.25, 0.125, 0.125, 0.125],
                num_conv_branches=[2, 2, 2, 2],
                num_se_blocks=[0, 0, 1, 1],
            ),
        ),
    ),
    'MobileViT': Architecture('mmpretrain::mobilevit/mobilevit-xxsmall_8xb128_in1k.py', size=64),
    'PyramidVig': Architecture(
        'mmpretrain::vig/pvig-tiny_8xb128_in1k.py',
        small(32),
        224,
        dict(tiny=dict(blocks=[1, 1, 1, 1], channels=[8, 8, 16, 32])),
    ),
    'RegNet': Architecture('mmpretrain::regnet/regnetx-400mf_8xb128_in1k.py'),
    'RepLKNet': Architecture(
        # mmengine cannot read the backbone's own configs: their base imports by code.
        'mmpretrain::resnet/resnet18_8xb32_in1k.py',
        small(
            32,
            _delete_=True,
            type='RepLKNet',
            drop_path_rate=0.0,
            arch=dict(
                large_kernel_sizes=[7, 7, 5, 5],
                layers=[1, 1, 1, 1],
                channels=[8, 8, 16, 32],
                small_kernel=3,
                dw_ratio=1,
            ),
        ),
    ),
    'RepMLPNet': Architecture(
        'mmpretrain::repmlp/repmlp-base_8xb64_in1k.py',
        small(
            32,
            img_size=64,
            reparam_conv_kernels=(1, 3),
            arch=replaced(channels=[8, 16, 32], depths=[1, 1, 1], sharesets_nums=[1, 2, 4]),
            out_indices=(2,),
        ),
        size=64,
    ),
    'RepVGG': Architecture(
        'mmpretrain::repvgg/repvgg-A0_8xb32_in1k.py',
        small(
            128,
            arch=replaced(
                num_blocks=[1, 2, 1, 1],
                width_factor=[0.25] * 4,
                group_layer_map=None,
                se_cfg=None,
            ),
        ),
    ),
    'Res2Net': Architecture(
        'mmpretrain::res2net/res2net50-w14-s8_8xb32_in1k.py',
        small(512, stem_channels=8, base_channels=16),
    ),
    'ResNeSt': Architecture('mmpretrain::resnest/resnest50_32xb64_in1k.py', small(256, **NARROW)),
    'ResNet': Architecture('mmpretrain::resnet/resnet18_8xb32_in1k.py', small(64, **NARROW)),
    'ResNet_CIFAR': Architecture(
        'mmpretrain::resnet/resnet18_8xb16_cifar10.py', small(64, **NARROW)
    ),
    'ResNetV1c': Architecture('mmpretrain::resnet/resnetv1c50_8xb32_in1k.py', small(256, **NARROW)),
    'ResNetV1d': Architecture('mmpretrain::resnet/resnetv1d50_8xb32_in1k.py', small(256, **NARROW)),
    'ResNeXt': Architecture(
        'mmpretrain::resnext/resnext50-32x4d_8xb32_in1k.py', small(256, **GROUPED)
    ),
    'ResNetCIFAR': Architecture(
        'mmct::bn_resnet20_cifar10_folder.py', small(32, depth=8, base_channels=8)
    ),
    'ResNeXtCIFAR': Architecture(
        'mmct::bn_resnext29_cifar10.py', small(128, depth=11, width_per_group=4, **NARROW)
    ),
    'SEResNet': Architecture('mmpretrain::seresnet/seresnet50_8xb32_in1k.py', small(256, **NARROW)),
    'SEResNeXt': Architecture(
        'mmpretrain::seresnet/seresnext50-32x4d_8xb32_in1k.py', small(256, **GROUPED)
    ),
    'ShuffleNetV1': Architecture('mmpretrain::shufflenet_v1/shufflenet-v1-1x_16xb64_in1k.py'),
    'ShuffleNetV2': Architecture('mmpretrain::shufflenet_v2/shufflenet-v2-1x_16xb64_in1k.py'),
    'TinyViT': Architecture(
        'mmpretrain::tinyvit/tinyvit-5m_8xb256_in1k.py',
        small(
            32,
            img_size=(64, 64),
            window_size=[2, 2, 4, 2],
            arch=replaced(channels=[8, 16, 16, 32], num_heads=[1, 2, 2, 2], depths=[1, 1, 1, 1]),
        ),
        size=64,
    ),
    'VAN': Architecture(
        'mmpretrain::van/van-tiny_8xb128_in1k.py',
        small(
            32,
            arch=replaced(embed_dims=[8, 8, 16, 32], depths=[1, 1, 1, 1], ffn_ratios=[4, 4, 4, 4]),
        ),
    ),
    'VGG': Architecture(
        'mmpretrain::vgg/vgg11bn_8xb32_in1k.py',
        dict(
            # Its own classifier needs 224 x 224 pixels.
            backbone=dict(num_classes=-1),
            neck=dict(_delete_=True, type='GlobalAveragePooling'),
            head=dict(
                _delete_=True,
                type='LinearClsHead',
                in_channels=512,
                num_classes=CLASSES,
                loss=dict(type='CrossEntropyLoss'),
            ),
        ),
    ),
    'Vig': Architecture(
        'mmpretrain::vig/vig-tiny_8xb128_in1k.py',
        small(16),
        224,
        dict(tiny=dict(num_blocks=2, channels=16)),
    ),
    'WideResNet': Architecture(
        'mmct::bn_wrn40_2_cifar10.py', small(32, depth=16, widen_factor=1, base_channels=8)
    ),
    'XCiT': Architecture(
        'mmpretrain::xcit/xcit-nano-12-p16_8xb128_in1k.py',
        small(16, embed_dims=16, depth=2, num_heads=2),
        size=32,
    ),
}
"""By the name of the backbone's class."""

NO_CLASSIFIER = 'is for masked pretraining (SparK): alone it has no mask, and cannot be run'
NO_BATCH_NORM = 'its file mentions BN, but the network has none'
LEFT_OUT = {
    'DaViT': NO_BATCH_NORM,
    'PCPVT': NO_BATCH_NORM,
    'SparseConvNeXt': NO_CLASSIFIER,
    'SparseResNet': NO_CLASSIFIER,
    'SVT': NO_BATCH_NORM,
    'SwinTransformer': NO_BATCH_NORM,
    'SwinTransformerV2': NO_BATCH_NORM,
}
"""Backbones whose file mentions BN that cannot be proven, and why."""


@dataclass
class Proof:
    """What came out for an architecture.

    Attributes:
        batch_norms (int): Layers of BN in the network.
        left (int): Of them after the removal.
        fold_error (float): Largest difference of class scores between the
            folded network and the BN network in eval mode, as a fraction of
            the largest score.
        identity (list[float]): Scores after the literal removal.
        teacher (list[float]): Its loss at each step.
        student (list[float]): The same under CT, both terms together.
        start_error (float): As ``fold_error``, between the teacher and a BN
            network that starts from it.
    """

    batch_norms: int
    left: int
    fold_error: float
    identity: Tensor
    teacher: list[float]
    student: list[float]
    start_error: float


def prove(name: str, steps: int = STEPS) -> Proof:
    """Remove BN from an architecture, train that as teacher, and learn from it.

    Args:
        name (str): Of the backbone.
        steps (int): Of each training.

    Returns:
        Proof: The outcome.
    """
    init_default_scope('mmpretrain')
    architecture = ARCHITECTURES[name]
    with shrunk_settings(name):
        cfg = model_config(architecture)
        network, teacher, student = (
            built(cfg, kind) for kind in ('ImageClassifier', 'NormFreeClassifier', 'CTClassifier')
        )
    batch = digits(architecture.size)
    inputs = network.data_preprocessor(copy.deepcopy(batch), training=False)['inputs']
    settle(network, inputs)
    with torch.no_grad():
        folded, identity = (
            remove_batch_norm(copy.deepcopy(network), init).eval() for init in ('fold', 'identity')
        )
        expected = scores(network.eval(), inputs)
        fold_error = (scores(folded, inputs) - expected).abs().max() / expected.abs().max()
        literal = scores(identity, inputs)
    calibrate(teacher, inputs)
    teacher_losses = trained(teacher, batch, architecture.teacher_lr, steps)
    student.attach_teacher(teacher)
    start_from_teacher(network, teacher, inputs)
    with torch.no_grad():
        expected = scores(teacher.eval(), inputs)
        start_error = (scores(network.eval(), inputs) - expected).abs().max() / expected.abs().max()
    return Proof(
        batch_norms=len(batch_norms(network)),
        left=sum(len(batch_norms(model)) for model in (folded, identity, teacher)),
        fold_error=fold_error.item(),
        identity=literal,
        teacher=teacher_losses,
        student=trained(student, batch, architecture.student_lr, steps),
        start_error=start_error.item(),
    )


def shrunk_settings(name: str) -> AbstractContextManager:
    """The ``arch_settings`` of a backbone's class, made small for a while."""
    changes = ARCHITECTURES[name].settings
    if not changes:
        return nullcontext()
    stock = MODELS.get(name).arch_settings
    return mock.patch.dict(stock, {key: {**stock[key], **changes[key]} for key in changes})


def model_config(architecture: Architecture) -> ConfigDict:
    """The stock model, made small, for ten classes."""
    cfg = load_config(architecture.config)
    cfg.merge_from_dict(dict(model=architecture.model))
    model = cfg.model
    model.pop('train_cfg', None)  # Mixup and CutMix change the loss at random
    model.head.pop('loss', None)  # of smoothed labels, often
    model.head.update(topk=(1,), loss=dict(type='CrossEntropyLoss'))
    if model.head.type != 'ClsHead':  # which gets scores from its backbone
        model.head.num_classes = CLASSES
    # Of the digits, in [0, 255].
    model.data_preprocessor = dict(
        type='ClsDataPreprocessor', num_classes=CLASSES, mean=[77.8] * 3, std=[95.9] * 3
    )
    return model


def built(cfg: ConfigDict, kind: str) -> nn.Module:
    """A classifier of a kind, with weights that are the same for each kind."""
    torch.manual_seed(0)
    model = build_classifier(dict(model=cfg), kind)
    model.init_weights()
    return model


def digits(size: int) -> dict[str, Any]:
    """A batch of scanned digits, as a data loader gives it."""
    data = load_digits()
    images = torch.from_numpy(data.images[:BATCH, None] * 255 / 16).float()
    images = F.interpolate(images, (size, size), mode='bilinear').expand(-1, 3, -1, -1)
    samples = [DataSample().set_gt_label(int(label)) for label in data.target[:BATCH]]
    return dict(inputs=images.round().to(torch.uint8), data_samples=samples)


def settle(network: nn.Module, inputs: Tensor) -> None:
    """Give BN layers statistics and weights as a trained network has them."""
    generator = torch.Generator().manual_seed(0)
    for layer in batch_norms(network):
        if layer.affine:
            layer.weight.data.uniform_(0.5, 1.5, generator=generator)
            layer.bias.data.uniform_(-0.2, 0.2, generator=generator)
    network.train()
    with torch.no_grad():
        for _ in range(5):
            network(inputs, mode='tensor')


def batch_norms(model: nn.Module) -> list[_BatchNorm]:
    """The BatchNorm layers of a model."""
    return [module for module in model.modules() if isinstance(module, _BatchNorm)]


def scores(model: nn.Module, inputs: Tensor) -> Tensor:
    """Class scores ``(N, K)``."""
    return class_scores(model(inputs, mode='tensor'))


def trained(model: nn.Module, batch: dict[str, Any], lr: float, steps: int) -> list[float]:
    """Train on one batch, over and over; the loss at each step."""
    torch.manual_seed(0)
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr, momentum=0.9)
    wrapper = OptimWrapper(optimizer, clip_grad=dict(max_norm=1.0))
    return [model.train_step(copy.deepcopy(batch), wrapper)['loss'].item() for _ in range(steps)]


def mentioning_batch_norm() -> set[str]:
    """The backbones of mmpretrain in whose files, or their bases', BN occurs."""
    package, pattern = 'mmpretrain.models.backbones.', re.compile('BatchNorm|[\'"](Sync)?BN[\'"]')

    def mentions(part: type) -> bool:
        return part.__module__.startswith(package) and bool(
            pattern.search(Path(inspect.getsourcefile(part)).read_text(encoding='utf-8'))
        )

    return {
        name
        for name, backbone in MODELS.module_dict.items()
        if inspect.isclass(backbone)
        and backbone.__module__.startswith(package)
        and any(mentions(part) for part in backbone.__mro__)
    }


def row(name: str, proof: Proof) -> Row:
    """A row of the table."""
    largest = f'{proof.identity.abs().max():.0e}'
    fold = f'{proof.fold_error:.0e}'
    losses = change(proof.teacher), change(proof.student)
    return Row(name, [str(proof.batch_norms), fold, largest, *losses])


def change(losses: list[float]) -> str:
    """The first loss, and the mean of the last five."""
    return f'{losses[0]:.3f} to {after(losses):.3f}'


def after(losses: list[float]) -> float:
    """The loss after training: the mean of the last five steps."""
    return statistics.fmean(losses[-5:])


def main() -> None:
    """Write the tables between the marks of a page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('page', type=Path, help='docs/architectures.md')
    page = parser.parse_args().page
    before, _, rest = page.read_text(encoding='utf-8').partition(BEGIN)
    _, mark, behind = rest.partition(END)
    if not mark:
        parser.error(f'{page} has no {BEGIN} ... {END}')
    rows = []
    # Each network would log how each of its parameters starts.
    logging.disable(logging.INFO)
    for number, name in enumerate(ARCHITECTURES, start=1):
        print(f'{number} of {len(ARCHITECTURES)}: {name}')
        try:
            rows.append(row(name, prove(name)))
        except (RuntimeError, TypeError, ValueError) as error:
            rows.append(Row(name, ['', '', '', '', str(error)]))
    table = Table(['backbone', 'BN layers', 'fold', 'identity', 'teacher', 'CT'], rows)
    left_out = [f'- {name}: {reason}' for name, reason in LEFT_OUT.items()]
    lines = [BEGIN, table.to_markdown(), 'Left out:', '', *left_out, END]
    write_text(page, before + '\n'.join(lines) + behind)


if __name__ == '__main__':
    main()
