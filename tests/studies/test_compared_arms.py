"""The arms of a study that compares ways of training the same networks."""

import pytest
from mmengine.config import Config

from mmct.runs.errors import CTError
from mmct.studies import chosen_arms, compared_arms, leave_one_out, read_study

NARROW = dict(model=dict(backbone=dict(base_channels=8)))
VARIANTS = {
    'Standard': dict(),
    'Standard, 3x': dict(length=3),
    'CT': dict(
        hook=dict(type='NoBNTeacherHook', length=2),
        term=dict(loss_weight=3.0),
        baseline=['Standard', 'Standard, 3x'],
    ),
    'BN teacher': dict(hook=dict(type='NoBNTeacherHook', remove_bn=False), term={}),
    'CT, goes on': dict(
        hook=dict(type='NoBNTeacherHook', lr=0.1), term={}, more=[dict(type='EMAHook')],
        start='Standard', methods='augmix_no_jsd',
    ),
    'no BN': dict(overlay=[dict(a=1), dict(b=2)]),
}  # fmt: skip


def test_each_network_is_trained_in_each_way_and_compared_within_its_group():
    arms = compared_arms('c.py', {'wide': {}, 'narrow': NARROW}, VARIANTS)
    assert list(arms) == [f'{group}, {way}' for group in ('wide', 'narrow') for way in VARIANTS]
    arm = arms['narrow, CT']
    assert (arm['group'], arm['variant'], arm['config']) == ('narrow', 'CT', 'c.py')
    assert arm['baseline'] == ['narrow, Standard', 'narrow, Standard, 3x']
    assert arm['overlay'] == [
        NARROW,
        dict(
            model=dict(type='CTClassifier', consistency=dict(loss_weight=3.0)),
            custom_hooks=[dict(type='NoBNTeacherHook', length=2)],
        ),
    ]
    assert arms['wide, CT, goes on']['start'] == 'wide, Standard'
    assert arms['wide, Standard, 3x']['length'] == 3


def test_the_names_of_one_network_are_those_of_the_ways():
    arms = compared_arms('c.py', {'digits': {}}, VARIANTS)
    assert list(arms) == list(VARIANTS)
    assert arms['CT']['baseline'] == ['Standard', 'Standard, 3x']
    assert arms['no BN']['overlay'] == [{}, dict(a=1), dict(b=2)]
    going_on = arms['CT, goes on']
    assert (going_on['start'], going_on['methods']) == ('Standard', 'augmix_no_jsd')
    assert [hook['type'] for hook in going_on['overlay'][1]['custom_hooks']] == [
        'NoBNTeacherHook',
        'EMAHook',
    ]


def test_the_tasks_settings_are_of_teachers_without_bn_and_give_way_to_an_arms_own():
    arms = compared_arms('c.py', {'digits': {}}, VARIANTS, teacher=dict(lr=0.05))
    rates = {
        name: arms[name]['overlay'][1]['custom_hooks'][0].get('lr')
        for name in ('CT', 'BN teacher', 'CT, goes on')
    }
    assert rates == {'CT': 0.05, 'BN teacher': None, 'CT, goes on': 0.1}


def compared(way):
    return compared_arms('c.py', {'digits': {}}, {'mine': way})


def left_out(way):
    return leave_one_out(['a', 'b', 'c'], 'c.py', {'mine': way})['arms']


@pytest.mark.parametrize('make', [compared, left_out])
def test_what_an_arm_may_have_is_passed_on_and_anything_else_refused(make):
    def study(**way):
        study = dict(arms=make(way), scores=dict(a=dict(type='A')))
        return read_study(Config(study, cfg_text='study', filename='study.py'))

    tuning = dict(points=[dict(a=1), dict(a=2)])
    further = dict(scores=dict(b=dict(type='B')), seeded='data.seed', config='mine.py', start=None)
    for arm in study(tuning=tuning, **further).arms.values():
        assert (arm.config, len(arm.tuning.points), [*arm.scores]) == ('mine.py', 2, ['b'])
        assert arm.seeded[-1] == 'data.seed'
    for wrong, message in (
        (dict(lenght=3), "no key 'lenght'; did you mean 'length'"),
        (dict(term=dict(loss_weight=3.0)), "no key 'term'"),  # which is for CT
    ):
        with pytest.raises(CTError, match=message):
            study(**wrong)


def test_an_overlay_of_ct_is_merged_after_its_own():
    way = dict(VARIANTS['CT'], baseline=None, overlay=dict(train_cfg=dict(max_epochs=3)))
    network, ct, own = compared(way)['mine']['overlay']
    assert (network, own) == ({}, dict(train_cfg=dict(max_epochs=3)))
    assert ct['model']['type'] == 'CTClassifier'


def test_a_baseline_may_be_a_single_name():
    ways = {'BN': {}, 'CT': dict(baseline='BN')}
    assert compared_arms('c.py', {'a': {}, 'b': {}}, ways)['a, CT']['baseline'] == ['a, BN']
    assert chosen_arms(ways, ['BN', 'CT'])['CT']['baseline'] == ['BN']
    assert chosen_arms(dict(BN=dict(baseline=None)), ['BN'])['BN']['baseline'] == []


def test_chosen_arms_are_compared_with_one_another():
    kept = chosen_arms(VARIANTS, ['CT', 'Standard'])
    assert list(kept) == ['CT', 'Standard']
    assert kept['CT']['baseline'] == ['Standard']
    assert kept['CT']['hook'] == VARIANTS['CT']['hook']
    assert kept['Standard'] == dict(baseline=[])
    assert VARIANTS['CT']['baseline'] == ['Standard', 'Standard, 3x']


def test_a_chosen_arm_that_does_not_exist_is_named_with_the_nearest_one():
    with pytest.raises(ValueError, match="no arm 'Standart'; did you mean 'Standard'"):
        chosen_arms(VARIANTS, ['CT', 'Standart'])
