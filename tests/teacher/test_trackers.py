"""Trackers of experiments: what a teacher's run inside the student's leaves in each, for real."""

import random
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.hooks import Hook
from mmengine.visualization import BaseVisBackend, Visualizer
from mmpretrain.registry import VISBACKENDS

from mmct.engine import NoBNTeacherHook
from mmct.runs import CTError
from mmct.runs.building import build_runner
from mmct.studies import Cell, run_cell
from mmct.teacher.trackers import teachers_backends, write_into

NUMBERS = count()
ONCE = {'train_cfg.max_epochs': 1}
FEW = dict(type='ScorecardHook', corruptions=['fog'], severities=[2])
SCORES = {'clean_error_pct', 'raw_mce_pct', 'fog_error_pct'}


class Run(NamedTuple):
    """What a tracker holds of a run."""

    model: str  # the type of the network, of the config
    curves: dict[str, float]  # their last values
    images: list[str]


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """Let nothing ask a server, or write outside the folder of the test."""
    for name, value in dict(
        WANDB_MODE='offline', WANDB_SILENT='true', WANDB_ERROR_REPORTING='false',
        WANDB_X_DISABLE_STATS='true', MLFLOW_ALLOW_FILE_STORE='true',
        MLFLOW_DISABLE_TELEMETRY='true', DO_NOT_TRACK='true',
        **{f'WANDB_{kind}_DIR': tmp_path / 'wandb' for kind in ('CONFIG', 'CACHE', 'DATA')},
    ).items():  # fmt: skip
        monkeypatch.setenv(name, str(value))
    # W&B keeps the code in this folder.
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def wandb(offline, monkeypatch):
    import wandb
    from mmengine.visualization import WandbVisBackend

    found, close = [], WandbVisBackend.close

    def read_and_close(backend):
        curves = dict(wandb.run.summary)
        images = [name for name, value in curves.items() if hasattr(value, 'keys')]
        curves = {name: v for name, v in curves.items() if name not in images}
        found.append(Run(wandb.config['model']['type'], curves, images))
        close(backend)

    monkeypatch.setattr(WandbVisBackend, 'close', read_and_close)
    yield dict(type='WandbVisBackend'), lambda: found
    assert wandb.run is None


@pytest.fixture
def mlflow(offline, tmp_path):
    import mlflow

    def runs():
        runs = mlflow.search_runs(search_all_experiments=True, output_format='list')
        for run in sorted(runs, key=lambda run: run.info.start_time):
            assert run.info.status == 'FINISHED'
            artifacts = mlflow.MlflowClient().list_artifacts(run.info.run_id)
            images = [file.path for file in artifacts if file.path.endswith('.png')]
            yield Run(run.data.params['model.type'], run.data.metrics, images)

    yield dict(type='MLflowVisBackend', tracking_uri=f'file://{tmp_path}/mlruns'), runs
    assert mlflow.active_run() is None


@pytest.fixture
def tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def runs():
        for file in sorted(tmp_path.rglob('events.out.tfevents*'), key=lambda file: file.name):
            events = EventAccumulator(str(file)).Reload()
            tags = events.Tags()
            config = events.Tensors('config/text_summary')[0].tensor_proto.string_val[0].decode()
            # In the teacher's config stands what the student would be, too.
            model = next(n for n in ('NormFreeClassifier', 'CTClassifier') if f"'{n}'" in config)
            curves = {name: events.Scalars(name)[-1].value for name in tags['scalars']}
            yield Run(model, curves, tags['images'])

    return dict(type='TensorboardVisBackend'), runs


@pytest.fixture(params=['wandb', 'mlflow', 'tensorboard'])
def tracker(request):
    return request.getfixturevalue(request.param)


def test_curves_of_both_and_all_scores_are_in_one_run(tracker, tiny, train):
    backend, runs = tracker
    cfg = tracked(tiny(options=ONCE), [dict(type='LocalVisBackend'), backend])
    cfg.test_dataloader.dataset.update(indices=32, serialize_data=False)
    cfg.custom_hooks.append(FEW)
    runner = train(cfg)
    (run,) = runs()
    assert run.model == 'CTClassifier'
    both = {'loss', 'lr', 'accuracy/top1'} | {f'corruption/{name}' for name in SCORES}
    assert run.curves.keys() >= {'loss_consistency', *both, *(f'teacher/{name}' for name in both)}
    assert 'teacher/loss_consistency' not in run.curves
    for role in ('teacher', 'student'):
        curve = 'teacher/accuracy/top1' if role == 'teacher' else 'accuracy/top1'
        compared = run.curves[f'ct/{role}_accuracy_pct']
        assert compared == pytest.approx(run.curves[curve], rel=1e-6)
    for name in SCORES:
        of = [run.curves[f'{whose}corruption/{name}'] for whose in ('', 'teacher/')]
        assert run.curves[f'student_minus_teacher/{name}'] == pytest.approx(of[0] - of[1])
    assert run.images == ['corruption_heat_map.png']
    # The same in local files, and the teacher's own beside its checkpoints.
    scalars, own = (
        next(Path(folder).glob('2*/vis_data/scalars.json')).read_text()
        for folder in (runner.work_dir, f'{runner.work_dir}/teacher')
    )
    assert '"student_minus_teacher/fog_error_pct"' in scalars and 'teacher/loss' not in scalars
    assert '"loss"' in own and '"teacher/' not in own
    (image,) = Path(runner.work_dir).glob('2*/vis_data/vis_image/*')
    assert image.stat().st_size > 1000


def test_a_baseline_writes_into_the_open_run(tracker, tiny, train):
    backend, runs = tracker
    # Also where the teacher has a run of its own.
    cfg = tracked(tiny(options=ONCE), [dict(type='OwnRunVisBackend', backend=backend)])
    cfg.test_dataloader.dataset.update(indices=32, serialize_data=False)
    cfg.custom_hooks += [ConfigDict(type='BaselineHook'), FEW]
    train(cfg)
    _, student = runs()
    assert {'baseline/loss', 'baseline/corruption/fog_error_pct'} < student.curves.keys()
    assert 'student_minus_baseline/fog_error_pct' in student.curves


@pytest.mark.usefixtures('rehearsed')
def test_or_each_has_a_run_of_its_own(tracker, tiny, train):
    backend, runs = tracker
    train(tracked(tiny(options=ONCE), [dict(type='OwnRunVisBackend', backend=backend)]))
    teacher, student = runs()
    assert (teacher.model, student.model) == ('NormFreeClassifier', 'CTClassifier')
    assert 'ct/agreement_pct' in student.curves and 'loss_consistency' not in teacher.curves
    for run in (teacher, student):
        assert {'loss', 'accuracy/top1'} < run.curves.keys()
        assert not any(name.startswith('teacher/') for name in run.curves)


@VISBACKENDS.register_module(force=True)
class OneAtATime(BaseVisBackend):
    """A tracker whose open run is the process's, and which draws the run's name."""

    runs, is_open = [], False

    def __init__(self, save_dir, name='student', **others):
        super().__init__(save_dir)
        self.name, self.others = name, others

    def _init_env(self):
        assert not OneAtATime.is_open
        OneAtATime.is_open = self._env_initialized = True
        OneAtATime.runs.append((f'{self.name}', set()))
        random.random(), torch.rand(1)

    @property
    def experiment(self):
        if not self._env_initialized:
            self._init_env()
        return OneAtATime.runs[-1][1]

    def add_config(self, config, **kwargs):
        self.experiment.add(config.model.type)

    def add_graph(self, model, data_batch, **kwargs):
        self.experiment.add('graph')

    def add_image(self, name, image, step=0, **kwargs):
        self.experiment.add(name)

    def add_scalar(self, name, value, step=0, **kwargs):
        self.experiment.add(name)

    def add_scalars(self, scalar_dict, step=0, file_path=None, **kwargs):
        self.experiment.update(scalar_dict)

    def close(self):
        assert OneAtATime.is_open
        OneAtATime.is_open = False


@pytest.fixture
def one():
    OneAtATime.runs, OneAtATime.is_open = [], False
    return OneAtATime


OWN = dict(type='OwnRunVisBackend', backend=dict(type='OneAtATime'), teacher=dict(name='teacher'))


def tracked(cfg, backend):
    cfg.visualizer.vis_backends = backend
    # Runs of one second would share a visualizer.
    cfg.experiment_name = f'{next(NUMBERS)}'
    return cfg


def trained(cfg):
    """As by our tools, with the state in which Python's generator is at the end."""
    runner = build_runner(cfg)
    runner.train()
    return runner.model.state_dict(), random.getstate()


def test_what_is_trained_does_not_depend_on_the_tracker(one, tiny, tmp_path):
    found = []
    for number, backend in enumerate(([], dict(type='OneAtATime'), OWN)):
        cfg = tracked(tiny(options=ONCE), backend)
        cfg.work_dir = str(tmp_path / f'{number}')
        found.append(trained(cfg))
    for weights, state in found[1:]:
        assert state == found[0][1]
        assert all(torch.equal(weights[name], value) for name, value in found[0][0].items())
    assert [name for name, _ in one.runs] == ['student', 'teacher', 'student']
    assert not one.is_open


def test_a_student_that_goes_on_has_a_run_without_its_teacher(one, tiny, train):
    class Stop(Hook):
        def before_train_epoch(self, runner):
            if runner.epoch == 1:
                raise KeyboardInterrupt

    cfg = tracked(tiny(), [dict(type='OneAtATime')])
    runner = build_runner(cfg)
    runner.register_hook(Stop())
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    # The process ends here.
    one.runs, one.is_open = [], False
    cfg = tracked(cfg, cfg.visualizer.vis_backends)
    cfg.resume, cfg.load_from = True, f'{cfg.work_dir}/epoch_1.pth'
    train(cfg)
    ((name, curves),) = one.runs
    assert name == 'student' and {'CTClassifier', 'loss', 'ct/agreement_pct'} < curves
    assert not any(curve.startswith('teacher/') for curve in curves)


def test_a_teacher_that_diverges_ends_its_run_alone(one, tiny):
    each = {'default_hooks.logger.interval': 1}
    diverging = dict(hook=dict(lr=1e18, clip_grad=None), options=each)
    with pytest.raises(CTError, match='at iteration'):
        trained(tracked(tiny(**diverging), [OWN]))
    assert [name for name, _ in one.runs] == ['teacher'] and not one.is_open
    with pytest.raises(CTError, match='at iteration'):
        trained(tracked(tiny(**diverging), [dict(type='OneAtATime')]))
    assert one.runs[1][0] == 'student' and one.is_open


def test_a_cell_of_a_study_that_fails_ends_its_run(one, tiny, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise CTError('failed')

    monkeypatch.setattr(NoBNTeacherHook, 'before_train_iter', fail)
    cfg = tracked(tiny(options=ONCE), [dict(type='OneAtATime')])
    # Nor does the teacher take over a visualizer that has a name.
    cfg.visualizer.name = 'mine'
    cell = Cell('key', 'training', 'arm', 0, cfg, {})
    assert run_cell(cell, tmp_path / 'study').error == 'failed'
    ((_, curves),) = one.runs
    assert 'teacher/loss' in curves and not one.is_open


def test_a_backend_of_its_own_waits_for_the_first_curve(one):
    backend = VISBACKENDS.build(dict(**OWN, save_dir='here'))
    cfg = Config(dict(model=dict(type='first')))
    backend.add_config(cfg)
    cfg.model.type = 'changed'
    backend.add_graph(None, None)
    backend.close()
    assert one.runs == []
    before = random.getstate()
    backend.add_scalar('a', 1.0)
    backend.add_image('b', None)
    assert random.getstate() == before
    assert one.runs == [('student', {'first', 'graph', 'a', 'b'})]
    assert backend.experiment is one.runs[0][1]
    backend.close()
    backend.close()
    assert not one.is_open


def test_images_and_single_values_have_the_prefix_too(one):
    outer = Visualizer(vis_backends=[dict(type='OneAtATime')], save_dir='here')
    own = Visualizer(save_dir='here')
    write_into(own, outer, 'teacher/')
    own.add_scalar('a', 1.0)
    own.add_image('b', None)
    own.add_config(Config(dict(model=dict(type='teacher'))))
    own.close()
    assert one.runs == [('student', {'teacher/a', 'teacher/b'})] and one.is_open
    assert own.get_backend('OneAtATime').experiment is one.runs[0][1]


def test_the_backends_that_a_teacher_has_of_its_own():
    local = dict(type='LocalVisBackend', name='files')
    backends = [local, dict(type='mmengine.TensorboardVisBackend'), OWN]
    kept = teachers_backends(Config(dict(all=backends)).all)
    assert kept[0] == local
    assert kept[1].backend == dict(type='OneAtATime', name='teacher')
    assert len(kept) == 2
    assert teachers_backends(local) == [local] and teachers_backends(None) == []
    # A nested setting is merged, and what is the student's stays.
    nested = dict(type='OwnRunVisBackend', teacher=dict(init=dict(name='t')),
                  backend=dict(type='OneAtATime', init=dict(name='s', project='p')))  # fmt: skip
    before = Config(dict(all=[nested])).all
    assert teachers_backends(before)[0].backend.init == dict(name='t', project='p')
    assert before[0].backend.init.name == 's'
