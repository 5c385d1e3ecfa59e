"""A tool that is called wrongly says what is wrong in a line, and changes nothing."""

import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import grounds
from processes import call, contents

COUNT = 200
Case = tuple[str, tuple[str, ...], tuple[str, ...]]
"""A tool, its options, and words of which one has to be in the message."""

TEST = ('ct.py', 'run/epoch_3.pth', '--work-dir', 'new')
SET = grounds.SCORED[:4]
SCORE = (*TEST, *grounds.SCORED)
TRAIN = ('ct.py', '--work-dir', 'new')
STUDY = ('study.py', '--work-dir', 'new')
CORRUPT = ('ct.py', 'new')
DRAW = ('image.png', 'new.png')
THEORY = ('-o', 'new', '--draws', '2')
REPORT = ('one.json', 'two.json', '-o', 'new.html')
BASE = dict(train=TRAIN, test=TEST, study=STUDY, make_corruptions=CORRUPT, draw_corruptions=DRAW,
            theory=THEORY, report=REPORT)  # fmt: skip

NO_COUNT = ('abc', 'nan', 'inf', '-1', '0', '1.5', '', '1e3', '²')
NO_SEED = ('abc', 'nan', '-1', '1.5', '', '1e3', str(10**30))
NUMBERS = (
    ('train', (), '--local_rank', ('abc', 'nan', '1.5', '')),
    ('test', (), '--interval', NO_COUNT),
    ('test', (), '--recalibrate-bn', NO_COUNT),
    ('test', (), '--wait-time', ('abc', 'nan', 'inf', '-1', '')),
    ('test', grounds.SCORED, '--severities', (*NO_COUNT, '6')),
    ('test', ('--corruptions', 'generated'), '--seed', NO_SEED),
    ('study', (), '--seeds', NO_COUNT),
    ('study', (), '--jobs', NO_COUNT),
    ('make_corruptions', (), '--jobs', NO_COUNT),
    ('make_corruptions', (), '--seed', NO_SEED),
    ('make_corruptions', (), '--severities', (*NO_COUNT, '6')),
    ('draw_corruptions', (), '--size', (*NO_COUNT, '1', '99999999', str(10**30))),
    ('draw_corruptions', (), '--seed', NO_SEED),
    ('theory', (), '--draws', (*NO_COUNT, '1')),
    ('theory', (), '--seed', NO_SEED),
)
WORDS = (
    ('train', (), '--method', ('mixp', '', 'AugMix ')),
    ('train', (), '--launcher', ('torch', '')),
    ('train', (), '--test-domain', ('photo', '')),
    ('test', (), '--corruptions', ('cifar10', 'generate', '')),
    ('test', (), '--out-item', ('metric', 'pred')),
    ('test', ('--corruptions', 'generated'), '--table', ('cifar100', '')),
    ('test', SET, '--only', ('fogg', 'snow', '')),
    ('test', grounds.SCORED, '--reference', ('alexnt', 'alexnet', 'notes.txt', 'other.json')),
    ('test', grounds.SCORED, '--reference', ('run', 'text.json')),
    ('report', (), '--baseline', ('three', 'other.json', '')),
    ('study', (), '--executor', ('slurm', '')),
    ('study', (), '--ray-address', ('auto', '')),
    ('make_corruptions', (), '--corruptions', ('fogg', 'gaussian-noise', '')),
    ('make_corruptions', (), '--layout', ('zip', '')),
    ('draw_corruptions', (), '--table', ('cifar100', '')),
)
NO_CONFIG = ('none.py', 'ct', 'folder.py', 'notes.txt', 'syntax.py', 'undefined.py', 'raises.py',
             'no_base.py', 'no_model.py', 'no_text.py', 'one.json', 'image.png', 'mmct::none.py',
             'mmnothing::a.py', 'mmpretrain::none.py', 'no_data.py', 'no_images.py',
             'mmpretrain::mae/mae_vit-base-p16_8xb512-amp-coslr-300e_in1k.py')  # fmt: skip
NO_CHECKPOINT = ('none.pth', 'run', 'text.pth', 'empty.pth', 'ct.py', 'one.json', 'image.png',
                 'no://where.pth', 'set/fog.npy')  # fmt: skip
NO_RESULT = ('none.json', 'run', 'text.json', 'other.json', 'empty.json', 'notes.txt', 'image.png',
             'out/study.json', 'set/manifest.json', 'run/teacher/teacher.json')  # fmt: skip
# A file in the place of a folder: whoever the user is, nothing is written there.
NO_FOLDER = ('notes.txt', 'notes.txt/new')
PATHS = (
    ('train', ('--work-dir', 'new'), '', NO_CONFIG),
    ('train', (), '--resume', NO_CHECKPOINT + ('weights.pth', 'run/teacher/teacher.pth')),
    ('train', (), '--teacher', NO_CHECKPOINT + ('run/epoch_3.pth',)),
    ('train', ('ct.py',), '--work-dir', NO_FOLDER),
    ('test', ('run/epoch_3.pth', '--work-dir', 'new'), '', NO_CONFIG),
    ('test', ('ct.py', '--work-dir', 'new'), '', NO_CHECKPOINT + ('run/teacher/teacher.pth',)),
    ('test', (), '--out', ('new.txt', 'notes.txt/new.pkl', 'new')),
    ('test', ('--out-item', 'metrics'), '--out', ('new.txt', 'notes.txt/new.json', 'new')),
    ('test', grounds.SCORED, '--out', ('new.pkl', 'notes.txt/new.json', 'other.json')),
    ('test', ('--corruptions', 'arrays'), '--data-root', ('none', 'notes.txt', 'nothing_in_it')),
    ('test', ('--corruptions', 'cifar10c'), '--data-root', ('none', 'notes.txt', 'set')),
    ('test', (), '--show-dir', NO_FOLDER),
    ('report', ('one.json',), '', NO_RESULT),
    ('report', ('one.json',), '-o', ('new.txt', 'notes.txt/new.html', 'new')),
    ('report', ('one.json',), '--csv', ('notes.txt/new.csv', 'run')),
    ('report', ('one.json',), '--markdown', ('notes.txt/new.md', 'run')),
    ('report', ('one.json',), '', ('one.json',)),
    ('study', ('--work-dir', 'new'), '', NO_CONFIG + ('ct.py',)),
    ('study', ('study.py',), '--work-dir', NO_FOLDER),
    ('make_corruptions', ('new',), '', NO_CONFIG),
    ('make_corruptions', ('ct.py',), '', ('notes.txt', 'notes.txt/new', 'run', 'CIFAR-10-C')),
    ('draw_corruptions', ('image.png',), '', ('new', 'new.gif', 'notes.txt/new.png', 'folder.png')),
    ('theory', ('--draws', '2'), '-o', NO_FOLDER),
)
# What is wrong in a config, by the part that is read first.
RATES = ('abc', '-0.1', 'nan', 'inf', '[1,2]', 'None')
LENGTHS = ('0', '-1', 'abc', '1.5', 'None', '[3]')
TRAINING = {
    'optim_wrapper.optimizer.lr': RATES,
    'optim_wrapper.optimizer.momentum': ('abc', '-1', 'nan'),
    'optim_wrapper.optimizer.momentom': ('0.9',),
    'optim_wrapper.optimizer.type': ('SGDD', 'os.system', '3'),
    'optim_wrapper.optimizer': ('None', '3', 'SGD'),
    'optim_wrapper.type': ('OptimWraper', 'None'),
    'optim_wrapper.accumulative_counts': ('abc', '0'),
    'optim_wrapper.clip_grad.max_norm': ('abc',),
    'optim_wrapper': ('None', '[]'),
    'param_scheduler.0.type': ('LinaerLR', 'Linear'),
    'param_scheduler.0.end': ('abc', '-3'),
    'param_scheduler.0.start_factor': ('abc', '7'),
    'param_scheduler.1.T_max': ('abc',),
    'param_scheduler.1.T_mx': ('3',),
    'param_scheduler': ('3', '[{}]'),
    'train_cfg.max_epochs': LENGTHS,
    'train_cfg.val_interval': ('0', '-1', 'abc'),
    'train_cfg.max_epoch': ('3',),
    'train_cfg': ('None', '3'),
    'train_dataloader.batch_size': ('abc', '0', '-1', '1.5', 'None'),
    'train_dataloader.num_workers': ('abc', '-1'),
    'train_dataloader.sampler.type': ('Samplr',),
    'train_dataloader.dataset.type': ('Digit',),
    'train_dataloader.dataset.split': ('trian',),
    'train_dataloader.dataset.indices': ('abc',),
    'train_dataloader.dataset.pipeline': ('3', '[{"type":"Nothing"}]'),
    'val_dataloader.batch_size': ('abc', '0'),
    'val_evaluator.topk': ('abc', '[0,abc]'),
    'val_evaluator.type': ('Acuracy',),
    'val_evaluator': ('3', 'None'),
    'model.backbone.depth': ('17', 'abc'),
    'model.backbone.type': ('ResNet_CIFR', 'None'),
    'model.head.num_classes': ('abc', '9', '-1'),
    'model.head.in_channels': ('abc', '7'),
    'model.head.loss.type': ('CrossEntropy',),
    'model.neck': ('3',),
    'model.consistency.loss_weight': ('abc', '-1', 'nan'),
    'model.consistency.temperature': ('0', 'abc'),
    'model.consistency.distance': ('kll',),
    'model': ('None', '3'),
    'data_preprocessor.mean': ('abc', '[1,2]'),
    'default_hooks.checkpoint.interval': ('abc', '0', '1.5'),
    'default_hooks.checkpoint.max_keep_ckpts': ('abc',),
    'default_hooks.logger.interval': ('abc', '0'),
    'custom_hooks': ('[{"type":"EMAHok"}]', '3', '[{}]', '[{"type": EMAHook}]'),
    'custom_hooks.0.student_lr_mult': ('abc', '0', '-1', 'nan', 'inf'),
    'custom_hooks.0.length': ('abc', '0', 'nan', 'inf'),
    'custom_hooks.0.max_epochs': ('abc', '0', '1.5'),
    'custom_hooks.0.lr': ('abc', 'nan', '-1'),
    'custom_hooks.0.init': ('calibrat',),
    'custom_hooks.0.lenght': ('2',),
    'custom_hooks.0.calibration_batches': ('0', 'abc', '1.5'),
    'custom_hooks.1.corruptions': ('[fogg]', '3'),
    'custom_hooks.1.severities': ('[0]', '[abc]'),
    'randomness.seed': ('abc', '-1', '1.5', '[1]'),
    'load_from': ('none.pth', 'text.pth', '3'),
    'resume': ('abc',),
    'trian_cfg.max_epochs': ('3',),
    'launcher': ('3',),
    'env_cfg.mp_cfg.mp_start_method': ('threads',),
    'log_level': ('LOUD',),
}  # fmt: skip
TESTING = {
    'test_dataloader.batch_size': ('abc', '0', '-1', '1.5', 'None'),
    'test_dataloader.num_workers': ('abc', '-1'),
    'test_dataloader.dataset.type': ('Digit',),
    'test_dataloader.dataset.split': ('tset',),
    'test_dataloader.dataset.indices': ('abc',),
    'test_dataloader.dataset.pipeline': ('3', '[{"type":"Nothing"}]'),
    'test_dataloader': ('None', '3', '[]'),
    'test_evaluator.type': ('Foo',),
    'test_evaluator.topk': ('abc', '[0,abc]'),
    'test_evaluator': ('3', 'None'),
    'test_cfg': ('3', '{"type":"Nothing"}'),
    'model.head.num_classes': ('abc', '9', '-1'),
    'model.backbone.depth': ('17', 'abc'),
    'model.backbone.base_channels': ('8', 'abc', '0'),
    'model.backbone.type': ('ResNet_CIFR',),
    'model': ('None', '3'),
    'data_preprocessor.mean': ('abc', '[1,2]'),
    'default_hooks.logger.interval': ('abc', '0'),
    'custom_hooks': ('[{"type":"EMAHok"}]', '3'),
    'randomness.seed': ('abc', '-1'),
    'test_datalaoder.batch_size': ('3',),
    'log_level': ('LOUD',),
}
# Of a study: what it says itself, and what its arms get of the training.
STUDYING = {
    'seeds': ('abc', '-1', '0', '[]', '[0,0]', '1.5'),
    'arms': ('3', '[]', 'None'),
    'arms.BN.config': ('none.py', '3', 'notes.txt'),
    'arms.BN.lenght': ('2',),
    'arms.BN.length': ('0', '-1', 'abc', 'nan', 'inf'),
    'arms.BN.methods': ('augmx', '3'),
    'arms.BN.seeded': ('a.b',),
    'arms.none.baseline': ('BM',),
    'scores': ('3', 'None'),
    'scores.corruption.type': ('CorruptionScor',),
    'scores.corruption.corruptions': ('[fogg]', '3'),
    'scores.corruption.severities': ('[7]', 'abc'),
    'table.error': ('corrupton.clean_error_pct', '3'),
    'figures.errors.type': ('ErrorArows',),
    'figures.errors.color': ('red',),
    'common': ('3',),
    'comon.model': ('3',),
}
COMMON = ('optim_wrapper', 'param_scheduler', 'train_cfg', 'train_dataloader', 'val_', 'model',
          'data_preprocessor', 'default_hooks', 'trian_cfg')  # fmt: skip
CONFLICTS = (
    ('train', (*TRAIN, '--amp'), ('--amp',)),
    ('train', (*TRAIN, '--auto-scale-lr', '--cfg-options', 'auto_scale_lr=None'), ('--auto',)),
    ('train', (*TRAIN, '--launcher', 'pytorch'), ('--launcher',)),
    ('train', ('ct.py', '--work-dir', '.'), ('--work-dir',)),
    ('train', ('ct.py', '--work-dir', 'run', '--resume', '--cfg-options', 'train_cfg.max_epochs=4'),
     ('max_epochs: 3 -> 4',)),
    ('test', (*SCORE, '--tta'), ('--tta',)),
    ('test', (*SCORE, '--show'), ('--show',)),
    ('test', (*SCORE, '--table', 'cifar'), ('--table',)),
    ('test', (*SCORE, '--check-md5'), ('--check-md5',)),
    ('test', (*TEST, '--only', 'fog'), ('--only',)),
    ('test', (*TEST, '--corruptions', 'arrays'), ('--data-root',)),
    ('test', (*TEST, '--corruptions', 'generated', '--data-root', 'set'), ('--data-root',)),
    ('test', (*TEST, '--tta', '--show-dir', 'new'), ('--tta',)),
    ('test', (*TEST, '--tta', '--recalibrate-bn', '2'), ('--tta',)),
    ('study', (*STUDY, '--dry-run', '--report-only'), ('--dry-run',)),
    ('study', (*STUDY, '--report-only'), ('new',)),
    ('report', ('one.json', '--markdown', '-', '--out', 'page.png'), ('.html',)),
)  # fmt: skip


def all_cases() -> Iterator[Case]:
    """List every wrong start."""
    for tool, more, option, values in (*NUMBERS, *WORDS):
        for value in values:
            yield tool, (*BASE[tool], *more, f'{option}={value}'), (value or 'is empty', option)
    for tool, more, option, values in PATHS:
        for value in values:
            given = (f'{option}={value}',) if option.startswith('--') else (option, value)
            config = option == '' and value in NO_CONFIG and values[0] == NO_CONFIG[0]
            argv = (value, *more) if config else (*more, *filter(None, given))
            if option and (not more or more[0].startswith('--')):
                argv = (*BASE[tool], *argv)
            yield tool, argv, _said_of(value)
    for tool, settings in (('train', TRAINING), ('test', TESTING), ('study', STUDYING)):
        for key, values in settings.items():
            for value in values:
                yield _setting(tool, BASE[tool], key, value)
    for key, values in TRAINING.items():
        for value in values if key.startswith(COMMON) else ():
            if '.0.' not in key and '.1.' not in key:
                yield _setting('study', STUDY, f'common.{key}', value)
    for tool, base in BASE.items():
        yield tool, (*base, '--nothing'), ('--nothing',)
        yield tool, (), ('required',)
    for key in ('test_dataloader.dataset.split', 'test_dataloader.dataset.type', 'test_dataloader'):
        yield _setting('make_corruptions', CORRUPT, key, 'abc')
        yield _setting('test', SCORE, key, 'abc')
    for image in ('none.png', 'run', 'notes.txt', 'one.json', 'empty.json'):
        yield 'draw_corruptions', (image, 'new.png'), (image,)
    yield from CONFLICTS


def _said_of(path: str) -> tuple[str, ...]:
    # What is in a config may be named in the place of the file.
    of_files = dict(folder='', undefined='nothing', raises='zero', no_base='none.py',
                    no_data='nowhere', no_images='no_images', syntax='SyntaxError',
                    no_text='UnicodeDecodeError')  # fmt: skip
    name = Path(path.rpartition('::')[2])
    of_files |= {name.stem: 'imagenet'} if name.stem.startswith('mae') else {}
    return path.rpartition('::')[2], name.stem, *filter(None, [of_files.get(name.stem)])


def _setting(tool: str, base: tuple[str, ...], key: str, value: str) -> Case:
    parts = [part for part in key.split('.') if not part.isdigit()]
    words = (value.strip('[]'), *parts, *re.findall('[A-Za-z]{3,}', value))
    if key.endswith(('.mean', '.in_channels')):
        words = (*words, 'fails: ')  # tensors do not fit: nobody knows whose fault it is
    return tool, (*base, '--cfg-options', f'{key}={value}'), words


def prepare(folder: Path, seed: int) -> dict:
    """Make the folder in which tools are called, and put all cases into an order."""
    cases = list(dict.fromkeys(all_cases()))
    random.Random(seed).shuffle(cases)
    return dict(folder=grounds.make(folder), cases=cases)


def drill(ground: dict, folder: Path, rng: random.Random, number: int) -> tuple[str, str]:
    """Call a tool wrongly; how, and what is wrong with the answer."""
    cases, as_command = ground['cases'], rng.random() < 0.4
    tool, argv, words = cases[number % len(cases)]
    shutil.copytree(ground['folder'], folder)
    before = contents(folder)
    ended = call(folder, tool, *argv, as_command=as_command)
    done = f'{"mmct " if as_command else ""}{tool} {" ".join(map(repr, argv))}'
    said = [line for line in ended.err.splitlines() if 'arn' not in line]
    if ended.code != 2 or 'Traceback' in ended.err + ended.out:
        return done, f'exit code {ended.code}: {ended.err[-1200:]}'
    if not any(word in ended.last for word in words) or len(said) > 3:
        return done, f'it says: {ended.err[-800:]}'
    if ended.seconds > 60:
        return done, f'it took {ended.seconds:.0f} s'
    return done, _changed(before, contents(folder))


def _changed(before: dict[str, str], after: dict[str, str]) -> str:
    """List what is not as it was; locks, and logs of a work dir, may stay."""
    files = ('.lock', 'seed.json', 'data.json', 'ct.py', 'rehearsal.txt')
    own = ['new', *(f'new/{name}' for name in files)]
    names = sorted(
        name
        for name in before.keys() | after.keys()
        if before.get(name) != after.get(name) and name not in own and not name.endswith('.lock')
    )
    return f'it changed {names}' if names else ''
