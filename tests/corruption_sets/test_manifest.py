"""A folder holds one set."""

import json

import pytest

from mmct.corruption_sets import manifest
from mmct.corruptions import CORRUPTIONS
from mmct.runs import CTError

WHOLE = dict(
    label='generated',
    seed=0,
    table='cifar',
    layout='arrays',
    severities=[1, 5],
    corruptions={},
    source=dict(classes=None),
    scan=dict(skipped=dict(count=0, images=[])),
)


@pytest.mark.parametrize('name', ['CIFAR-10-C', 'cifar100_c', 'ImageNet-C', 'Tiny-ImageNet-C'])
def test_names_of_released_sets(tmp_path, name):
    with pytest.raises(CTError, match=f'such as .*{name}-generated'):
        manifest.check_name(tmp_path / name)
    manifest.check_name(tmp_path / f'{name}-generated')


def test_what_it_does_not_say_is_not_compared(tmp_path):
    old = dict(seed=0, table='cifar', source=dict(type='A', size=[1, 2]), corruptions={})
    manifest.check_same(old, dict(seed=0, source=dict(type='A', size=(1, 2))), tmp_path)
    with pytest.raises(CTError, match=r'\(source.size.1: 2 -> 3; table: cifar -> imagenet\)'):
        manifest.check_same(
            old, dict(table='imagenet', source=dict(type='A', size=[1, 3])), tmp_path
        )


def test_it_does_not_tell_in_which_order_it_was_made(tmp_path):
    for names in (CORRUPTIONS, CORRUPTIONS[::-1]):
        manifest.write(tmp_path, {**WHOLE, 'corruptions': dict.fromkeys(names, {})})
        assert tuple(manifest.read(tmp_path)['corruptions']) == CORRUPTIONS


@pytest.mark.parametrize(
    'change',
    [dict(label='released'), dict(corruptions=[]), dict(layout='../x'), dict(severities=[9]),
     dict(severities=3), dict(scan={}), dict(source=dict(classes=3)), dict(table=None)],
    ids=str,
)  # fmt: skip
def test_one_of_another_shape_is_refused(tmp_path, change):
    manifest.write(tmp_path, WHOLE)
    text = json.dumps({**WHOLE, **change})
    (tmp_path / 'manifest.json').write_text(text)
    refusal = r'manifest\.json is not the manifest of .* \(.*\): take another'
    with pytest.raises(CTError, match=refusal):
        manifest.read(tmp_path)
    assert (tmp_path / 'manifest.json').read_text() == text
