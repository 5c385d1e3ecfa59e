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
    assert (study.name, study.seeds, study.table, study.figures) == ('test_config', (0,), {}, {})
    (arm,) = study.arms.values()
    assert (arm.group, arm.variant, arm.baselines, arm.tuning) == ('a', '', (), None)


def test_one_overlay_or_name_is_as_good_as_a_list_and_none_as_nothing():
    one, listed, none = (
        read(arms=dict(a=dict(ARM, overlay=o, methods=m, seeded=m, scores=None))).arms['a']
        for o, m in ((dict(x=2), 'm'), ([dict(x=2)], ['m']), (None, None))
    )
    assert one == listed
    assert (one.overlays, one.methods, one.seeded) == ((dict(x=2),), ('m',), ('m',))
    assert (none.overlays, none.methods, none.scores) == ((), (), {})


def test_columns_stay_as_they_are_written():
    table = dict(
        path='errors.clean', curve=dict(curve='errors', x='clean', y='gap'),
        relative=dict(relative='errors'), published=dict(published=dict(a=1)),
    )  # fmt: skip
    assert read(table=table).table == table


def test_the_command_lines_seeds_replace_the_configs():
    cfg = Config({**GOOD, 'seeds': [3, 7]}, filename=__file__)
    assert read_study(cfg).seeds == (3, 7)
    assert read_study(cfg, seeds=2).seeds == (0, 1)


CURVE = dict(curve='errors', x='clean')
WRONG = {
    'no arms': (dict(arms={}), 'arms: '),
    'arms left out': (dict(arms=None), 'arms: field required'),
    'no scores': (dict(scores={}), 'scores: '),
    'a figure in another folder': (
        dict(figures={'../x': dict(type='ErrorArrows')}), "'../x' is not a file name",
    ),
    **{
        f'a table named {name}': (
            dict(tables={name: dict(type='DomainTable')}),
            f"the study has files {name!r} of its own: choose another name",
        )
        for name in ('study', 'table', 'data', 'Table')
    },
    'a typo': (dict(arm=dict()), "no key arm; did you mean 'arms'?"),
    'an abbreviation': (dict(fig=dict()), "no key fig; did you mean 'figures'? (a variable of"),
    'an unknown key of an arm': (
        dict(arms=dict(a=dict(ARM, overlya={}))),
        "'a': there is no key 'overlya'; did you mean 'overlay'?",
    ),
    'a name in an arm': (dict(arms=dict(a=dict(ARM, name='b'))), "'a': there is no key 'name'"),
    'an arm that is no dict': (dict(arms=dict(a='a.py')), "'a': must be a dict"),
    'an arm without config': (dict(arms=dict(a=dict(group='g'))), "'a': config: field required"),
    'an unknown baseline': (
        dict(arms=dict(a=dict(ARM, baseline='b'))), "'a': there is no baseline 'b'",
    ),
    'a misspelt baseline of the only arm': (
        dict(arms={'CT, long': dict(ARM, baseline='CT')}), "baseline 'CT'; there is no other arm",
    ),
    'itself as its baseline': (
        dict(arms=dict(a=dict(ARM, baseline='a'))), "'a': it cannot be its own baseline",
    ),
    'a baseline whose name is most like its own': (
        dict(arms={'digits, CT': ARM, 'digits, my': dict(ARM, baseline='digits, m')}),
        "there is no baseline 'digits, m'; did you mean 'digits, CT'",
    ),
    'an unknown score of a comparison': (
        dict(table=dict(a=dict(at_equal='errors.clean', of='eror.mce'))),
        "column 'a': there is no score 'eror'",
    ),
    'an unknown start': (
        dict(arms=dict(a=dict(ARM, start='b'))), "'a': there is no start 'b'",
    ),
    'a start from itself': (
        dict(arms=dict(a=dict(ARM, start='b'), b=dict(ARM, start='a'))),
        "arm 'a' starts from itself, through 'b'",
    ),
    'a start that is tuned': (
        dict(arms=dict(a=dict(ARM, start='b'), b=dict(ARM, tuning=dict(points=[{}, {}])))),
        "arm 'a': its start 'b' must not have tuning",
    ),
    'scores of an arm that are no dict': (
        dict(arms=dict(a=dict(ARM, scores='error'))),
        "'a': scores: input should be a valid dictionary, got 'error'",
    ),
    'an overlay that is no dict': (
        dict(arms=dict(a=dict(ARM, overlay=3))),
        "'a': overlay: 0: input should be a valid dictionary, got 3",
    ),
    'no length': (
        dict(arms=dict(a=dict(ARM, length=0))),
        "'a': length: input should be greater than 0, got 0",
    ),
    'a length without end': (
        dict(arms=dict(a=dict(ARM, length=float('inf')))),
        "'a': length: input should be a finite number, got inf",
    ),
    'a length that is no number': (
        dict(arms=dict(a=dict(ARM, length=True))),
        "'a': length: input should be a valid number, got True",
    ),
    'arms alike': (
        dict(arms=dict(a=dict(ARM, group='g'), b=dict(ARM, group='g'))),
        "'a' and 'b' have the same group 'g'",
    ),
    'a start that has no network of the seed of the tuning': (
        dict(
            arms=dict(a=dict(ARM, start='b', tuning=dict(points=[{}, {}], seed=100)), b=dict(ARM))
        ),
        "arm 'a': its start 'b' has no network of tuning.seed 100",
    ),
    'a tuning of nothing': (
        dict(arms=dict(a=dict(ARM, tuning=dict(points=[dict()])))),
        "'a': tuning: points: tuple should have at least 2 items",
    ),
    'an unknown key of a tuning': (
        dict(arms=dict(a=dict(ARM, tuning=dict(grid=[])))), "'a': tuning: there is no key 'grid'",
    ),
    'an unknown score': (
        dict(table=dict(x='error.x')), "'x': there is no score 'error'; did you mean 'errors'?",
    ),
    'half a curve': (
        dict(table=dict(score='errors.a', x=CURVE)),
        "'x': must be a path or a dict with curve, x, y or at_equal, of or relative or published",
    ),
    'an unknown key of a curve': (
        dict(table=dict(x=dict(CURVE, y='gap', z=1))), "or published, but got curve, x, y, z",
    ),
    'an unknown key of a relative column': (
        dict(table=dict(x=dict(relative='errors', to='a'))), "or published, but got relative, to",
    ),
    'a curve of nothing': (
        dict(table=dict(x=dict(x='clean', y='gap', curve='error'))),
        "'x': there is no score 'error'",
    ),
    'a column that is none': (dict(table=dict(x=3)), "'x': input should be a valid string, got 3"),
    'a published value of no arm': (
        dict(table=dict(x=dict(published=dict(b=1)))), "'x': there is no arm 'b'",
    ),
    'a relative column of nothing': (
        dict(table=dict(x=dict(relative='error'))), "'x': there is no score 'error'",
    ),
    'an unknown second baseline': (
        dict(arms=dict(a=ARM, b=dict(ARM, baseline=['a', 'c']))), "'b': there is no baseline 'c'",
    ),
    'repeated seeds': (dict(seeds=[0, 1, 0]), 'seeds: 0 occurs twice'),
    'no seeds': (dict(seeds=[]), 'positive number or a list'),
    'zero seeds': (dict(seeds=0), 'positive number or a list'),
    'negative seeds': (dict(seeds=[-1]), 'greater than or equal to 0, got -1'),
    'seeds that are no integers': (dict(seeds=[0.5]), 'valid integer, got 0.5'),
    'a seed that is a truth value': (dict(seeds=[True]), 'valid integer, got True'),
}  # fmt: skip


@pytest.mark.parametrize(('changes', 'message'), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_in_one_line(changes, message):
    with pytest.raises(CTError) as error:
        read(**changes)
    assert message in str(error.value)
    assert '\n' not in str(error.value)
