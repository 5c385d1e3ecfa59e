"""The command-line tools, as a user starts them."""

import json
import os
import pickle
import shutil
import signal
from pathlib import Path

import mmpretrain
import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from small_network import MODEL
from tool_runs import (
    BN,
    CIFAR,
    CT,
    DATA,
    NET,
    SMALL,
    TEST,
    TRAIN,
    WEAK,
    contents,
    end,
    fork,
    in_processes,
    log_of,
    metrics,
    result_of,
    run,
    same_weights,
    succeed,
    wait_until,
)

import mmct
from mmct.cli import train, training
from mmct.cli.options import Parser
from mmct.cli.test import parse_args as options_of_test
from mmct.cli.testing import merge_args as merge_into_test
from mmct.runs import CTError
from mmct.runs.configs import load_config
from mmct.runs.weights import load_state_dict, safe_loading
from mmct.teacher import CONSISTENCY, RECIPE, TeacherRecipe, teacher_config


@pytest.fixture(scope='module')
def first(tmp_path_factory):
    """The work dir of a run of CT, and what it printed."""
    folder = tmp_path_factory.mktemp('first')
    result = succeed(TRAIN, CT, '--work-dir', 'run', '--allow-weak-teacher',
                     '--cfg-options', *SMALL, cwd=folder)  # fmt: skip
    return folder / 'run', result.out, result.err


@pytest.fixture
def trained(first, tmp_path):
    """A copy of that work dir."""
    shutil.copytree(first[0], tmp_path / 'run')
    return tmp_path / 'run'


def test_one_command_trains_both_stages(first):
    work_dir, out, err = first
    stages = out.split('Stage 2 of 2')
    assert 'Stage 1 of 2: training' in stages[0]
    assert len(stages) == 2
    assert all(' s left' in stage and 'epoch 2 of ' in stage for stage in stages)
    assert not err
    result = json.loads((work_dir / 'ct_result.json').read_text())
    assert result['teacher_source'] == 'trained'
    assert result['measured_on'] == 'validation'
    assert result['num_images'] == 40
    said = stages[1][stages[1].index('Accuracy on 40 validation images') :]
    for name in ('teacher_accuracy_pct', 'student_accuracy_pct', 'agreement_pct'):
        assert f'{result[name]:.2f} %' in said
    assert {'teacher_seconds', 'student_seconds'} < set(result)
    names = set(contents(work_dir))
    assert {'epoch_2.pth', 'ct_resnet18_digits.py', 'teacher/teacher.pth'} < names
    assert not [name for name in names if name.endswith('.tmp')]
    assert not [name for name in load_state_dict(work_dir / 'epoch_2.pth') if 'teacher' in name]


def test_a_run_prints_little_and_its_log_has_all(first):
    work_dir, out, _ = first
    lines = out[: out.index('Accuracy on')].splitlines()
    warned = [line for line in lines if line.startswith('warning: ')]
    shown = [line.split()[0] for line in lines if line not in warned]
    assert shown == ['mmct', 'config', 'model', 'data', 'run', 'Stage', 'epoch', 'epoch', 'Stage',
                     'epoch', 'epoch']  # fmt: skip
    assert lines[3] == (
        'data    Digits: 64 images for training, 40 images for validation, 10 classes'
    )
    assert lines[4].startswith('run     cpu, float32, seed 0, log in run/')
    # The teacher of two epochs may learn something or not.
    assert all('not above chance' in line for line in warned)
    log = work_dir.parent / lines[4].rpartition(' ')[2]
    for file in (log, *(work_dir / 'teacher').glob('*/*.log')):
        text = file.read_text()
        assert all(part in text for part in ('Config:', 'Hooks will be', 'Epoch(val) [2]'))
    assert 'Stage 2 of 2' in log.read_text()


def test_a_second_start_uses_the_cached_teacher(first, trained, tmp_path):
    before = contents(trained)
    result = succeed(TRAIN, CT, '--work-dir', trained, '--allow-weak-teacher', '--verbose',
                     '--cfg-options', *SMALL, cwd=tmp_path)  # fmt: skip
    assert 'Stage 1 of 2: done' in result.out
    assert all(part in result.out for part in ('Config:', 'Epoch(val) [2]'))
    after = contents(trained)
    assert {n for n in before if n.startswith('teacher')} == {
        n for n in after if n.startswith('teacher') and after[n] == before[n]
    }
    assert same_weights(trained / 'epoch_2.pth', first[0] / 'epoch_2.pth')
    assert result_of(trained) == result_of(first[0])


def test_the_dumped_config_alone_reproduces_training(first, tmp_path):
    config = shutil.copy(first[0] / 'ct_resnet18_digits.py', tmp_path / 'dumped.py')
    succeed(TRAIN, config, '--work-dir', 'again', cwd=tmp_path)
    for name in ('epoch_1.pth', 'epoch_2.pth', 'teacher/teacher.pth'):
        assert same_weights(tmp_path / 'again' / name, first[0] / name)


def test_the_stock_tool_trains_both_stages(first, tmp_path):
    stock = Path(mmpretrain.__file__).parent / '.mim' / 'tools' / 'train.py'
    argv = (stock, CT, '--work-dir', 'stock', '--cfg-options', *SMALL, WEAK)
    assert in_processes(tmp_path, *argv) == [0], log_of(tmp_path)
    assert 'they agree on' in log_of(tmp_path)
    assert result_of(tmp_path / 'stock') == result_of(first[0])
    assert same_weights(tmp_path / 'stock' / 'epoch_2.pth', first[0] / 'epoch_2.pth')


def test_ctrl_c_says_how_to_go_on(tmp_path):
    options = (*NET, *DATA, 'train_cfg.max_epochs=1000')
    job = fork(tmp_path, TRAIN, CT, '--work-dir', 'run', '--cfg-options', *options)
    wait_until(lambda: ' of 1000   loss ' in log_of(tmp_path))
    os.kill(job.pid, signal.SIGINT)
    assert end(job) == 130
    assert log_of(tmp_path).splitlines()[-1] == 'train.py: stopped; continue with --resume'
    assert 'Traceback' not in log_of(tmp_path)
    store = tmp_path / 'run' / 'teacher'
    assert json.loads((store / 'teacher.json').read_text())['finished'] is False
    assert load_state_dict((store / 'last_checkpoint').read_text())
    assert (tmp_path / 'run' / 'ct_resnet18_digits.py').is_file()


def test_the_student_is_tested_alike_with_every_config(trained, tmp_path):
    checkpoint = trained / 'epoch_2.pth'
    before = contents(trained)
    accuracies = [
        metrics(CT, checkpoint, tmp_path, '--cfg-options', *SMALL),
        metrics(trained / 'ct_resnet18_digits.py', checkpoint, tmp_path),
        metrics(BN, checkpoint, tmp_path, '--cfg-options', *SMALL),
    ]
    student = json.loads((trained / 'ct_result.json').read_text())['student_accuracy_pct']
    assert accuracies == [{'accuracy/top1': pytest.approx(student)}] * 3
    # The dumped config names its work dir: a test may not write there.
    assert contents(trained) == before


def test_a_student_is_tested_on_images_corrupted_on_the_fly(trained, tmp_path):
    (tmp_path / 'corrupted.py').write_text(
        f"_base_ = {str(trained / 'ct_resnet18_digits.py')!r}\n"
        'test_dataloader = dict(dataset=dict(_delete_=True, type="CorruptedDataset",\n'
        '    corruption="contrast", severity=5, dataset=_base_.test_dataloader.dataset))\n'
    )
    configs = dict(clean=trained / 'ct_resnet18_digits.py', corrupted=tmp_path / 'corrupted.py')
    predictions = {}
    for name, config in configs.items():
        out = tmp_path / f'{name}.pkl'
        succeed(TEST, config, trained / 'epoch_2.pth', '--out', out, cwd=tmp_path)
        predictions[name] = pickle.loads(out.read_bytes())
    for clean, corrupted in zip(*predictions.values(), strict=True):
        assert not torch.equal(clean['pred_score'], corrupted['pred_score'])
        assert 'corruption' not in clean
        assert corrupted['corruption']['source'] == 'generated'


def test_out_holds_a_prediction_for_each_image(trained, tmp_path):
    config, checkpoint = trained / 'ct_resnet18_digits.py', trained / 'epoch_2.pth'
    expected = json.loads((trained / 'ct_result.json').read_text())['student_accuracy_pct']
    for extra in ([], ['--out-item', 'pred']):
        shown = succeed(TEST, config, checkpoint, '--out', 'new/pred.pkl', *extra, cwd=tmp_path)
        assert [line.split()[0] for line in shown.out.splitlines()] == [
            'mmct', 'config', 'model', 'data', 'run', 'accuracy/top1:'
        ]  # fmt: skip
        predictions = pickle.loads((tmp_path / 'new' / 'pred.pkl').read_bytes())
        hits = [int(p['pred_label']) == int(p['gt_label']) for p in predictions]
        assert len(hits) == 40
        assert 100 * np.mean(hits) == pytest.approx(expected)


def test_tta_averages_an_image_and_its_mirror_image(trained, tmp_path):
    config, checkpoint = trained / 'ct_resnet18_digits.py', trained / 'epoch_2.pth'
    before = contents(trained)
    succeed(TEST, config, checkpoint, '--tta', '--out', 'tta.pkl', cwd=tmp_path)
    predictions = pickle.loads((tmp_path / 'tta.pkl').read_bytes())
    assert contents(trained) == before

    cfg = Config.fromfile(config)
    cfg.model.type = 'ImageClassifier'
    del cfg.model['consistency']
    model = mmpretrain.models.build_classifier(
        {**cfg.model, 'data_preprocessor': cfg.data_preprocessor}
    ).eval()
    model.load_state_dict(load_state_dict(checkpoint), strict=True)
    dataset = mmpretrain.datasets.build_dataset(cfg.test_dataloader.dataset)
    images = torch.stack([item['inputs'] for item in dataset])
    x = model.data_preprocessor({'inputs': images})['inputs']
    with torch.no_grad():
        views = [model(view).softmax(1) for view in (x, x.flip(-1))]
    scores = torch.stack([p['pred_score'] for p in predictions])
    torch.testing.assert_close(scores, sum(views) / 2)
    assert not torch.allclose(scores, views[0])


def test_show_dir_gets_a_picture_of_each_nth_image(trained, tmp_path):
    succeed(TEST, trained / 'ct_resnet18_digits.py', trained / 'epoch_2.pth',
            '--show-dir', 'shown', '--interval', '20', cwd=tmp_path)  # fmt: skip
    pictures = sorted((tmp_path / 'shown').iterdir())
    assert len(pictures) == 2
    assert np.asarray(Image.open(pictures[0])).std() > 0


def test_resume_goes_on_with_the_student(first, trained, tmp_path):
    (trained / 'epoch_2.pth').unlink()
    (trained / 'ct_result.json').unlink()
    (trained / 'last_checkpoint').write_text(str(trained / 'epoch_1.pth'))
    for resume in (['--resume'], ['--resume', trained / 'epoch_1.pth']):
        result = succeed(TRAIN, trained / 'ct_resnet18_digits.py', *resume,
                         '--work-dir', trained, cwd=tmp_path)  # fmt: skip
        student = result.out.split('Stage 2 of 2')[1]
        assert 'continues at epoch 2 of 2' in student
        assert 'epoch 1 of 2' not in student
        assert '\nepoch 2 of 2 ' in student
        assert result_of(trained)['teacher_accuracy_pct'] == (
            result_of(first[0])['teacher_accuracy_pct']
        )
        (trained / 'last_checkpoint').write_text(str(trained / 'epoch_1.pth'))


@pytest.mark.parametrize('rank', ['--local_rank=0', '--local-rank=0'])
def test_the_launchers_options(rank):
    assert merged(BN, rank, '--launcher', 'none').launcher == 'none'


def test_auto_scale_lr_scales_with_the_batch_size(tmp_path):
    succeed(TRAIN, BN, '--work-dir', 'run', '--auto-scale-lr', '--local-rank=0',
            '--launcher', 'none', '--cfg-options', *SMALL, 'train_cfg.max_epochs=1',
            'train_dataloader.batch_size=16', cwd=tmp_path)  # fmt: skip
    with safe_loading():
        checkpoint = torch.load(tmp_path / 'run' / 'epoch_1.pth', weights_only=True)
    # Half the batch of 32 that the learning rate of 0.1 is for.
    assert checkpoint['optimizer']['param_groups'][0]['initial_lr'] == pytest.approx(0.05)


def test_without_validation_the_result_is_of_training_images(trained, tmp_path):
    succeed(TRAIN, trained / 'ct_resnet18_digits.py', '--no-validate', '--work-dir', trained,
            cwd=tmp_path)  # fmt: skip
    result = result_of(trained)
    assert (result['measured_on'], result['num_images']) == ('training', 64)
    assert Config.fromfile(trained / 'ct_resnet18_digits.py').val_dataloader is None


def merged(config, *argv):
    """The config that training would run with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('LOCAL_RANK', '0')
        args = train.parse_args(Parser(), [str(config), *argv])
        return training.merge_args(load_config(args.config), args)


def test_a_list_of_dicts_is_an_option(tmp_path):
    hooks = "custom_hooks=[{'type': 'EMAHook', 'momentum': 0.1}]"
    names = ('default_hooks.checkpoint.filename_tmpl=at_{}.pth', 'experiment_name={}')
    cfg = merged(
        BN, '--cfg-options', hooks, 'train_cfg.max_epochs=3', "optim_wrapper={'a': 1}", *names
    )
    assert (cfg.default_hooks.checkpoint.filename_tmpl, cfg.experiment_name) == ('at_{}.pth', '{}')
    assert cfg.custom_hooks == [dict(type='EMAHook', momentum=0.1)]
    assert cfg.train_cfg.max_epochs == 3
    assert cfg.optim_wrapper.a == 1


def test_mixed_precision_is_bfloat16_on_a_cpu_and_mmengines_on_an_accelerator(monkeypatch):
    scaled = ('optim_wrapper.type=AmpOptimWrapper', 'optim_wrapper.loss_scale=512.')
    for options in ([], ['--cfg-options', *scaled]):
        wrapper = merged(CIFAR, '--amp', *options).optim_wrapper
        assert wrapper.type == 'BFloat16OptimWrapper' and 'loss_scale' not in wrapper
    monkeypatch.setattr(training, 'get_device', lambda: 'cuda')
    wrapper = merged(CIFAR, '--amp').optim_wrapper
    assert (wrapper.type, wrapper.loss_scale) == ('AmpOptimWrapper', 'dynamic')
    own = ('--cfg-options', 'optim_wrapper.type=BFloat16OptimWrapper')
    assert merged(CIFAR, '--amp', *own).optim_wrapper.type == 'BFloat16OptimWrapper'


def test_the_layout_is_one_switch_for_teacher_and_student():
    cfg = merged(CIFAR, '--ct', '--channels-last')
    layout = dict(type='ChannelsLastHook')
    assert cfg.default_hooks.channels_last == layout and cfg.default_hooks.checkpoint
    recipe = TeacherRecipe()
    assert teacher_config(cfg, recipe, 'w').default_hooks.channels_last == layout
    assert 'channels_last' not in merged(CIFAR, '--ct').default_hooks


def test_ct_does_not_share_the_baselines_work_dir():
    assert merged(BN).work_dir.endswith('bn_resnet18_digits')
    assert merged(BN, '--ct').work_dir.endswith('bn_resnet18_digits_ct')
    assert merged(CT, '--ct').work_dir.endswith('ct_resnet18_digits')
    assert merged(BN, '--ct', '--work-dir', 'mine').work_dir == 'mine'


@pytest.mark.parametrize('start', ['bn.pth', None])
def test_the_switch_sees_the_weights_that_an_option_names(tmp_path, start):
    config = tmp_path / 'config.py'
    config.write_text(f'_base_ = {str(BN)!r}\nload_from = {"bn.pth" if start is None else None!r}')
    hook = merged(config, '--ct', '--cfg-options', f'load_from={start}').custom_hooks[-1]
    assert (hook.get('init') == 'fold') == (start is not None)
    if start:
        options = ('type=Pretrained', f'checkpoint={start}')
        named = [f'model.backbone.init_cfg.{option}' for option in options]
        cfg = merged(BN, '--ct', '--cfg-options', *named, 'model.consistency.loss_weight=3')
        assert cfg.custom_hooks[-1].init == 'fold' and cfg.model.backbone.init_cfg.checkpoint
        whole = f"model.backbone.init_cfg={dict(type='Pretrained', checkpoint=start)}"
        assert merged(BN, '--ct', '--cfg-options', whole).custom_hooks[-1].init == 'fold'
        # An option may change what a method adds.
        of_mixup = 'model.train_cfg.augments.0.alpha=0.7'
        cfg = merged(BN, '--ct', '--method', 'mixup', '--cfg-options', of_mixup, *named)
        assert cfg.model.train_cfg.augments[0].alpha == 0.7
        assert cfg.custom_hooks[-1].init == 'fold'
    (tmp_path / 'last.pth').touch()
    options = ('resume=True', f'load_from={tmp_path / "last.pth"}')
    hook = merged(BN, '--ct', '--cfg-options', *options).custom_hooks[-1]
    assert hook.weight_standardisation is True


def test_load_from_counts_until_the_student_has_a_checkpoint(tmp_path):
    options = ('--work-dir', str(tmp_path), '--resume', '--cfg-options', 'load_from=a.pth')
    cfg = merged(CT, *options)
    assert (cfg.resume, cfg.load_from) == (False, 'a.pth')
    saved = tmp_path / 'epoch_1.pth'
    saved.touch()
    (tmp_path / 'last_checkpoint').write_text(str(saved))
    cfg = merged(CT, *options)
    assert (cfg.resume, cfg.load_from) == (True, str(saved))


def test_the_dumped_config_of_a_resumed_run_starts_anew_and_tests(tmp_path):
    dumped, new = tmp_path / 'dumped.py', ('--work-dir', str(tmp_path / 'new'))
    text = f'_base_ = {str(BN)!r}\nresume, load_from = True, "old/epoch_5.pth"\n'
    dumped.write_text(text + 'start_from = "bn.pth"')
    for options, start in (
        ((), 'bn.pth'), (('--resume',), 'bn.pth'),
        (('--cfg-options', 'load_from=own.pth'), 'own.pth'),
    ):  # fmt: skip
        cfg = merged(dumped, *new, *options)
        assert (cfg.resume, cfg.load_from) == (False, start) and 'start_from' not in cfg
    (tmp_path / 'own.pth').touch()
    file = str(tmp_path / 'own.pth')
    cfg = merged(dumped, *new, '--cfg-options', 'resume=True', f'load_from={file}')
    assert (cfg.resume, cfg.load_from, cfg.start_from) == (True, file, 'bn.pth')
    # Also with the switch, and once there is a checkpoint.
    options = ('--ct', *new, '--resume', '--cfg-options', 'load_from=own.pth')
    cfg = merged(dumped, *options)
    assert (cfg.resume, cfg.load_from) == (False, 'own.pth')
    saved = tmp_path / 'new' / 'epoch_1.pth'
    saved.parent.mkdir()
    saved.touch()
    (tmp_path / 'new' / 'last_checkpoint').write_text(str(saved))
    cfg = merged(dumped, *options)
    assert (cfg.resume, cfg.load_from, cfg.start_from) == (True, str(saved), 'own.pth')
    shutil.rmtree(tmp_path / 'new')
    args = options_of_test(Parser(), [str(dumped), str(tmp_path / 'own.pth')])
    cfg = merge_into_test(load_config(str(dumped)), args)
    assert (cfg.resume, cfg.load_from) == (False, str(tmp_path / 'own.pth'))
    dumped.write_text(text)
    with pytest.raises(CTError, match='resumes a run, and does not say with which weights it'):
        merged(dumped, *new, '--resume')
    dumped.write_text(f'_base_ = {str(BN)!r}\nload_from, start_from = "own.pth", "bn.pth"')
    assert 'start_from' not in merged(dumped, *new)
    # mmengine's own ways: from the last checkpoint, of which there is none yet; from a file.
    dumped.write_text(f'_base_ = {str(BN)!r}\nresume = True')
    assert merged(dumped, *new).resume is False
    cfg = merged(dumped, *new, '--cfg-options', f'load_from={tmp_path / "own.pth"}')
    assert (cfg.resume, cfg.load_from) == (True, str(tmp_path / 'own.pth'))


def test_a_command_that_goes_on_does_not_train_its_new_teacher_again(tmp_path):
    options = ('--work-dir', str(tmp_path), '--retrain-teacher')
    assert merged(CT, *options).custom_hooks[0].retrain is True
    assert merged(CT, *options, '--resume').custom_hooks[0].retrain == 'unless_trained'


@pytest.mark.parametrize(('checkpoint', 'told'), [('', True), ('by_epoch=False', False)])
def test_that_iterations_have_no_checkpoint_in_epochs_is_said(
    tmp_path, monkeypatch, checkpoint, told
):
    config, said = tmp_path / 'iterations.py', []
    config.write_text(
        f'_base_ = {str(BN)!r}\ntrain_cfg = dict(_delete_=True, by_epoch=False, max_iters=9)\n'
        f'default_hooks = dict(checkpoint=dict({checkpoint}))'
    )
    monkeypatch.setattr(training, 'print_log', lambda text, **_: said.append(text))
    merged(config)
    assert any('cannot be resumed' in line for line in said) == told


@pytest.mark.parametrize('config', [BN, CIFAR])
def test_a_dumped_config_of_any_network_finds_its_checkpoint_hook(config):
    cfg = merged(config)
    assert cfg.default_hooks.checkpoint.type == 'ResumableCheckpointHook'
    # The stock tools, which read it later, import nothing by themselves.
    assert cfg.custom_imports['imports'] == ['mmct']


def test_the_loaders_options():
    options = ('train_dataloader.num_workers=2', 'train_dataloader.pin_memory=True')
    plain = merged(CT, '--cfg-options', *options)
    assert plain.train_dataloader.pin_memory is True
    assert plain.train_dataloader.collate_fn == dict(type='default_collate')
    loaders = merged(CT, '--no-pin-memory', '--no-persistent-workers',
                     '--cfg-options', *options)  # fmt: skip
    assert loaders.train_dataloader.pin_memory is False
    assert loaders.train_dataloader.persistent_workers is False
    assert merged(CIFAR).train_dataloader.persistent_workers is True
    # Without workers none can persist: torch refuses to be asked.
    alone = merged(CIFAR, '--cfg-options', 'train_dataloader.num_workers=0')
    assert alone.train_dataloader.persistent_workers is False


def test_options_reach_what_ct_adds():
    cfg = merged(CIFAR, '--ct', '--cfg-options', 'custom_hooks.0.max_epochs=3',
                 'model.consistency.loss_weight=2.0')  # fmt: skip
    hook = dict(type='NoBNTeacherHook', **RECIPE, max_epochs=3)
    assert cfg.custom_hooks == [hook]
    assert cfg.model.consistency == dict(CONSISTENCY, loss_weight=2.0)


def check_reproduces(name, cwd):
    """The config dumped by a --ct run trains and tests as that run did."""
    dumped = shutil.copy(cwd / 'one' / name, cwd / 'dumped.py')
    succeed(TRAIN, dumped, '--work-dir', 'two', cwd=cwd)
    assert same_weights(cwd / 'one' / 'epoch_1.pth', cwd / 'two' / 'epoch_1.pth')
    assert result_of(cwd / 'one') == result_of(cwd / 'two')
    accuracy = metrics(dumped, cwd / 'two' / 'epoch_1.pth', cwd)['accuracy/top1']
    assert accuracy == pytest.approx(result_of(cwd / 'one')['student_accuracy_pct'])


def test_ct_for_a_config_of_mmpretrain(tmp_path):
    loaders = [
        f'{split}_dataloader.{option}'
        for split in ('train', 'val', 'test')
        for option in ('dataset.type=Digits', 'num_workers=0', 'batch_size=20')
    ]
    crop = [f'train_dataloader.dataset.pipeline.0.{o}' for o in ('crop_size=8', 'padding=1')]
    succeed(TRAIN, CIFAR, '--ct', '--allow-weak-teacher', '--work-dir', 'one',
            '--cfg-options', *loaders, *crop, *NET, *DATA, 'train_cfg.max_epochs=1',
            'randomness.seed=3', cwd=tmp_path)  # fmt: skip
    check_reproduces('resnet18_8xb16_cifar10.py', tmp_path)


def test_ct_for_an_own_config_keeps_its_hooks(tmp_path):
    (tmp_path / 'own.py').write_text(
        f"""
_base_ = {BN!r}
model = {MODEL!r}
train_dataloader = dict(dataset=dict(indices=64))
val_dataloader = dict(dataset=dict(indices=40))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=1)
custom_hooks = [dict(type='EMAHook', priority='ABOVE_NORMAL')]
"""
    )
    permitted = ('--allow-weak-teacher', '--allow-other-config', '--retrain-teacher')
    succeed(TRAIN, 'own.py', '--ct', *permitted, '--work-dir', 'one', cwd=tmp_path)
    cfg = Config.fromfile(tmp_path / 'one' / 'own.py')
    hooks = cfg.custom_hooks
    assert [hook.type for hook in hooks] == ['EMAHook', 'NoBNTeacherHook']
    # What was permitted once is not for those who start from this config.
    assert 'retrain' not in hooks[1] and hooks[1].on_weak_teacher == 'warn'
    assert 'on_other_config' not in cfg.default_hooks.checkpoint
    assert (tmp_path / 'one' / 'ct_result.json').is_file()


PURE_BASE = """
from mmengine.dataset import DefaultSampler
from mmpretrain.datasets import PackInputs
from mmpretrain.evaluation import Accuracy
from mmpretrain.models import (
    ClsDataPreprocessor, CrossEntropyLoss, GlobalAveragePooling, ImageClassifier, LinearClsHead,
    ResNet_CIFAR,
)

from mmct.datasets import Digits

model = dict(
    type=ImageClassifier,
    backbone=dict(type=ResNet_CIFAR, depth=18, num_stages=2, strides=(1, 2), dilations=(1, 1),
                  out_indices=(1,), base_channels=8, stem_channels=8),
    neck=dict(type=GlobalAveragePooling),
    head=dict(type=LinearClsHead, num_classes=10, in_channels=16,
              loss=dict(type=CrossEntropyLoss)),
)
data_preprocessor = dict(type=ClsDataPreprocessor, mean=[78.0] * 3, std=[96.0] * 3)
pipeline = [dict(type=PackInputs)]
train_dataloader = dict(
    batch_size=32, num_workers=0, sampler=dict(type=DefaultSampler, shuffle=True),
    dataset=dict(type=Digits, split='train', indices=64, pipeline=pipeline),
)
val_dataloader = dict(
    batch_size=40, num_workers=0, sampler=dict(type=DefaultSampler, shuffle=False),
    dataset=dict(type=Digits, split='test', indices=40, pipeline=pipeline),
)
val_evaluator = dict(type=Accuracy, topk=(1,))
test_dataloader, test_evaluator = val_dataloader, val_evaluator
val_cfg = test_cfg = dict()
train_cfg = dict(by_epoch=True, max_epochs=1)
randomness = dict(seed=0)
"""
PURE = """
from mmengine.config import read_base

with read_base():
    from .pure_base import *

from torch.optim import SGD
from mmengine.optim import OptimWrapper

optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=SGD, lr=0.05))
"""


def test_ct_for_a_pure_python_config(tmp_path):
    (tmp_path / 'pure_base.py').write_text(PURE_BASE)
    (tmp_path / 'pure.py').write_text(PURE)
    succeed(TRAIN, 'pure.py', '--ct', '--allow-weak-teacher', '--work-dir', 'one', cwd=tmp_path)
    check_reproduces('pure.py', tmp_path)


@pytest.mark.parametrize('name', ['teacher.pth', 'epoch_2.pth'])
def test_teacher_takes_a_checkpoint_of_a_network_without_bn(name, first, tmp_path):
    teacher = first[0] / 'teacher' / name
    succeed(TRAIN, CT, '--teacher', teacher, '--allow-weak-teacher', '--work-dir', 'run',
            '--cfg-options', *SMALL, cwd=tmp_path)  # fmt: skip
    result = result_of(tmp_path / 'run')
    assert result['teacher_source'] == str(teacher)
    assert result['teacher_accuracy_pct'] == result_of(first[0])['teacher_accuracy_pct']
    assert not (tmp_path / 'run' / 'teacher').exists()


# A start that is refused: tool, options, what the message has to name.
REFUSED = {
    'missing config': (TRAIN, [CT.replace('digits', 'digit')], ['similar: ct_resnet18_digits.py']),
    'missing config of ours': (TRAIN, ['mmct::ct_resnet18_digit'], ['ct_resnet18_digits']),
    'wrong folder in a package': (
        TRAIN, ['mmpretrain::resnet18_8xb16_cifar1.py'], ['resnet/resnet18_8xb16_cifar10.py']
    ),
    'missing package': (TRAIN, ['mmnothing::a.py'], ["no package 'mmnothing'"]),
    'not a package': (TRAIN, ['signal::a.py'], ["no package 'signal'"]),
    'missing data': (
        TRAIN,
        [mmct.config_path('ct_resnet18_cifar10_folder'), '--cfg-options', 'randomness.seed=0'],
        ['data/cifar10/train does not exist', 'train_dataloader.dataset.data_root=FOLDER'],
    ),
    'missing validation data': (
        TRAIN,
        [CT, '--cfg-options', 'val_dataloader.dataset.type=CIFAR10', *NET,
         'val_dataloader.dataset.download=False', 'val_dataloader.dataset.data_root=nowhere'],
        ['nowhere', 'val_dataloader.dataset.data_root=FOLDER'],
    ),
    'missing checkpoint': (TEST, [CT, 'no.pth'], ['checkpoint no.pth does not exist']),
    'checkpoint to resume': (TRAIN, [CT, '--resume', 'no.pth'], ['no.pth']),
    'checkpoint of another network': (
        TEST, [CT, 'run/epoch_2.pth'], ['run/epoch_2.pth does not fit', 'backbone.layer3']
    ),
    'checkpoint without BN': (
        TEST, [CT, 'run/teacher/teacher.pth', '--cfg-options', *NET], ['bn1.running_mean']
    ),
    'no checkpoint': (TEST, [CT, 'run/ct_result.json'], ['ct_result.json', 'damaged']),
    'no test set': (
        TEST, [CT, 'run/epoch_2.pth', '--cfg-options', 'test_dataloader=None'], ['no test set']
    ),
    'option of training': (TRAIN, [CT, '--teachers', 'a'], ["did you mean '--teacher'?"]),
    'option of testing': (TEST, [CT, 'a', '--work_dir=a'], ["did you mean '--work-dir'?"]),
    'part of the config': (
        TRAIN, [CT, '--cfg-options', 'trian_cfg.max_epochs=1'], ["did you mean 'train_cfg'?"]
    ),
    'variable of the config': (
        TRAIN, [CT, '--cfg-options', 'ct_teacher.length=3'], ['ct_teacher is a variable']
    ),
    'a dict that cannot be read': (
        TRAIN, [CT, '--cfg-options', 'custom_hooks=[{type:EMAHook}]'],
        ['--cfg-options custom_hooks: [{type:EMAHook}] cannot be read; write it in quotes'],
    ),
    'key without value': (TRAIN, ['--cfg-options', 'a=1', CT], ['is not KEY=VALUE']),
    'setting of the config': (
        TRAIN, [CT, '--cfg-options', 'train_cfg.max_epoch=1'], ['max_epoch', 'MMCT_TRACEBACK=1']
    ),
    'type of the network': (
        TRAIN, [CT, '--cfg-options', 'model.backbone.type=ResNet_CIFR'], ['ResNet_CIFR', 'KeyError']
    ),
    'setting of the network': (
        TRAIN, [CT, '--cfg-options', 'model.backbone.dpeth=18'], ["'dpeth'", 'TypeError']
    ),
    'setting of the data': (
        TRAIN, [CT, '--cfg-options', 'train_dataloader.dataset.splt=train'], ["'splt'"]
    ),
    'setting of a hook of ours': (
        TRAIN, [CT, '--cfg-options', 'custom_hooks.0.student_lr_mult=0'], ['student_lr_mult must']
    ),
    'setting that a hook reads when it begins': (
        TRAIN,
        [CT, '--cfg-options', *NET, "default_hooks.average={'type': 'EMAHook', 'begin_epoch': 50}"],
        ['EMAHook: ', 'max_epochs', 'begin_epoch: 50 (AssertionError)'],
    ),
    'another hook that begins': (
        TRAIN,
        [CT, '--cfg-options', *NET,
         "default_hooks.profile={'type': 'ProfilerHook', 'on_trace_ready': {'type': 'nowhere'}}"],
        ['ProfilerHook: ', 'nowhere', '(ValueError)'],
    ),
    'brackets': (TRAIN, [CT, '--cfg-options', 'a=[1,(2]'], ['brackets', 'AssertionError']),
    'syntax of the config': (TRAIN, ['broken.py'], ['SyntaxError']),
    'name in the config': (TRAIN, ['undefined.py'], ["'nothing' is not defined", 'NameError']),
    'no config': (TRAIN, [], ['config']),
    'abbreviated option': (TRAIN, [CT, '--no-validat'], ['--no-validate']),
    'no model': (TRAIN, [CT, '--cfg-options', 'model=None'], ['digits.py has no model']),
    'no launcher': (TRAIN, [CT, '--launcher', 'pytorch'], ['--launcher pytorch', 'torchrun']),
    'item without file': (TEST, [CT, 'a', '--out-item', 'pred'], ['--out FILE']),
    'format of predictions': (TEST, [CT, 'a', '--out', 'a.json'], ['.pkl']),
    'format of metrics': (
        TEST, [CT, 'a', '--out', 'a.txt', '--out-item', 'metrics'], ['.json']
    ),
    'pictures of tta': (TEST, [CT, 'a', '--tta', '--show-dir', 'a'], ['--tta', '--show-dir']),
    'number of classes': (
        TRAIN, [CT, '--cfg-options', 'model.head.num_classes=7'], ['10 classes', 'head has 7']
    ),
    'number of classes in a test': (
        TEST,
        [CT, 'run/epoch_2.pth', '--cfg-options', *NET, 'model.head.num_classes=7'],
        ['10 classes', 'head has 7'],
    ),
    'amp of another kind': (
        TRAIN, [CT, '--amp', '--cfg-options', 'optim_wrapper.type=ApexOptimWrapper'],
        ['--amp', 'ApexOptimWrapper'],
    ),
    'batch size to scale from': (
        TRAIN, [CT, '--auto-scale-lr', '--cfg-options', 'auto_scale_lr=None'],
        ['auto_scale_lr.base_batch_size=N'],
    ),
    'unknown method': (TRAIN, [BN, '--method', 'augmx'], ['augmx', "did you mean 'augmix'?"]),
    'methods that do not go together': (
        TRAIN, [BN, '--method', 'augmix', '--method', 'mixup'], ['augmix', 'mixup']
    ),
    'no batches': (
        TEST, [BN, 'a', '--recalibrate-bn', '0'], ['--recalibrate-bn', 'must be 1 or more']
    ),
    'batches and tta': (
        TEST, [BN, 'a', '--recalibrate-bn', '1', '--tta'], ['--tta', '--recalibrate-bn']
    ),
    'statistics without BN': (
        TEST,
        [mmct.config_path('nobn_resnet18_digits'), 'run/teacher/teacher.pth',
         '--recalibrate-bn', '1', '--cfg-options', *NET, 'model.weight_standardisation=False'],
        ['--recalibrate-bn', 'no BatchNorm'],
    ),
    # The teacher of this run has none; standardised, it would be another network.
    'plain weights for standardised ones': (
        TEST,
        [mmct.config_path('nobn_resnet18_digits'), 'run/teacher/teacher.pth',
         '--cfg-options', *NET],
        ['plain weights', 'model.weight_standardisation=False'],
    ),
    'teacher without ct': (TRAIN, [BN, '--teacher', 'a.pth'], ['--ct', 'NoBNTeacherHook']),
    'half of ct': (TRAIN, [CT, '--cfg-options', 'custom_hooks=[]'], ['no NoBNTeacherHook']),
    'student without bn': (
        TRAIN,
        ['mmpretrain::vision_transformer/vit-base-p16_32xb128-mae_in1k.py', '--ct',
         '--cfg-options', 'model.backbone.arch=deit-tiny', 'model.backbone.img_size=32',
         'randomness.seed=0'],
        ['need a network with BN', 'LayerNorm'],
    ),
    'no classifier': (
        TRAIN, ['mmpretrain::mae/mae_vit-base-p16_8xb512-amp-coslr-300e_in1k.py', '--ct'],
        ['ImageClassifier', 'MAE'],
    ),
    'empty work dir': (TRAIN, [CT, '--work-dir', ''], ['argument --work-dir: its value is empty']),
    'empty resume': (TRAIN, [CT, '--resume='], ['argument --resume: its value is empty']),
    'empty teacher': (TRAIN, [CT, '--teacher', ''], ['argument --teacher: its value is empty']),
    'empty checkpoint': (TEST, [CT, ''], ['argument checkpoint: its value is empty']),
    'no interval': (TEST, [CT, 'run/epoch_2.pth', '--interval', '0'], ['must be 1 or more, got 0']),
    'no epochs': (
        TRAIN, [CT, '--cfg-options', *SMALL, 'train_cfg.max_epochs=0'],
        ['train_cfg.max_epochs must be an integer of 1 or more, got 0'],
    ),
    'no validation interval': (
        TRAIN, [CT, '--cfg-options', *SMALL, 'train_cfg.val_interval=0'],
        ['train_cfg.val_interval must be an integer of 1 or more, got 0'],
    ),
    'a learning rate that is none': (
        TRAIN, [CT, '--retrain-teacher', '--cfg-options', *SMALL, 'optim_wrapper.optimizer.lr=nan'],
        ['optim_wrapper.optimizer: lr is nan'],
    ),
    'a checkpoint interval that is none': (
        TRAIN, [CT, '--cfg-options', *SMALL, 'default_hooks.checkpoint.interval=abc'],
        ['interval must be an integer of 1 or more', "'abc'"],
    ),
    'a part that is no dict': (
        TRAIN, [CT, '--cfg-options', 'custom_hooks=3'],
        ['custom_hooks must be a list of dicts, got 3'],
    ),
    'batch size of a test': (
        TEST, [CT, 'run/epoch_2.pth', '--cfg-options', *NET, 'test_dataloader.batch_size=abc'],
        ["test_dataloader.batch_size must be an integer of 1 or more, got 'abc'"],
    ),
    'metric of a test': (
        TEST, [CT, 'run/epoch_2.pth', '--cfg-options', *NET, 'test_evaluator.type=Foo'],
        ['Foo is not in'],
    ),
    'setting of a metric': (
        TEST, [CT, 'run/epoch_2.pth', '--cfg-options', *NET, 'test_evaluator.topk=[1,abc]'],
        ['the test (test_dataloader, test_evaluator) fails'],
    ),
    'images of a test': (
        TEST, [CT, 'run/epoch_2.pth', '--corruptions', 'generated', '--cfg-options', *NET,
               'data_preprocessor.mean=[1,2]'],
        ['the test (test_dataloader, test_evaluator) fails'],
    ),
    'seconds that are none': (
        TEST, [CT, 'a', '--wait-time', 'nan'], ['--wait-time: must be a number of 0 or more']
    ),
    'a number of checkpoints that is none': (
        TRAIN, [CT, '--cfg-options', *SMALL, 'default_hooks.checkpoint.max_keep_ckpts=abc'],
        ['max_keep_ckpts must be an integer', "'abc'"],
    ),
    'corruptions that are none': (
        TRAIN, [CT, '--cfg-options', *SMALL,
                "custom_hooks=[{'type': 'NoBNTeacherHook'}, "
                "{'type': 'ScorecardHook', 'corruptions': 3}]"],
        ['ScorecardHook: no test set to score on', 'corruptions=3'],
    ),
    'teacher that is given and to be trained': (
        TRAIN, [CT, '--teacher', 'no.pth', '--retrain-teacher'],
        ['a teacher is given, no.pth, and is to be trained', 'leave out one'],
    ),
    'missing teacher': (TRAIN, [CT, '--teacher', 'no.pth'], ['no.pth does not exist']),
    'teacher with BN': (
        TRAIN, [CT, '--teacher', 'run/epoch_2.pth', '--cfg-options', *SMALL],
        ['run/epoch_2.pth', 'not BN-free'],
    ),
    'teacher of another network': (
        TRAIN, [CT, '--teacher', 'run/teacher/teacher.pth'], ['does not fit', 'conv1.weight']
    ),
    'finished teacher of another schedule': (
        TRAIN, [CT, '--cfg-options', *SMALL, 'train_cfg.max_epochs=3'],
        ['train_cfg.max_epochs: 2 -> 3', '--retrain-teacher'],
    ),
}  # fmt: skip


@pytest.fixture(scope='module')
def refusing(first, tmp_path_factory):
    """A work dir that no refused start may change."""
    folder = tmp_path_factory.mktemp('refusing')
    (folder / 'broken.py').write_text('model = (')
    (folder / 'undefined.py').write_text('model = nothing')
    shutil.copytree(first[0], folder / 'run')
    return folder


@pytest.mark.parametrize('case', REFUSED)
def test_a_refused_start_says_why_in_one_line_and_loses_nothing(case, refusing, monkeypatch):
    monkeypatch.setattr('mmct.cli.training.get_device', lambda: 'cpu')
    monkeypatch.delenv('RANK', raising=False)
    tool, argv, named = REFUSED[case]
    before = contents(refusing)
    result = run(tool, *argv, '--work-dir', 'run', cwd=refusing)
    assert result.code == 2
    assert len(result.err.splitlines()) == 1, result.err
    assert result.err.startswith(f'{tool.name}: error: ')
    for text in named:
        assert text in result.err
    assert contents(refusing) == before


def test_the_users_own_config_is_not_written_over(tmp_path):
    text = f'_base_ = {CT!r}\n# a remark\n'
    (tmp_path / 'mine.py').write_text(text)
    result = run(TRAIN, 'mine.py', '--work-dir', '.', cwd=tmp_path)
    assert result.code == 2
    assert '--work-dir . is the folder of the config' in result.err
    assert (tmp_path / 'mine.py').read_text() == text


@pytest.mark.parametrize('kind', [AssertionError, AttributeError, KeyError, TypeError])
@pytest.mark.parametrize('where', ['set_loader', 'join_processes', 'data_loader'])
def test_a_bug_of_ours_keeps_its_traceback(kind, where, tmp_path, monkeypatch):
    scope = dict(kind=kind, __name__=training.__name__)
    exec("def buggy(*args, **kwargs): raise kind('ours')", scope)
    monkeypatch.setattr(training, where, scope['buggy'])
    with pytest.raises(kind, match='ours'):
        run(TRAIN, BN, '--work-dir', 'run', cwd=tmp_path)


def test_an_optimizer_that_cannot_be_built_is_the_configs_error(tmp_path):
    result = run(TRAIN, BN, '--work-dir', 'run', '--cfg-options', *SMALL,
                 'optim_wrapper.optimizer.lrr=1', cwd=tmp_path)  # fmt: skip
    assert result.code == 2
    assert "'lrr'" in result.err.splitlines()[-1]


def test_the_way_to_a_traceback(tmp_path, monkeypatch):
    monkeypatch.setenv('MMCT_TRACEBACK', '1')
    with pytest.raises(mmct.runs.CTError, match='digits_table.py does not exist; .*mmct::digits'):
        run(TRAIN, 'digits_table.py', cwd=tmp_path)
    with pytest.raises(mmct.runs.CTError, match='config file no.py does not exist$'):
        run(TRAIN, 'no.py', cwd=tmp_path)
