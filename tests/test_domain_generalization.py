"""Training on some domains and testing on another, by the configs that ship."""

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, default_collate
from mmengine.runner import Runner, save_checkpoint
from mmpretrain.registry import MODELS
from PIL import Image
from sklearn import datasets
from small_network import BACKBONE, CHANNELS, MODEL, OPTIONS
from study_files import InThisProcess
from tool_runs import TRAIN, in_processes, log_of
from torchvision import transforms
from torchvision.transforms import functional

from mmct import config_path
from mmct.datasets import PACS, VLCS
from mmct.runs import CTError
from mmct.runs.building import build_runner
from mmct.runs.domains import check_split, set_test_domain
from mmct.runs.weights import load_state_dict
from mmct.studies import (
    LEAVE_ONE_OUT,
    ORACLE,
    TABLES,
    TRAINING_DOMAINS,
    Planner,
    StudyStore,
    TrainedRun,
    leave_one_out,
    read_study,
    run_study,
)
from mmct.studies.cell import TRAINING
from mmct.studies.rehearsal import rehearse_cells
from mmct.studies.scores import DomainScore

NARROW = '{}_resnet18w16_pacs64'
SMALL = {
    **OPTIONS,
    'train_dataloader.batch_size': 12,
    'train_dataloader.num_workers': 0,
    'val_dataloader.num_workers': 0,
    'test_dataloader.num_workers': 0,
    'train_cfg.max_iters': 3,
    'train_cfg.val_interval': 3,
    'log_level': 'WARNING',
}


def read(kind, pictures, tmp_path, **options):
    cfg = Config.fromfile(config_path(NARROW.format(kind)))
    cfg.merge_from_dict({**SMALL, **options})
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        # Hold-outs in which no class vanishes.
        cfg[loader].dataset.update(data_root=str(pictures), holdout=0.5, seed=3)
    cfg.work_dir = str(tmp_path / 'run')
    return cfg


def test_one_option_names_the_domain_that_is_tested_on(pictures, tmp_path):
    cfg = read('erm', pictures, tmp_path)
    set_test_domain(cfg, 'cartoon')
    runner = Runner.from_cfg(cfg)
    seen = {}
    for loader in ('train', 'val', 'test'):
        dataset = runner.build_dataloader(cfg[f'{loader}_dataloader']).dataset
        infos = [dataset.get_data_info(row) for row in range(len(dataset))]
        seen[loader] = {info['img_path'] for info in infos}
        domains = {PACS.DOMAINS[info['domain']] for info in infos}
        assert domains == ({'cartoon'} if loader == 'test' else {*PACS.DOMAINS} - {'cartoon'})
    assert not seen['train'] & seen['val']


def test_data_without_domains_has_no_test_domain():
    cfg = Config.fromfile(config_path('bn_resnet18_digits'))
    with pytest.raises(CTError, match='needs data sets of several domains, .* has Digits'):
        set_test_domain(cfg, 'sketch')


def trained(folder, root, *options):
    """Train a small network by the tool; the exit code, and its lines with 'error'."""
    (folder / 'config.py').write_text(
        f"_base_ = [{config_path(NARROW.format('erm'))!r}]\n"
        f'model = {MODEL!r}\n'
        f"loader = dict(dataset=dict(data_root={str(root)!r}, holdout=0.5, seed=3))\n"
        'train_dataloader = dict(batch_size=12, **loader)\n'
        'val_dataloader = test_dataloader = loader\n'
        'train_cfg = dict(max_iters=3)\n'
    )
    (code,) = in_processes(folder, TRAIN, 'config.py', *options)
    return code, [line for line in log_of(folder).splitlines() if 'error' in line]


def test_a_misspelt_domain_is_one_line(pictures, tmp_path):
    code, (line,) = trained(tmp_path, pictures, '--test-domain', 'cartoons')
    assert code == 2
    assert "no domain 'cartoons': did you mean 'cartoon'?" in line


def test_an_image_that_cannot_be_read_is_one_line(pictures, tmp_path):
    root = tmp_path / 'PACS'
    shutil.copytree(pictures, root)
    for file in (root / 'photo' / 'dog').iterdir():
        file.write_bytes(b'')
    code, (line,) = trained(tmp_path, root)
    assert code == 2
    assert line.startswith('train.py: error: ')
    assert 'photo/dog/' in line and line.endswith('.png cannot be read: it is not an image'), line


@pytest.mark.parametrize('key', ['seed', 'holdout', 'stratify'])
def test_one_split_for_training_and_for_what_is_held_out(pictures, tmp_path, key):
    cfg = read('erm', pictures, tmp_path)
    check_split(cfg)
    cfg.train_dataloader.dataset[key] = 0.4
    refused = f'the {key} of .* same .*train_dataloader: 0.4, val_data'
    with pytest.raises(CTError, match=refused):
        build_runner(cfg)
    # Whatever it is tested on.
    cfg.test_dataloader.dataset = dict(type='Digits', split='test')
    with pytest.raises(CTError, match=refused):
        check_split(cfg)
    check_split(Config.fromfile(config_path('bn_resnet18_digits')))


@pytest.mark.parametrize('given_by', ['load_from', 'init_cfg'])
@pytest.mark.parametrize('norm_eval', [True, False])
def test_ct_starts_from_a_pretrained_network(pictures, tmp_path, given_by, norm_eval):
    cfg = read('ct', pictures, tmp_path, **{'model.backbone.norm_eval': norm_eval})
    # Nothing is learned, so that what training began with is seen at its end.
    cfg.optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.0))
    cfg.custom_hooks = [dict(type='NoBNTeacherHook', init='fold', on_weak_teacher='warn')]
    plain = {name: value for name, value in cfg.model.items() if name != 'consistency'}
    pretrained = MODELS.build(dict(plain, type='ImageClassifier'))
    for name, value in pretrained.state_dict().items():
        if name.endswith('running_mean'):
            value.normal_()
        elif name.endswith(('running_var', 'bn1.weight', 'bn2.weight')):
            value.uniform_(0.5, 2)
    file = str(tmp_path / 'pretrained.pth')
    save_checkpoint(dict(state_dict=pretrained.state_dict()), file)
    if given_by == 'load_from':
        cfg.load_from = file
    else:
        start = dict(type='Pretrained', checkpoint=file)
        cfg.model.backbone.init_cfg = dict(start, prefix='backbone.')
        cfg.model.head.init_cfg = dict(start, prefix='head.')
    runner = Runner.from_cfg(cfg)
    runner.train()
    images = torch.randn(4, 3, 64, 64)
    pretrained.eval()
    teacher = runner.model.teacher.eval()
    torch.testing.assert_close(teacher(images), pretrained(images), rtol=1e-3, atol=1e-3)
    student = {k: v for k, v in runner.model.state_dict().items() if 'num_batches' not in k}
    differing = {k for k, v in student.items() if not torch.equal(v, pretrained.state_dict()[k])}
    # BN's statistics are the pretrained ones', or live.
    assert bool(differing) is not norm_eval
    assert all('running' in name for name in differing)


@pytest.mark.parametrize('kind', ['erm', 'ct'])
def test_the_large_configs_follow_the_protocol(kind):
    cfg = Config.fromfile(config_path(f'{kind}_resnet50_vlcs'))
    assert cfg.train_dataloader.batch_size == 3 * 32
    assert cfg.optim_wrapper.optimizer == dict(type='Adam', lr=5e-5, weight_decay=0.0)
    assert cfg.train_cfg.max_iters == 5001
    model = dict(cfg.model, data_preprocessor=cfg.data_preprocessor)
    model['backbone'] = dict(model['backbone'], init_cfg=None)
    network = MODELS.build(model).train()
    assert network.head.fc.out_features == 5
    # Live: with frozen statistics student and teacher would be the same kind of network.
    assert network.backbone.layer1[0].bn1.training
    assert network.backbone.layer1[0].bn1.weight.requires_grad


@pytest.fixture(params=['as it is', 'rotated by its EXIF'])
def photograph(request, tmp_path):
    """A photograph of 640 x 427 pixels, larger than what it is resized to."""
    file = Path(datasets.__file__).parent / 'images' / 'china.jpg'
    if request.param != 'as it is':
        with Image.open(file) as picture:
            exif = picture.getexif()
            exif[0x0112] = 6  # lies on its side
            file = tmp_path / 'rotated.jpg'
            picture.save(file, exif=exif)
    return file


def seen_by_the_network(cfg, steps, file, box=None):
    built = Compose(steps)
    for step in built.transforms:
        if box and hasattr(step, 'rand_crop_params'):
            step.rand_crop_params = lambda img: box
    batch = default_collate([built(dict(img_path=str(file), gt_label=0, domain=0))])
    return MODELS.build(dict(cfg.data_preprocessor, type='ClsDataPreprocessor'))(batch)['inputs'][0]


def as_domainbed(file, *resize):
    usual = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    with Image.open(file) as picture:
        return transforms.Compose([*resize, transforms.ToTensor(), usual])(picture.convert('RGB'))


def test_images_are_read_and_resized_as_domainbed_does(photograph):
    cfg = Config.fromfile(config_path('erm_resnet50_vlcs'))
    ours = seen_by_the_network(cfg, cfg.test_pipeline, photograph)
    theirs = as_domainbed(photograph, transforms.Resize((224, 224)))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-3)
    # To train, a part of it: the random steps behind are torchvision's own.
    box = (40, 100, 330, 420)
    steps = [*cfg.train_pipeline[:2], cfg.train_pipeline[-1]]
    ours = seen_by_the_network(cfg, steps, photograph, box)
    crop = partial(
        functional.resized_crop, top=box[0], left=box[1], height=box[2], width=box[3],
        size=[224, 224],
    )  # fmt: skip
    torch.testing.assert_close(ours, as_domainbed(photograph, crop), rtol=0, atol=2e-3)
    # OpenCV, which takes four pixels of many, is far from that.
    plain = [dict(cfg.load), dict(type='Resize', scale=(224, 224)), cfg.pack]
    assert (seen_by_the_network(cfg, plain, photograph) - theirs).abs().max() > 0.5


def test_a_run_ends_with_the_accuracy_of_each_domain(pictures, tmp_path):
    cfg = read('ct', pictures, tmp_path)
    cfg.custom_hooks[0].on_weak_teacher = 'warn'
    set_test_domain(cfg, 'photo')
    runner = Runner.from_cfg(cfg)
    runner.train()
    tested = runner.test()
    assert set(tested) == {
        'accuracy/top1', 'domain_accuracy/photo', 'domain_accuracy/mean', 'domain_accuracy/worst'
    }  # fmt: skip
    assert tested['domain_accuracy/photo'] == pytest.approx(tested['accuracy/top1'])
    assert load_state_dict(next((tmp_path / 'run').glob('iter_3.pth')))


@pytest.mark.parametrize('left_out', [['photo'], ['photo', 'sketch']])
def test_the_score_is_the_accuracy_on_each_part(pictures, tmp_path, left_out):
    cfg = read('erm', pictures, tmp_path)
    for loader in ('train_dataloader', 'val_dataloader'):
        cfg[loader].dataset.left_out = left_out
    cfg.test_dataloader.dataset.domains = left_out
    runner = Runner.from_cfg(cfg)
    # A network that tells the classes apart by chance, not one that knows a single one.
    runner.model.head.fc.bias.data.zero_()
    torch.save(runner.model.state_dict(), tmp_path / 'weights.pth')
    run = TrainedRun('title', cfg, tmp_path, lambda done: None)
    score = DomainScore('domains')
    value = score(run)
    assert list(value['test_pct']) == left_out
    assert tuple(value['holdout_pct']) == PACS.DOMAINS
    for part, found in (('training', value['test_pct']), ('holdout', value['holdout_pct'])):
        for domain, accuracy in found.items():
            dataset = PACS(
                data_root=str(pictures), domains=domain, part=part, holdout=0.5, seed=3,
                pipeline=cfg.test_dataloader.dataset.pipeline,
            )  # fmt: skip
            samples = [dataset[row] for row in range(len(dataset))]
            batch = runner.model.data_preprocessor(
                dict(
                    inputs=torch.stack([sample['inputs'] for sample in samples]),
                    data_samples=[sample['data_samples'] for sample in samples],
                )
            )
            with torch.no_grad():
                guesses = runner.model.eval()(batch['inputs']).argmax(-1)
            right = [
                int(guess) == int(sample['data_samples'].gt_label)
                for guess, sample in zip(guesses, samples, strict=True)
            ]
            assert accuracy == pytest.approx(100 * sum(right) / len(right))
    assert value['accuracy_pct'] == pytest.approx(np.mean(list(value['test_pct'].values())))
    seen = [value['holdout_pct'][domain] for domain in PACS.DOMAINS if domain not in left_out]
    assert value['validation_pct'] == pytest.approx(np.mean(seen))


def test_a_score_of_domains_needs_one_that_is_left_out(pictures, tmp_path):
    cfg = read('erm', pictures, tmp_path)
    cfg.train_dataloader.dataset.left_out = ()
    with pytest.raises(ValueError, match='DomainScore: training leaves no domain out'):
        DomainScore('domains').check_data(cfg)


@pytest.fixture(scope='module')
def vlcs(tmp_path_factory):
    """VLCS in small, in the folders that DomainBed has: four domains, five classes."""
    root = tmp_path_factory.mktemp('VLCS')
    rng = np.random.default_rng(0)
    for domain in VLCS.DOMAINS:
        for name in VLCS.METAINFO['classes']:
            (root / domain / name).mkdir(parents=True)
            for number in range(4):
                image = Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8))
                image.save(root / domain / name / f'{number}.jpg')
    return root


def small_vlcs(root, names, count, pairs):
    """The arms of ``vlcs.py``, with a small network, few images and two steps."""
    study = Config.fromfile(Path(config_path('vlcs')).parents[1] / '_base_/studies/domains.py')
    base = Config.fromfile(config_path('erm_resnet50_vlcs'))
    steps = [base.load, dict(type='Resize', scale=(16, 16), backend='pillow'), base.pack]
    data = dict(data_root=str(root), holdout=0.25, stratify=True, pipeline=steps)
    loader = dict(num_workers=0, batch_size=8, dataset=data)
    every = study.methods.to_dict()
    methods = {name: every[name] for name in names or every}
    for name, method in methods.items():
        if names:
            method['baselines'] = [] if name == 'ERM' else ['ERM']
        for hook in method.get('overlay', {}).get('custom_hooks', []):
            hook['on_weak_teacher'] = 'warn'  # of noise in two steps
    made = leave_one_out(
        VLCS.DOMAINS, config_path('erm_resnet50_vlcs'),
        methods, study.space.to_dict(), count=count, pairs=pairs, images=4,
    )  # fmt: skip
    common = dict(
        model=dict(
            backbone=dict(depth=18, init_cfg=None, **BACKBONE), head=dict(in_channels=CHANNELS)
        ),
        train_dataloader=loader, val_dataloader=loader, test_dataloader=loader,
        train_cfg=dict(max_iters=2, val_interval=2),
    )  # fmt: skip
    (root / 'vlcs.py').touch()
    return Config(
        dict(
            arms=made['arms'], common=common, seeds=[0], scores=study.scores.to_dict(),
            tables=dict(domains=dict(type='DomainTable', **made['table'])),
        ),
        filename=str(root / 'vlcs.py'),
    )  # fmt: skip


def test_each_method_of_the_study_takes_a_step_on_the_layout_of_vlcs(vlcs, tmp_path):
    cfg = small_vlcs(vlcs, None, count=1, pairs=False)
    cfg.arms = {name: arm for name, arm in cfg.arms.items() if name.startswith('SUN09, ')}
    cells = Planner(read_study(cfg), StudyStore(tmp_path)).cells({})
    own = {cell.arm.removeprefix('SUN09, '): cell.config for cell in cells if cell.role == TRAINING}
    assert own['ERM, equal compute (3x)'].train_cfg.max_iters == 3 * own['CT'].train_cfg.max_iters
    frozen = {name for name, config in own.items() if config.model.backbone.norm_eval}
    assert frozen == {'ERM, frozen BN', 'CT, frozen BN'}
    assert {'DANN', 'CDANN', 'CORAL', 'MMD', 'IRM', 'VREx', 'GroupDRO', 'Mixup'} < own.keys()
    assert rehearse_cells(cells) == ''


@pytest.mark.slow
def test_the_layout_of_vlcs_goes_through_the_whole_protocol(vlcs, tmp_path):
    cfg = small_vlcs(vlcs, ['ERM', 'CT'], count=2, pairs=True)
    published = Config.fromfile(config_path('vlcs')).tables.domains.published
    cfg.tables.domains.published = published
    study = read_study(cfg)
    store = StudyStore(tmp_path)
    progress = run_study(Planner(study, store), store, InThisProcess(1), lambda progress: None)
    assert not progress.failed
    # Four domains and six pairs, two draws; CT with a teacher each.
    assert len(progress.finished) == 3 * 2 * 10
    plan = store.plan()
    table = TABLES.build(dict(plan['tables']['domains']))
    found = table(plan, progress.finished)
    assert list(found) == [TRAINING_DOMAINS, LEAVE_ONE_OUT, ORACLE]
    for rows in found.values():
        for row in rows.values():
            assert all(0 <= row[column]['mean'] <= 100 for column in (*VLCS.DOMAINS, 'worst'))
    text = table.to_markdown(found)
    assert text.count('| CORAL (published, not measured here) ') == 3
    assert '98.3 ± 0.1' in text
