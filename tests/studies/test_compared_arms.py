"""The arms of a study that compares ways of training the same networks."""

import pytest

from mmct.studies import chosen_arms, compared_arms

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
