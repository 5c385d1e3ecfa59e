"""Data sets with the same content count as one, wherever they lie; others never do."""

import json
import os
import shutil

import cv2
import numpy as np
import pytest
from mmpretrain.registry import DATASETS

import mmct.registered  # noqa: F401
from mmct.runs.data_content import data_mark


def folder(root, count=6):
    rng = np.random.default_rng(0)
    for number in range(count):
        path = root / ('ant', 'bee')[number % 2] / f'{number}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), rng.integers(0, 256, (8, 8, 3), np.uint8))
    return root


def mark(root, cache=None, **settings):
    cfg = dict(type='CustomDataset', data_root=str(root), pipeline=[], **settings)
    return data_mark(DATASETS.build(cfg), cache)


def test_a_folder_that_is_moved_is_the_same(tmp_path):
    one = mark(folder(tmp_path / 'one'))
    shutil.copytree(tmp_path / 'one', tmp_path / 'elsewhere' / 'two')
    assert mark(tmp_path / 'elsewhere' / 'two') == one
    assert mark(tmp_path / 'elsewhere', data_prefix='two') == one
    assert (one['num_images'], one['classes']) == (6, ['ant', 'bee'])


def renamed(root):
    (root / 'ant' / '0.png').rename(root / 'ant' / '00.png')


def replaced(root):
    cv2.imwrite(str(root / 'ant' / '0.png'), np.zeros((9, 9, 3), np.uint8))


def swapped(root):
    (root / 'ant' / '0.png').rename(root / 'ant' / '1.png')
    (root / 'bee' / '1.png').rename(root / 'bee' / '0.png')


@pytest.mark.parametrize('change', [renamed, replaced, swapped])
def test_another_folder_of_as_many_images_is_another(tmp_path, change):
    one = mark(folder(tmp_path / 'one'))
    shutil.copytree(tmp_path / 'one', tmp_path / 'two')
    change(tmp_path / 'two')
    two = mark(tmp_path / 'two')
    assert two['content'] != one['content']
    assert (two['num_images'], two['classes']) == (one['num_images'], one['classes'])


def test_sizes_are_looked_up_in_the_cache_while_no_file_comes_or_goes(tmp_path, monkeypatch):
    root, cache = folder(tmp_path / 'one'), tmp_path / 'data.json'
    one = mark(root, cache)
    asked = []
    stat = os.stat
    monkeypatch.setattr(os, 'stat', lambda path, **kw: asked.append(str(path)) or stat(path, **kw))
    assert mark(root, cache) == one
    assert not [path for path in asked if path.endswith('.png')]
    renamed(root)
    assert mark(root, cache) != one
    assert [path for path in asked if path.endswith('.png')]
    # Sets of one run or study share it.
    assert len(json.loads(cache.read_text())) == 2


@pytest.mark.parametrize('text', ['', '[]', '{"a": 1}', 'null', '\0'])
def test_a_damaged_cache_is_made_anew(tmp_path, text):
    one = mark(folder(tmp_path / 'one'))
    cache = tmp_path / 'data.json'
    cache.write_text(text)
    assert mark(tmp_path / 'one', cache) == one
    key = next(name for name in json.loads(cache.read_text()) if len(name) == 64)
    for entry in (1, None, {}):
        cache.write_text(json.dumps({key: entry}))
        assert mark(tmp_path / 'one', cache) == one


def test_arrays_count_by_their_content():
    def of(**settings):
        cfg = dict(type='Digits', split='train', pipeline=[], indices=20, **settings)
        return DATASETS.build(cfg)

    one = data_mark(of())
    assert data_mark(of()) == one
    changed = of(serialize_data=False)
    assert data_mark(changed) == one
    changed.data_list[3]['img'] = changed.data_list[3]['img'] ^ 1
    assert data_mark(changed)['content'] != one['content']
    labels = of(serialize_data=False)
    labels.data_list[3]['gt_label'] += 1
    assert data_mark(labels)['content'] != one['content']


def test_wrappers_count_by_what_is_in_them(tmp_path):
    part = dict(type='CustomDataset', data_root=str(folder(tmp_path / 'one')), pipeline=[])
    once = data_mark(DATASETS.build(part))
    twice = data_mark(DATASETS.build(dict(type='RepeatDataset', dataset=part, times=2)))
    both = data_mark(DATASETS.build(dict(type='ConcatDataset', datasets=[part, part])))
    assert twice['content'] == both['content'] != once['content']


class Plain:
    def __len__(self):
        return 3


def test_of_other_data_sets_the_size_is_known():
    assert data_mark(Plain()) == dict(num_images=3, classes=None, content=None)


def test_absolute_and_relative_paths_are_the_same_files(tmp_path, monkeypatch):
    folder(tmp_path / 'one')
    shutil.copytree(tmp_path / 'one', tmp_path / 'two')
    monkeypatch.chdir(tmp_path)

    def both(*roots):
        sets = [dict(type='CustomDataset', data_root=str(root), pipeline=[]) for root in roots]
        return data_mark(DATASETS.build(dict(type='ConcatDataset', datasets=sets)))

    absolute = both(tmp_path / 'one', tmp_path / 'two')
    assert both('one', tmp_path / 'two') == both('one', 'two') == absolute
