"""Two runs that differ never count as one; what changes no weights does not count."""

import copy
import inspect
import json
from fnmatch import fnmatchcase

import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmpretrain.models import ResNet
from mmpretrain.registry import HOOKS

import mmct.registered  # noqa: F401
from mmct import config_path
from mmct.models import register_distance
from mmct.runs.configs import load_config
from mmct.runs.identity import (
    FIELDS,
    IGNORED,
    OBSERVERS,
    VALIDATION,
    differences,
    fingerprint,
    in_short,
)

DATA = dict(num_images=64, classes=['a', 'b'], content='c')
CONFIGS = (
    'mmct::ct_resnet18_digits.py', 'mmct::ct_resnet50_in1k.py', 'mmct::ct_resnet50_vlcs.py',
    'mmpretrain::resnet/resnet50_8xb32-mixup_in1k.py', 'mmpretrain::vgg/vgg11bn_8xb32_in1k.py',
)  # fmt: skip


def marks(cfg, data=DATA, world_size=1):
    return fingerprint(cfg, data, world_size)


def leaves(value, keys=(), path=''):
    """Each setting: how to reach it, and the path that the list names it by."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*keys, key), f'{path}.{key}'.strip('.'))
    elif isinstance(value, (list, tuple)) and value:
        for index, item in enumerate(value):
            kind = item.get('type') if isinstance(item, dict) else None
            yield from leaves(item, (*keys, index), f'{path}.{kind or index}')
    else:
        yield keys, path


def change(cfg, keys):
    for key in keys[:-1]:
        if isinstance(cfg[key], tuple):
            cfg[key] = list(cfg[key])
        cfg = cfg[key]
    old = cfg[keys[-1]]
    cfg[keys[-1]] = not old if isinstance(old, bool) else f'{old} and more'


@pytest.mark.parametrize('name', CONFIGS)
def test_each_setting_counts_or_is_on_the_list(name):
    whole = load_config(name)
    cfg = Config({key: whole[key] for key in FIELDS if whole.get(key) is not None})
    before, counted = marks(cfg), 0
    for keys, path in leaves(cfg.to_dict()):
        observed = 'default_hooks' in keys and cfg.default_hooks[keys[1]].type in OBSERVERS
        if keys[0] == 'custom_hooks':
            observed = cfg.custom_hooks[keys[1]].type in OBSERVERS
        if keys[0] == 'auto_scale_lr' and keys[1] != 'enable' or observed:
            continue
        changed = copy.deepcopy(cfg)
        change(changed, keys)
        listed = any(fnmatchcase(path, pattern) for pattern in IGNORED + VALIDATION)
        differing = differences(before, marks(changed))
        assert bool(differing) != listed, path
        counted += bool(differing)
    assert counted > 30


@pytest.mark.parametrize('hook', sorted(n for n in HOOKS.module_dict if n not in OBSERVERS))
def test_each_setting_of_a_hook_counts_or_is_on_the_list(hook):
    plain = marks(dict(custom_hooks=[dict(type=hook)]))
    for name in inspect.signature(HOOKS.get(hook)).parameters:
        changed = marks(dict(custom_hooks=[dict(type=hook, **{name: 'other'})]))
        path = f'custom_hooks.{hook}.{name}'
        assert bool(differences(plain, changed)) != (path in IGNORED), path


def test_hooks_that_observe_do_not_count():
    plain = marks(dict(custom_hooks=[dict(type='EMAHook')]))
    for hook in OBSERVERS:
        both = [dict(type=f'mmengine.{hook}', interval=3), dict(type='EMAHook')]
        assert marks(dict(custom_hooks=both)) == plain
    own = HOOKS.module_dict['ScorecardHook']
    assert marks(dict(custom_hooks=[dict(type=own, severities=[1])])) == marks({})


@pytest.mark.parametrize(
    'reader',
    [
        dict(param_scheduler=dict(type='ReduceOnPlateauLR')),
        dict(param_scheduler=[dict(type='mmengine.ReduceOnPlateauLR')]),
        dict(custom_hooks=[dict(type='EarlyStoppingHook')]),
    ],
    ids=str,
)
def test_validation_counts_where_training_reads_the_scores(reader):
    for field, setting in (
        ('val_dataloader', dict(batch_size=3)), ('train_cfg', dict(val_interval=2)),
    ):  # fmt: skip
        assert marks({field: setting}) == marks({})
        assert marks({**reader, field: setting}) != marks(reader)


@pytest.mark.parametrize('named', ['model.backbone.init_cfg.checkpoint', 'load_from',
                                   'train_dataloader.dataset.ann_file',
                                   'custom_hooks.0.checkpoint'])  # fmt: skip
def test_a_file_counts_by_its_content(tmp_path, named):
    def of(file, content):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
        cfg = ConfigDict()
        part = cfg
        if named.startswith('custom_hooks'):
            return marks(dict(custom_hooks=[dict(type='NoBNTeacherHook', checkpoint=str(file))]))
        *parents, last = named.split('.')
        for key in parents:
            part = part.setdefault(key, ConfigDict())
        part[last] = str(file)
        return marks(cfg)

    one = of(tmp_path / 'a' / 'net.pth', b'one')
    assert of(tmp_path / 'b' / 'moved.pth', b'one') == one
    assert of(tmp_path / 'b' / 'net.pth', b'two') != one
    # Written anew under the same name.
    assert of(tmp_path / 'a' / 'net.pth', b'three') != one


def test_a_distance_of_ones_own_counts_by_its_source(monkeypatch):
    monkeypatch.setattr('mmct.models.consistency_loss._OWN', {})
    cfg = dict(model=dict(consistency=dict(distance='near')))
    unknown = marks(cfg)
    register_distance('near', lambda student, teacher: (student - teacher).abs().mean(1))
    one = marks(cfg)
    monkeypatch.setattr('mmct.models.consistency_loss._OWN', {})
    register_distance('near', lambda student, teacher: (student - teacher).abs().sum(1))
    assert unknown != one != marks(cfg)
    # Not where it changes no weights.
    assert marks(dict(test_dataloader=cfg)) == marks({})


def test_a_file_that_a_hook_writes_counts_by_its_name(tmp_path):
    def of(name):
        hooks = [dict(type='EMAHook', out_file=str(tmp_path / name))]
        return marks(dict(custom_hooks=hooks, default_hooks=dict(mine=hooks[0])))

    before = of('scores.json')
    (tmp_path / 'scores.json').write_text('written by the run')
    assert of('scores.json') == before != of('other.json')


def test_classes_and_their_names_are_the_same():
    def of(kind):
        return marks(dict(model=dict(backbone=dict(type=kind, depth=18))))

    named = of('ResNet')
    assert of(ResNet) == of('mmpretrain.ResNet') == of('mmpretrain.models.ResNet') == named
    assert of('mmpretrain.models.backbones.resnet.ResNet') == named
    # Of another package, or another scope.
    other = type('ResNet', (), {'__module__': 'elsewhere.nets'})
    assert len({json.dumps(of(kind)) for kind in (other, 'mmdet.ResNet', 'ResNet')}) == 3
    optimizers = torch.optim.SGD, 'torch.optim.SGD', 'torch.optim.sgd.SGD'
    assert len({json.dumps(of(kind)) for kind in optimizers}) == 1


def test_a_dumped_config_is_the_same_run(tmp_path):
    for name in ('mmpretrain::resnet/resnet18_8xb32_in1k.py', 'mmct::ct_resnet18_cifar10.py'):
        cfg = load_config(name)
        cfg.dump(tmp_path / 'dumped.py')
        assert marks(load_config(str(tmp_path / 'dumped.py'))) == marks(cfg)
    lazy = tmp_path / 'lazy.py'
    lazy.write_text(
        'from mmpretrain.models import ImageClassifier, ResNet\n'
        'from torch.optim import SGD\n'
        'from torch.nn import BatchNorm2d\n\n'
        'norm = dict(type=BatchNorm2d)\n'
        'backbone = dict(type=ResNet, depth=18, norm_cfg=norm)\n'
        'model = dict(type=ImageClassifier, backbone=backbone)\n'
        'optim_wrapper = dict(optimizer=dict(type=SGD, lr=0.1))\n'
    )
    cfg = load_config(str(lazy))
    cfg.dump(tmp_path / 'dumped.py')
    dumped = load_config(str(tmp_path / 'dumped.py'))
    assert isinstance(cfg.model.backbone.type, type) and isinstance(dumped.model.backbone.type, str)
    assert differences(marks(cfg), marks(dumped)) == []


def test_variables_of_a_config_do_not_count():
    cfg = Config.fromfile(config_path('ct_resnet18_cifar10'))
    before = marks(cfg)
    cfg.my_note = 'x'
    assert marks(cfg) == before


@pytest.mark.parametrize('setting', [dict(sync_bn='torch'), dict(activation_checkpointing=['a'])])
def test_what_a_runner_does_to_the_model_counts(setting):
    assert marks(setting) != marks({})


def test_data_and_processes_count():
    assert marks({}) != marks({}, dict(DATA, content='d'))
    assert marks({}) != marks({}, dict(DATA, num_images=65))
    assert marks({}) != marks({}, world_size=2)
    assert json.loads(json.dumps(marks({}))) == marks({})


def test_odd_values():
    def of(value):
        return marks(dict(model=dict(value=value)))

    values = [
        None, 0, 1.5, float('nan'), float('inf'), '', 'nan', [], {}, [[]], [0], {'a': {}},
        'a\0b', 'x' * 5000, len, torch.float16, 2 + 1j, range(3),
    ]  # fmt: skip
    assert of(float('nan')) == of(float('nan'))
    assert len({json.dumps(of(value)) for value in values}) >= len(values) - 1


def test_differences_are_named_in_short():
    one, other = ({f'k{i}': i + step for i in range(7)} for step in (0, 1))
    lines = differences(one, other)
    assert lines[0] == 'k0: 0 -> 1' and len(lines) == 7
    assert in_short(lines).endswith('k4: 4 -> 5; and 2 more')
    assert differences({}, dict(a=1)) == ['a: not set -> 1']
    assert differences(dict(a='unknown'), dict(a=1)) == []
