"""From a study to its cells: what makes two of them one, and what keeps them apart."""

import shutil

import pytest
from PIL import Image
from study_files import write_study

import mmct
from mmct.datasets import GeneratedCorruptionSet
from mmct.runs import CTError
from mmct.runs.configs import load_config
from mmct.studies import Planner, StudyStore, read_study

CT = 'arms = dict(CT=dict(config=ct, overlay=dict(custom_hooks=[hook])))\n'
TWO_CT = """
arms = {
    f'CT {weight}': dict(config=ct, overlay=dict(
        model=dict(consistency=dict(loss_weight=weight)), custom_hooks=[hook]))
    for weight in (1.0, 2.0)
}
"""
TUNED = """
arms = dict(none=dict(config=nobn, tuning=dict(
    points=[dict(optim_wrapper=dict(optimizer=dict(lr=lr))) for lr in (0.1, 0.2)],
    overlay=dict(train_cfg=dict(max_epochs=1, val_interval=1)), seed=7)))
seeds = 2
"""


@pytest.fixture
def plan(tmp_path):
    """Make the planner of a study."""

    def make(text='', options=None, folder='work', **settings):
        cfg = load_config(str(write_study(tmp_path, text)))
        cfg.merge_from_dict(options or {})
        return Planner(read_study(cfg), StudyStore(tmp_path / folder), **settings)

    return make


def keys(planner):
    return [cell.key for cell in planner.cells({})]


def test_each_arm_has_a_cell_for_each_seed(plan):
    cells = plan('arms.update(none=dict(config=nobn))\nseeds = [0, 5]').cells({})
    assert [(cell.arm, cell.seed, cell.role) for cell in cells] == [
        (arm, seed, 'training') for arm in ('BN', 'none') for seed in (0, 5)
    ]
    assert len({cell.key for cell in cells}) == 4
    assert [cell.config.randomness.seed for cell in cells] == [0, 5, 0, 5]


def test_a_longer_arm_has_its_whole_schedule_stretched(plan):
    text = (
        'arms = {str(length): dict(config=bn, length=length) for length in (1, 2, 0.1)}\n'
        "common.update(param_scheduler=[dict(type='MultiStepLR', milestones=[1, 2], end=3)])"
    )
    one, two, short = plan(text).cells({})
    assert [cell.config.train_cfg.max_epochs for cell in (one, two, short)] == [3, 6, 1]
    (schedule,) = two.config.param_scheduler
    assert (schedule.milestones, schedule.end) == ([2, 4], 6)
    assert len({cell.key for cell in (one, two, short)}) == 3
    # The same as a config says it.
    said = "common.update(param_scheduler=[dict(type='MultiStepLR', milestones=[2, 4], end=6)])"
    assert keys(plan(f'{said}\ncommon.update(train_cfg=dict(max_epochs=6))')) == [two.key]


def test_a_study_that_is_longer_stretches_all_of_its_arms(plan):
    arms = 'arms.update(twice=dict(config=bn, length=2), CT=dict(config=ct, overlay=dict(' \
        'custom_hooks=[dict(hook, length=2)])), epochs=dict(config=ct, overlay=dict(' \
        'custom_hooks=[dict(hook, max_epochs=4)])))'  # fmt: skip
    cells = {(cell.arm, cell.role): cell for cell in plan(arms, {'length': 3}).cells({})}
    # The teacher is twice as long as a student: it is trained as long as the arm 'twice'.
    expected = {('BN', 'training'): 9, ('twice', 'training'): 18, ('CT', 'training'): 9,
                ('CT', 'teacher'): 18, ('epochs', 'training'): 9,
                ('epochs', 'teacher'): 12}  # fmt: skip
    assert {key: cell.config.train_cfg.max_epochs for key, cell in cells.items()} == expected
    # The schedule of the config is of ten epochs, of which the study trains three.
    for cell in cells.values():
        assert 3 * cell.config.param_scheduler[-1]['end'] == 10 * cell.config.train_cfg.max_epochs


def test_a_cell_trains_no_baseline_and_scores_nothing_by_itself(plan):
    ends = "[hook, dict(type='EMAHook'), dict(type='BaselineHook'), dict(type='ScorecardHook')]"
    cells = plan(f'arms = dict(CT=dict(config=ct, overlay=dict(custom_hooks={ends})))').cells({})
    hooks = {cell.role: [hook.type for hook in cell.config.custom_hooks] for cell in cells}
    assert hooks['training'] == ['NoBNTeacherHook', 'EMAHook']
    assert 'BaselineHook' not in hooks['teacher'] and 'ScorecardHook' not in hooks['teacher']
    assert keys(plan(CT)) != keys(plan()) and len(cells) == 2


def test_what_is_seeded_is_set_to_the_seed_of_each_cell_and_of_its_teacher(plan):
    indices = 'train_dataloader.dataset.indices'
    arm = f'arms = dict(CT=dict(config=ct, overlay=dict(custom_hooks=[hook]), seeded={indices!r}))'
    cells = plan(f'{arm}\nseeds = [32, 48]').cells({})
    assert [(cell.role, cell.config.train_dataloader.dataset.indices) for cell in cells] == [
        ('teacher', 32), ('training', 32), ('teacher', 48), ('training', 48)
    ]  # fmt: skip


def test_a_key_says_what_determines_the_weights_and_nothing_else(plan):
    before = keys(plan())
    assert keys(plan(folder='elsewhere')) == before
    for same in (
        {'scores.corruption.severities': [1]},
        {'table': {}},
        {'common.default_hooks.logger': dict(interval=3)},
        {'common.test_dataloader.dataset.indices': 20},
        {'common.train_cfg.val_interval': 1},
        {'common.train_dataloader.num_workers': 3},
        {'common.custom_hooks': [dict(type='ScorecardHook', severities=[1])]},
    ):
        assert keys(plan(options=same)) == before, same
    for other in (
        {'seeds': [1]},
        {'common.train_cfg.max_epochs': 4},
        {'common.train_dataloader.dataset.indices': 63},
        {'common.model.backbone.base_channels': 4, 'common.model.head.in_channels': 8},
        {'common.optim_wrapper': dict(optimizer=dict(lr=0.2))},
    ):
        assert keys(plan(options=other)) != before, other


def test_common_settings_are_merged_before_an_arms_own(plan):
    overlays = "overlay=[dict(log_level='2'), dict(log_level='3', experiment_name='4')]"
    common = "common.update(log_level='1', experiment_name='1', work_dir='1')"
    (cell,) = plan(f'{common}\narms = dict(a=dict(config=bn, {overlays}))').cells({})
    cfg = cell.config
    assert (cfg.log_level, cfg.experiment_name, cfg.work_dir) == ('3', '4', '1')


def test_a_cell_is_one_process_also_if_its_config_is_of_a_run_of_several(plan):
    (cell,) = plan("common.update(launcher='pytorch')").cells({})
    assert cell.config.launcher == 'none'


def test_without_data_keys_are_those_of_an_earlier_start_or_new_ones(plan, monkeypatch):
    planner = plan()
    before = keys(planner)
    planner.store.keep_plan(planner.plan({}))

    def refuse(settings):
        raise AssertionError('no data set may be built')

    monkeypatch.setattr('mmct.studies.planner.DATASETS.build', refuse)
    assert keys(plan(with_data=False)) == before
    (other,) = keys(plan(options={'common.train_dataloader.dataset.indices': 63}, with_data=False))
    assert other not in before
    assert keys(plan(folder='elsewhere', with_data=False)) != before


def test_a_renamed_arm_is_not_trained_again(plan):
    assert keys(plan('arms = dict(other=dict(config=bn))')) == keys(plan())


def test_cells_share_a_teacher(plan):
    cells = plan(TWO_CT + 'seeds = 2').cells({})
    teachers = [cell for cell in cells if cell.role == 'teacher']
    assert [(cell.seed, cell.scores) for cell in teachers] == [(0, {}), (1, {})]
    for cell in cells:
        if cell.role == 'training':
            assert cell.needs == (teachers[cell.seed].key,)
            (hook,) = cell.config.custom_hooks
            assert hook.checkpoint.endswith(f'{cell.needs[0]}/weights.pth')
    # After what it needs: they are started in this order.
    order = [cell.key for cell in cells]
    assert all(order.index(key) < order.index(cell.key) for cell in cells for key in cell.needs)


def test_a_teacher_of_its_own_settings_is_another(plan):
    (one, student), (other, its_student) = (
        plan(CT, options).cells({})
        for options in ({}, {'arms.CT.overlay.custom_hooks.0.max_epochs': 2})
    )
    assert one.key != other.key
    assert student.key != its_student.key


def test_the_key_of_a_student_does_not_depend_on_the_folder(plan):
    assert keys(plan(CT)) == keys(plan(CT, folder='elsewhere'))


def test_a_tuned_arm_is_known_when_its_trials_are(plan):
    planner = plan(TUNED)
    trials = planner.cells({})
    assert [(c.role, c.point, c.seed, c.config.train_cfg.max_epochs) for c in trials] == [
        ('tuning', 0, 7, 1), ('tuning', 1, 7, 1)
    ]  # fmt: skip
    first, second = (trial_result(error) for error in (60, 50))
    assert planner.cells({trials[0].key: first}) == trials
    results = {trials[0].key: first, trials[1].key: second}
    own = planner.cells(results)[2:]
    assert [(c.role, c.seed, c.config.train_cfg.max_epochs) for c in own] == [
        ('training', 0, 3), ('training', 1, 3)
    ]  # fmt: skip
    assert {c.config.optim_wrapper.optimizer.lr for c in own} == {0.2}
    assert planner.plan(results)['arms']['none']['chosen'] == 1


def trial_result(error, **marks):
    if error is None:
        return dict(diverged='the loss is nan', scores={})
    score = dict(settings=None, value=dict(error_pct=error), **marks)
    return dict(diverged=None, scores=dict(validation=score))


@pytest.mark.parametrize(
    ('errors', 'chosen'), [((50, 60), 0), ((None, 60), 1), ((60, None), 0), ((50, 50), 0)]
)
def test_the_smallest_validation_error_is_chosen(plan, errors, chosen):
    planner = plan(TUNED)
    results = {c.key: trial_result(e) for c, e in zip(planner.cells({}), errors, strict=True)}
    assert planner.choice(planner.study.arms['none'], results) == chosen


def test_nothing_is_chosen_by_errors_on_other_images(plan):
    planner = plan(TUNED)
    first, second = planner.cells({})
    results = {first.key: trial_result(50, images='others'), second.key: trial_result(60)}
    assert planner.choice(planner.study.arms['none'], results) is None
    results[first.key] = trial_result(50, images=first.images)
    assert planner.choice(planner.study.arms['none'], results) == 0


def test_an_arm_whose_trials_all_diverge_does_not_stop_the_others(plan):
    planner = plan(TUNED + 'arms.update(BN=dict(config=bn))')
    results = {c.key: trial_result(None) for c in planner.cells({}) if c.role == 'tuning'}
    cells = planner.cells(results)
    assert {cell.arm for cell in cells if cell.role == 'training'} == {'BN'}
    assert 'diverged for all 2 points' in planner.diverged['none']


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ("arms = dict(a=dict(config='no.py'))", "arm 'a': config file "),
        ("arms = dict(a=dict(config='study.py'))", "arm 'a': study.py is not a training config"),
        (
            "arms = dict(a=dict(config=bn, overlay=dict(train_dataloader=dict("
            "dataset=dict(type='Digit')))))",
            "arm 'a'",
        ),
        (
            'arms = dict(a=dict(config=bn, overlay=dict(val_dataloader=None, val_cfg=None, '
            'val_evaluator=None), tuning=dict(points=[{}, dict(x=1)])))',
            "arm 'a': tuning needs the validation error",
        ),
        (
            "common.update(train_cgf=dict(max_epochs=1))",
            "arm 'BN': overlay train_cgf: the config has no train_cgf; did you mean 'train_cfg'?",
        ),
        (
            'arms = dict(a=dict(config=ct, overlay=dict(ct_teacher=dict(length=3))))',
            "arm 'a': overlay ct_teacher: ct_teacher is a variable, from which the config has made",
        ),
        (
            'arms = dict(a=dict(config=bn, overlay=dict(lr=0.1)))',
            "arm 'a': overlay lr: the config has no lr; choose from model, ",
        ),
        (
            "arms = dict(a=dict(config=bn, seeded='seed'))",
            "arm 'a': seeded seed: the config has no seed; choose from model, ",
        ),
        (
            "arms = dict(a=dict(config=bn, seeded='train_dataloader.datasets.seed'))",
            "arm 'a': seeded train_dataloader.datasets.seed: the config has no datasets there",
        ),
        (
            "arms = dict(a=dict(config=bn, seeded='param_scheduler.7.begin'))",
            "arm 'a': seeded param_scheduler.7.begin: the config has no 7 there",
        ),
    ],
)  # fmt: skip
def test_an_arm_that_cannot_be_trained_is_named(plan, text, message):
    with pytest.raises(CTError) as error:
        plan(text).cells({})
    assert message in str(error.value)
    assert '\n' not in str(error.value)


def test_a_method_makes_another_cell_and_is_switched_on(plan):
    cells = plan("arms = {m: dict(config=bn, methods=m) for m in ('mixup', 'cutmix')}\n").cells({})
    assert [cell.config.model.train_cfg.augments[0].type for cell in cells] == ['Mixup', 'CutMix']
    assert len({cell.key for cell in cells} | set(keys(plan()))) == 3


def test_an_unknown_method_names_the_arm(plan):
    with pytest.raises(CTError, match="arm 'BN': there is no method 'mixp': did you mean 'mixup'"):
        plan("arms = dict(BN=dict(config=bn, methods=['mixp']))\n").cells({})


def test_the_control_shares_its_teacher_with_the_plain_arm(plan):
    text = """
control = [dict(hook, remove_bn=False)]
arms = dict(
    BN=dict(config=bn),
    control=dict(config=ct, overlay=dict(custom_hooks=control)),
)
"""
    cells = plan(text).cells({})
    assert [(cell.arm, cell.role) for cell in cells] == [
        ('BN', 'training'), ('control', 'training')
    ]  # fmt: skip
    assert cells[1].needs == (cells[0].key,)


def test_an_arm_has_scores_of_its_own_beside_those_of_all(plan):
    own = 'arms.update(two=dict(config=nobn, scores=dict(error=dict(type="ValidationError"))))\n'
    planner = plan(own + 'table = dict(held_out="error.error_pct")\n')
    scores = {cell.arm: list(cell.scores) for cell in planner.cells({})}
    assert scores == dict(BN=['corruption'], two=['corruption', 'error'])


@pytest.mark.parametrize(
    ('own', 'said'),
    [
        ('scores=dict(corruption=dict(type="CorruptionScore", severities=[1]))',
         "score 'corruption' has other settings: give one of the two another name"),
        ('overlay=dict(test_dataloader=dict(dataset=dict(indices=20)))',
         'their val_dataloader or test_dataloader differ'),
        ('overlay=dict(val_dataloader=dict(dataset=dict(indices=20)))',
         'their val_dataloader or test_dataloader differ'),
        ('overlay=dict(test_dataloader=dict(batch_size=20))))\n'
         'scores["corruption"].update(dict(recalibrate_bn=1',
         'BN statistics of batches of another size: give one of the two another name'),
    ],
)  # fmt: skip
def test_arms_that_train_alike_are_not_scored_otherwise(plan, own, said):
    planner = plan(f'arms.update(again=dict(config=bn), other=dict(config=bn, {own}))')
    with pytest.raises(CTError, match=f"arms 'BN' and 'other' train alike .* {said}"):
        planner.cells({})


FOLDER = """
common[{loader!r}]['dataset'] = dict(
    _delete_=True, type='CustomDataset', data_root={root!r}, pipeline=[
        dict(type='LoadImageFromFile'), dict(type='PackInputs')])
"""


@pytest.mark.parametrize('loader', ['val_dataloader', 'test_dataloader'])
def test_images_to_score_count_by_content_also_where_one_is_replaced(plan, tmp_path, loader):
    file = tmp_path / 'images' / 'a' / '1.png'
    text = FOLDER.format(root=str(tmp_path / 'images'), loader=loader)
    # What is not there is not known: who needs it says so.
    assert len(plan(text).cells({})[0].content) == 1
    file.parent.mkdir(parents=True)
    Image.new('RGB', (8, 8)).save(file)
    (before,), (again,) = (plan(text).cells({}) for _ in range(2))
    assert len(before.content) == 2 and again.content == before.content
    (tmp_path / 'work').mkdir()
    planner = plan(text)
    planner.store.keep_plan(planner.plan({}))
    # Written into the same file.
    Image.effect_noise((8, 8), 50).convert('RGB').save(file)
    (after,), (unread,) = plan(text).cells({}), plan(text, with_data=False).cells({})
    changed = {split for split in before.content if after.content[split] != before.content[split]}
    assert changed == {loader.replace('dataloader', 'images')} and after.key == before.key
    assert unread.content == before.content


def test_a_corruption_set_to_score_is_not_built_while_a_study_is_planned(plan, monkeypatch):
    monkeypatch.setattr(GeneratedCorruptionSet, '__init__', lambda *_, **__: pytest.fail('built'))
    text = "common['val_dataloader']['dataset'] = dict(_delete_=True, " \
        "type='GeneratedCorruptionSet', dataset=dict(type='Digits', split='test', pipeline=[" \
        "dict(type='PackInputs')]))"  # fmt: skip
    assert plan(text).cells({})[0].content.keys() == {'test_images'}


def test_the_dumped_config_of_a_resumed_run_is_that_of_its_start(plan, tmp_path):
    dumped = tmp_path / 'dumped.py'

    def planned(start):
        dumped.write_text(f'_base_ = {mmct.config_path("bn_resnet18_digits")!r}\n'
                          f'resume, load_from = True, "epoch_1.pth"\n{start}')  # fmt: skip
        return plan(f'arms = dict(BN=dict(config={str(dumped)!r}))')

    assert keys(planned('start_from = None')) == keys(plan())
    (cell,) = planned('start_from = "a.pth"').cells({})
    assert (cell.config.load_from, cell.config.resume) == ('a.pth', False)
    with pytest.raises(CTError, match='resumes a run, and does not say with which weights it'):
        planned('').cells({})


PAIR = """
arms = dict(
    one=dict(config={config}, overlay={one}),
    two=dict(config={config}, overlay={two}))
"""


@pytest.mark.parametrize(
    ('config', 'overlay'),
    [
        ('bn', "dict(model=dict(backbone=dict(init_cfg=dict(type='Pretrained', checkpoint={}))))"),
        ('bn', 'dict(load_from={})'),
        ('ct', 'dict(load_from={}, custom_hooks=[hook])'),
        ('ct', 'dict(custom_hooks=[dict(hook, checkpoint={})])'),
    ],
)
def test_arms_that_start_from_other_weights_share_no_cell(plan, tmp_path, config, overlay):
    files = [tmp_path / name / 'net.pth' for name in ('a', 'b')]
    for file in files:
        file.parent.mkdir()
        file.write_bytes(file.parent.name.encode())
    one, two = (overlay.format(repr(str(file))) for file in files)
    found = keys(plan(PAIR.format(config=config, one=one, two=two)))
    own = 2 if 'ct' in config and 'checkpoint' not in overlay else 1
    assert len(found) == len(set(found)) == 2 * own
    # The same weights in another file.
    files[1].write_bytes(b'a')
    assert len(set(keys(plan(PAIR.format(config=config, one=one, two=two))))) == own


def test_an_arm_may_take_a_network_further_by_the_config_of_a_teacher(plan, tmp_path):
    dumped = tmp_path / 'dumped.py'
    dumped.write_text(f'_base_ = {mmct.config_path("bn_resnet18_digits")!r}\nstart_from = None')
    files = [tmp_path / 'a.pth', tmp_path / 'b.pth']
    for file in files:
        file.write_bytes(file.name.encode())
    overlays = [dict(), *(dict(load_from=str(file)) for file in files)]
    arms = {f'{n}': dict(config=str(dumped), overlay=each) for n, each in enumerate(overlays)}
    arms['3'] = dict(config=str(dumped), start='0')
    assert len(set(keys(plan(f'arms = {arms!r}')))) == 4


STARTS = """
arms = dict(
    BN=dict(config=bn),
    on=dict(config=bn, start='BN'),
    CT=dict(config=ct, start='BN', overlay=dict(custom_hooks=[dict(hook, init='fold')])),
    own=dict(config=ct, start='BN', overlay=dict(custom_hooks=[dict(hook, from_scratch=True)])),
    alone=dict(config=ct, overlay=dict(custom_hooks=[dict(hook, from_scratch=True)])),
)
seeds = 2
"""


def test_an_arm_may_start_from_the_network_of_another(plan):
    planner = plan(STARTS)
    cells = {(cell.arm, cell.role, cell.seed): cell for cell in planner.cells({})}
    for seed in (0, 1):
        start = cells['BN', 'training', seed]
        path = str(planner.store.weights(start.key))
        on, student = (cells[arm, 'training', seed] for arm in ('on', 'CT'))
        teacher, own = cells['CT', 'teacher', seed], cells['own', 'training', seed]
        assert start.config.get('load_from') is None
        assert on.needs == (start.key,) and on.config.load_from == path
        assert student.needs == (start.key, teacher.key) and student.config.load_from == path
        assert teacher.needs == (start.key,)
        assert teacher.config.custom_hooks[-1]['checkpoint'] == path
        # A teacher from scratch is the same whether or not the student has a start.
        shared = cells['own', 'teacher', seed]
        assert shared.needs == () and shared.config.custom_hooks[-1]['checkpoint'] is None
        assert own.needs == (start.key, shared.key)
        assert cells['alone', 'training', seed].needs == (shared.key,)
    assert len({cell.key for cell in cells.values()}) == len(cells) == 14
    # Not by the place of the file.
    elsewhere = plan(STARTS, folder='elsewhere')
    assert keys(elsewhere) == keys(planner)
    other = plan(STARTS, options={'arms.BN.overlay': dict(train_cfg=dict(max_epochs=2))})
    assert len(set(keys(other)) & set(keys(planner))) == 4, 'what starts from scratch alone'


def test_arms_of_other_data_share_no_cell(plan, tmp_path, pictures):
    for name in ('one', 'two'):
        shutil.copytree(pictures / 'photo', tmp_path / name)
    data = "dict(train_dataloader=dict(dataset=dict(_delete_=True, type='CustomDataset', {})))"
    overlays = {
        name: data.format(f'data_root={str(tmp_path / name)!r}, pipeline=[]')
        for name in ('one', 'two')
    }
    assert len(keys(plan(PAIR.format(config='bn', **overlays)))) == 1
    image = next((tmp_path / 'two').rglob('*.png'))
    image.write_bytes(image.read_bytes() + b'more')
    assert len(keys(plan(PAIR.format(config='bn', **overlays), folder='anew'))) == 2
