"""What a study config may say, and what is said of wrong ones."""

import pytest
from mmengine.config import Config

from mmct.runs import CTError
from mmct.studies import read_study

ARM = dict(config='a.py')
GOOD = dict(arms=dict(a=ARM), scores=dict(errors=dict(type='ValidationError')))


def read(**changes):
    return read_study(Config({**GOOD, **changes}, filename=__file__))


def test_what_is_left_out_has_defaults():
    study = read()
    assert (study.name, study.seeds, study.table, study.figures) == ('test_study', (0,), {}, {})
    (arm,) = study.arms
    assert (arm.group, arm.variant, arm.baselines, arm.tuning) == ('a', '', (), None)


def test_common_overlays_come_before_an_arms_own():
    study = read(common=dict(x=1), arms=dict(a=dict(ARM, overlay=[dict(x=2), dict(x=3)])))
    assert study.arm('a').overlays == (dict(x=1), dict(x=2), dict(x=3))


def test_the_command_lines_seeds_replace_the_configs():
    cfg = Config({**GOOD, 'seeds': [3, 7]}, filename=__file__)
    assert read_study(cfg).seeds == (3, 7)
    assert read_study(cfg, seeds=2).seeds == (0, 1)


CURVE = dict(curve='errors', x='clean')
WRONG = {
    'no arms': (dict(arms={}), 'needs arms'),
    'no scores': (dict(scores={}), 'needs scores'),
    'a typo': (dict(arm=dict()), 'no arm; did you mean arms'),
    'an unknown key of an arm': (dict(arms=dict(a=dict(ARM, seed=1))), "'seed'"),
    'an arm that is no dict': (dict(arms=dict(a='a.py')), 'must be a dict'),
    'an arm without config': (dict(arms=dict(a=dict(group='g'))), 'names no config'),
    'an unknown baseline': (dict(arms=dict(a=dict(ARM, baseline='b'))), "no baseline 'b'"),
    'scores of an arm that are no dict': (
        dict(arms=dict(a=dict(ARM, scores='error'))), "'a': scores must be a dict",
    ),
    'no length': (dict(arms=dict(a=dict(ARM, length=0))), "'a': length must be a number above 0"),
    'timed as no arm': (
        dict(arms=dict(a=dict(ARM, timed_as='b'))), "'a': timed_as: there is no arm 'b'",
    ),
    'arms alike': (
        dict(arms=dict(a=dict(ARM, group='g'), b=dict(ARM, group='g'))),
        "'a' and 'b' have the same group 'g'",
    ),
    'a tuning of nothing': (
        dict(arms=dict(a=dict(ARM, tuning=dict(points=[dict()])))), 'two or more',
    ),
    'an unknown key of a tuning': (
        dict(arms=dict(a=dict(ARM, tuning=dict(grid=[])))), "'grid'",
    ),
    'an unknown score': (dict(table=dict(x='error.x')), "no score 'error'; scores are errors"),
    'half a curve': (dict(table=dict(x=CURVE)), "'x' lacks 'y'"),
    'an unknown key of a curve': (dict(table=dict(x=dict(CURVE, z=1))), "'z'"),
    'an unknown key of a relative column': (
        dict(table=dict(x=dict(relative='errors', to='a'))), "'to'",
    ),
    'a published value of no arm': (
        dict(table=dict(x=dict(published=dict(b=1)))), "'x': there is no arm 'b'",
    ),
    'a relative column of nothing': (
        dict(table=dict(x=dict(relative='error'))), "no score 'error'",
    ),
    'an unknown second baseline': (
        dict(arms=dict(a=ARM, b=dict(ARM, baseline=['a', 'c']))), "no baseline 'c'",
    ),
    'repeated seeds': (dict(seeds=[0, 1, 0]), 'seeds has 0 twice'),
    'no seeds': (dict(seeds=[]), 'positive number or a list'),
    'zero seeds': (dict(seeds=0), 'positive number or a list'),
    'negative seeds': (dict(seeds=[-1]), 'integers from 0'),
    'seeds that are no integers': (dict(seeds=[0.5]), 'integers from 0'),
}  # fmt: skip


@pytest.mark.parametrize(('changes', 'message'), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_in_one_line(changes, message):
    with pytest.raises(CTError) as error:
        read(**changes)
    assert message in str(error.value)
    assert '\n' not in str(error.value)
