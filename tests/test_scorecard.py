"""tools/test.py --corruptions, as a user starts it."""

import argparse
import csv
import json
import shutil
import signal

import numpy as np
import oddities
import pytest
import timm
import torch
import torchvision
from PIL import Image
from tool_runs import (
    BN,
    DATA,
    MAKE,
    NET,
    TEST,
    TRAIN,
    in_processes,
    log_of,
    run,
    succeed,
)

from mmct.cli.networks import load_network
from mmct.runs.identity import digest

# A page takes seconds.
FEW = ('--only', 'fog', 'contrast', '--severities', '1', '5', '--no-report')


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A network of the digits after an epoch, and a set of them in the layout of CIFAR-10-C."""
    folder = tmp_path_factory.mktemp('trained')
    options = ('--cfg-options', *NET, *DATA, 'train_cfg.max_epochs=1')
    succeed(TRAIN, BN, '--work-dir', 'bn', *options, cwd=folder)
    shutil.copy(folder / 'bn' / 'bn_resnet18_digits.py', folder / 'config.py')
    shutil.copy(folder / 'bn' / 'epoch_1.pth', folder / 'net.pth')
    succeed(MAKE, 'config.py', 'set', '--corruptions', 'fog', 'contrast', '--jobs', '1', cwd=folder)
    return folder


@pytest.fixture
def folder(trained, tmp_path):
    for name in ('config.py', 'net.pth'):
        shutil.copy(trained / name, tmp_path)
    shutil.copytree(trained / 'set', tmp_path / 'set')
    return tmp_path


def score(folder, *argv, corruptions='generated'):
    return run(TEST, 'config.py', 'net.pth', '--work-dir', 'run', '--corruptions', corruptions,
               *argv, cwd=folder)  # fmt: skip


def result(folder, name='run/scorecard_generated_net.json'):
    return json.loads((folder / name).read_text())


def without_pixels(result):
    """The cells of a set on disk, without what identifies its files."""
    return [{k: v for k, v in cell.items() if k != 'pixels_sha256'} for cell in result['cells']]


def refused(result):
    assert result.code == 2, result.out + result.err
    line = result.err.strip().splitlines()[-1]
    assert line.startswith('test.py: error: ')
    return line


def test_all_cells_of_the_own_test_set(folder):
    ended = score(folder)
    assert ended.code == 0, ended.err
    found = result(folder)
    assert len(found['cells']) == 19 * 5
    assert (found['data']['images'], found['data']['source']) == (40, 'generated')
    assert found['name'] == 'config'
    assert found['model']['checkpoint'] == 'net.pth'
    assert found['summary']['is_benchmark']
    for text in ('raw mCE', f'{found["summary"]["raw_mce_pct"]:.2f}', 'generated'):
        assert text in ended.out
    (*_, files) = ended.out.splitlines()
    stem = 'run/scorecard_generated_net'
    assert files == f'result: {stem}.json  report: {stem}.html'
    assert 'config is wrong on' in (folder / f'{stem}.html').read_text()
    with (folder / 'run' / 'scorecard_generated_net.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row['error_pct']) for row in rows if row['corruption']] == [
        cell['error_pct'] for cell in found['cells']
    ]


def test_a_generated_set_on_disk_has_the_scores_of_the_same_in_memory(folder):
    assert score(folder, *FEW).code == 0
    ended = score(folder, *FEW, '--data-root', 'set', corruptions='arrays')
    assert ended.code == 0, ended.err
    memory, disk = (result(folder, f'run/scorecard_{kind}_net.json')
                    for kind in ('generated', 'arrays'))  # fmt: skip
    assert memory['cells'] == without_pixels(disk)
    assert memory['clean'] == disk['clean']
    assert disk['data']['source'] == 'generated'
    assert not disk['summary']['is_benchmark']


def test_a_network_of_image_files_is_scored_on_arrays(folder):
    """Files come as BGR and arrays as RGB: without a setting both are right."""
    rng = np.random.default_rng(0)
    for i in range(30):
        file = folder / 'files' / str(i % 10) / f'{i:02}.png'
        file.parent.mkdir(parents=True, exist_ok=True)
        image = rng.integers(0, 256, (8, 8, 3)) * [0.2, 0.5, 1]  # of different colours
        Image.fromarray(image.astype(np.uint8)).save(file)
    (folder / 'coloured.py').write_text(
        "_base_ = 'config.py'\n"
        'model = dict(data_preprocessor=dict(\n'
        '    num_classes=10, mean=[30, 60, 130], std=[20, 50, 90], to_rgb=True))\n'
        'test_dataloader = dict(dataset=dict(_delete_=True, type="CustomDataset",\n'
        '    data_root="files", pipeline=[dict(type="LoadImageFromFile"),\n'
        '                                 dict(type="PackInputs")]))\n'
    )
    succeed(MAKE, 'coloured.py', 'coloured', '--corruptions', 'fog', 'contrast', '--jobs', '1',
            cwd=folder)  # fmt: skip
    found = []
    for argv in (['generated'], ['arrays', '--data-root', 'coloured']):
        out = f'{argv[0]}.json'
        succeed(TEST, 'coloured.py', 'net.pth', '--corruptions', *argv, *FEW, '--out', out,
                cwd=folder)  # fmt: skip
        found.append(result(folder, out))
    assert found[0]['cells'] == without_pixels(found[1])
    assert found[0]['examples'] == found[1]['examples']
    succeed(TEST, 'coloured.py', 'net.pth', '--corruptions', 'arrays', '--data-root', 'coloured',
            *FEW, '--out', 'wrong.json',
            '--cfg-options', 'model.data_preprocessor.to_rgb=False', cwd=folder)  # fmt: skip
    assert without_pixels(result(folder, 'wrong.json')) != found[0]['cells']


def test_by_config_overlay(folder):
    assert score(folder, *FEW).code == 0
    (folder / 'overlay.py').write_text(
        "_base_ = 'config.py'\n"
        'test_dataloader = dict(dataset=dict(_delete_=True, type="GeneratedCorruptionSet",\n'
        '    corruptions=["fog", "contrast"], severities=[1, 5],\n'
        '    dataset=_base_.test_dataloader.dataset))\n'
        "test_evaluator = dict(_delete_=True, type='CorruptionError')\n"
        "test_cfg = dict(_delete_=True, type='CorruptionTestLoop', out='overlay.json')\n"
    )
    succeed(TEST, 'overlay.py', 'net.pth', cwd=folder)
    assert result(folder, 'overlay.json')['cells'] == result(folder)['cells']


def test_normalised_by_an_earlier_result(folder):
    assert score(folder, *FEW, '--out', 'first.json').code == 0
    ended = score(folder, *FEW, '--out', 'again.json', '--reference', 'first.json', '--name', 'CT')
    assert ended.code == 0, ended.err
    found = result(folder, 'again.json')
    assert found['name'] == 'CT'
    # By itself.
    assert found['summary']['normalised']['mce_pct'] == pytest.approx(100)
    assert 'normalised' in ended.out


def test_killed_again_and_again_it_ends_with_the_same_bytes(folder):
    argv = (TEST, 'config.py', 'net.pth', '--corruptions', 'generated', *FEW, '--out')
    assert in_processes(folder, *argv, 'whole.json') == [0], log_of(folder)
    for n in (2, 4):
        # In the midst of a cell; and when the file of a cell is moved into place.
        before = (
            'import mmct.scoring.mm_network as p\n'
            f'p.class_scores = nth({n + 1}, p.class_scores)\n'
            'import mmct.runs.files as w\n'
            f'w.os.replace = nth({n}, w.os.replace)\n'
        )
        codes = in_processes(folder, *argv, 'torn.json', before=before)
        assert codes == [-signal.SIGKILL], log_of(folder)
        assert not (folder / 'torn.json').exists()
    assert in_processes(folder, *argv, 'torn.json') == [0], log_of(folder)
    assert (folder / 'torn.json').read_bytes() == (folder / 'whole.json').read_bytes()
    assert not list(folder.glob('torn.json.*'))


def test_two_processes_have_the_numbers_of_one(folder):
    argv = (TEST, 'config.py', 'net.pth', '--corruptions', 'generated', *FEW, '--out')
    assert in_processes(folder, *argv, 'one.json') == [0], log_of(folder)
    assert in_processes(folder, *argv, 'two.json', processes=2) == [0, 0], log_of(folder)
    one, two = (result(folder, name) for name in ('one.json', 'two.json'))
    for mine, theirs in zip(
        [one['clean'], *one['cells']], [two['clean'], *two['cells']], strict=True
    ):
        assert mine['hits'] == theirs['hits']
        assert mine['ece_pct'] == pytest.approx(theirs['ece_pct'], abs=1e-3)
    assert one['summary']['raw_mce_interval_pct'] == two['summary']['raw_mce_interval_pct']


BAD = {
    'set with a typo': (('--corruptions', 'cifar10-c'), "did you mean 'cifar10c'?"),
    'no folder given': (('--corruptions', 'cifar10c'), 'needs --data-root'),
    'no such folder': (('--corruptions', 'arrays', '--data-root', 'st'), 'st'),
    'corruption with a typo': (('--corruptions', 'generated', '--only', 'fogg'), "'fog'"),
    'severity': (('--corruptions', 'generated', '--severities', '6'), 'from 1 (weak) to 5'),
    'idle option': (('--only', 'fog'), '--only needs --corruptions'),
    'seed of files': (
        ('--corruptions', 'arrays', '--data-root', 'set', '--seed', '0'),
        '--seed is for --corruptions generated',
    ),
    'md5 of any arrays': (
        ('--corruptions', 'arrays', '--data-root', 'set', '--check-md5'),
        '--check-md5 is for cifar10c and cifar100c',
    ),
    'download of any arrays': (
        ('--corruptions', 'arrays', '--data-root', 'set', '--download'),
        '--download is for cifar10c, cifar100c, imagenetc, tinyimagenetc alone',
    ),
    'download of nothing': (
        ('--corruptions', 'generated', '--download'), '--download is for a set on disk',
    ),
    'reference': (('--corruptions', 'generated', '--reference', 'no.json'), 'no.json'),
    'reference of ImageNet-C': (
        ('--corruptions', 'generated', '--reference', 'alexnet'), 'ImageNet-C'
    ),
    'ending': (('--corruptions', 'generated', '--out', 'x.pkl'), '.json'),
    'views': (('--corruptions', 'generated', '--tta'), '--tta cannot'),
}  # fmt: skip


@pytest.mark.parametrize('argv, said', BAD.values(), ids=BAD)
def test_bad_options_are_refused_in_one_line(folder, argv, said):
    line = refused(run(TEST, 'config.py', 'net.pth', '--work-dir', 'run', *argv, cwd=folder))
    assert said in line


@pytest.mark.parametrize('named', [True, False])
def test_another_number_of_classes_is_refused(folder, named):
    """Names are compared; without them, the labels."""
    labels = folder / 'set' / 'labels.npy'
    np.save(labels, np.load(labels) + 5)
    manifest = folder / 'set' / 'manifest.json'
    content = json.loads(manifest.read_text())
    content['source']['classes'] = [str(i) for i in range(15)] if named else None
    manifest.write_text(json.dumps(content))
    line = refused(score(folder, '--data-root', 'set', *FEW, corruptions='arrays'))
    assert '15 classes but the head has 10' in line


@pytest.mark.parametrize('workers', [0, 2])
def test_an_unreadable_image_stops_it_in_one_line(folder, workers):
    succeed(MAKE, 'config.py', 'folders', '--layout', 'folders', '--corruptions', 'fog',
            '--severities', '1', '5', '--jobs', '1', cwd=folder)  # fmt: skip
    image = sorted((folder / 'folders' / 'fog' / '5').glob('*/*.jpg'))[-1]
    image.write_bytes(image.read_bytes()[:-40])
    ended = score(folder, '--data-root', 'folders', '--only', 'fog', '--severities', '1', '5',
                  '--cfg-options', f'test_dataloader.num_workers={workers}',
                  corruptions='folders')  # fmt: skip
    assert image.name in refused(ended)
    # What was scored before is kept.
    kept = json.loads((folder / 'run' / 'scorecard_folders_net.json.partial').read_text())
    assert [cell['severity'] for cell in kept['cells']] == [0, 1]


def test_folders_as_people_have_them_have_the_scores_of_the_images_alone(folder):
    succeed(MAKE, 'config.py', 'folders', '--layout', 'folders', '--corruptions', 'fog',
            '--severities', '1', '5', '--jobs', '1', cwd=folder)  # fmt: skip
    cells = []
    for out in ('plain.json', 'odd.json'):
        ended = score(folder, '--data-root', 'folders', '--only', 'fog', '--severities', '1', '5',
                      '--no-clean', '--out', out, corruptions='folders')  # fmt: skip
        assert ended.code == 0, ended.err
        cells.append(result(folder, out)['cells'])
        if out == 'plain.json':
            for severity in '15':
                oddities.add(folder / 'folders' / 'fog' / severity)
    assert cells[0] == cells[1] and cells[0][0]['images'] == 40


def test_a_missing_file_is_named_with_the_option(folder):
    (folder / 'set' / 'contrast.npy').unlink()
    line = refused(score(folder, '--data-root', 'set', '--only', 'fog', 'contrast',
                         corruptions='arrays'))  # fmt: skip
    assert 'contrast.npy' in line
    assert '--data-root' in line


def test_without_the_clean_images_it_says_how_to_go_on(folder):
    (folder / 'config.py').write_text(
        (folder / 'config.py').read_text()
        + "\ntest_dataloader['dataset'] = dict(type='CustomDataset', data_root='gone', pipeline=[\n"
        "    dict(type='LoadImageFromFile'), dict(type='PackInputs')])\n"
    )
    argv = ('--data-root', 'set', *FEW)
    line = refused(score(folder, *argv, corruptions='arrays'))
    assert 'gone' in line and '--no-clean' in line and '--data-root' not in line
    ended = score(folder, *argv, '--no-clean', corruptions='arrays')
    assert ended.code == 0, ended.err
    found = result(folder, 'run/scorecard_arrays_net.json')
    assert found['clean'] is None
    assert found['summary']['gap_pct'] is None


def test_bn_that_saw_test_images_is_shown_apart(folder):
    ended = score(folder, *FEW, '--recalibrate-bn', '1')
    assert ended.code == 0, ended.err
    found = result(folder, 'run/scorecard_generated_net_bn1.json')
    assert found['name'] == 'config (BN of test batches)'
    said = ' '.join(ended.out.split())
    assert 'BatchNorm was adapted to up to 1 unlabelled batches of each corruption' in said
    assert 'This uses test images, so the errors are not comparable' in said
    # The plain score is another file, and says nothing of the kind.
    plain = score(folder, *FEW)
    assert plain.code == 0 and 'adapted' not in plain.out
    assert found['cells'] != result(folder)['cells']


def test_bn_is_adapted_before_a_plain_test(folder):
    def accuracy(*argv):
        out = ('--out', 'metrics.json', '--out-item', 'metrics')
        succeed(TEST, 'config.py', 'net.pth', '--work-dir', 'run', *out, *argv, cwd=folder)
        return json.loads((folder / 'metrics.json').read_text())['accuracy/top1']

    before = (folder / 'net.pth').read_bytes()
    assert accuracy('--recalibrate-bn', '1') != accuracy()
    assert (folder / 'net.pth').read_bytes() == before


SCORE = TEST.with_name('score.py')
TINY = ('timm/test_resnet', 'images', '--weights', 'random', '--classes-by-position')


@pytest.fixture
def images(tmp_path):
    """1,000 classes, as the network has, of an image each."""
    pixels = np.random.default_rng(0).integers(0, 256, (1000, 16, 16, 3), np.uint8)
    for number, image in enumerate(pixels):
        (tmp_path / 'images' / f'{number:04}').mkdir(parents=True)
        Image.fromarray(image).save(tmp_path / 'images' / f'{number:04}' / 'a.png')
    return tmp_path


def test_any_network_is_scored_by_name_and_a_second_run_adds_to_the_first(images):
    few = ('--size', '16', '--subset', '40', '--severities', '1')
    first = run(SCORE, *TINY, *few, '--only', 'fog', cwd=images)
    assert first.code == 0, first.err
    assert first.out.splitlines()[-1] == 'result: scorecard_timm_test_resnet.json'
    fog = result(images, 'scorecard_timm_test_resnet.json')['cells'][0]
    last = run(SCORE, *TINY, *few, '--only', 'weather', '--report', 'page.html', cwd=images)
    assert last.code == 0, last.err
    assert last.out.splitlines()[-1].endswith('.json  report: page.html')
    found = result(images, 'scorecard_timm_test_resnet.json')
    assert [cell['corruption'] for cell in found['cells']] == ['snow', 'frost', 'fog', 'brightness']
    assert found['cells'][2] == fog
    assert found['data']['subset'] == '40 of 1000 images'


@pytest.fixture
def three_classes(tmp_path):
    """Folders of three classes, as many people have them, with what systems put beside."""
    pixels = np.random.default_rng(0).integers(0, 256, (12, 40, 40, 3), np.uint8)
    for number, image in enumerate(pixels):
        folder = tmp_path / 'photos' / 'abc'[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f'{number}.png')
        (folder / '.DS_Store').write_bytes(b'x')
    return tmp_path


def test_outputs_that_no_class_has_are_numbered(three_classes):
    random = ('--weights', 'random', '--classes-by-position', '--size', '32', '--severities', '3')
    ended = run(SCORE, 'torchvision/resnet18', 'photos', *random, '--only', 'fog',
                '--report', 'page.html', cwd=three_classes)  # fmt: skip
    assert ended.code == 0, ended.err
    found = result(three_classes, 'scorecard_torchvision_resnet18.json')
    names = {example['prediction_name'] for example in found['examples']}
    assert all(name.startswith('class ') and int(name.split()[1]) > 2 for name in names)
    assert {example['label_name'] for example in found['examples']} == {'a', 'b', 'c'}


@pytest.mark.parametrize('library, name', [('torchvision', 'resnet18'), ('timm', 'test_resnet')])
def test_a_fine_tuned_network_has_as_many_outputs_as_its_file(three_classes, library, name):
    make = torchvision.models.resnet18 if library == 'torchvision' else timm.create_model
    torch.manual_seed(5)
    own = make(**({} if library == 'torchvision' else dict(model_name=name)), num_classes=3)
    torch.save(own.state_dict(), three_classes / 'own.pth')
    few = ('--size', '32', '--severities', '3', '--only', 'fog', '--out', 'r.json')
    ended = run(SCORE, f'{library}/{name}', 'photos', '--weights', 'own.pth', *few,
                cwd=three_classes)  # fmt: skip
    assert ended.code == 0, ended.err
    assert result(three_classes, 'r.json')['model']['weights_sha256'] == digest(own.state_dict())


@pytest.mark.parametrize(('name', 'auxiliary'), [('googlenet', False), ('inception_v3', True)])
def test_a_fine_tuned_network_gets_the_pixels_that_its_start_had(tmp_path, name, auxiliary):
    settings = dict(transform_input=True, aux_logits=auxiliary, init_weights=False, num_classes=3)
    own = torchvision.models.get_model(name, **settings)
    torch.save(own.state_dict(), tmp_path / 'own.pth')
    args = argparse.Namespace(network=f'torchvision/{name}', weights=str(tmp_path / 'own.pth'))
    args.device, args.mean, args.std, args.size, args.input_size = 'cpu', *[None] * 4
    module = load_network(args)[0].module
    assert module.transform_input and digest(module.state_dict()) == digest(own.state_dict())


def test_random_weights_are_the_same_in_each_call_and_a_name_is_kept(three_classes):
    args = argparse.Namespace(network='timm/test_resnet', weights='random', device='cpu')
    args.mean = args.std = args.size = args.input_size = None
    digests = set()
    for seed in range(2):
        torch.manual_seed(seed)
        digests.add(digest(load_network(args)[0].module.state_dict()))
    assert len(digests) == 1
    options = ('timm/test_resnet', 'photos', '--weights', 'random', '--classes-by-position',
               '--size', '32', '--out', 'r.json', '--severities', '3', '--only')  # fmt: skip
    assert run(SCORE, *options, 'fog', '--name', 'mine', cwd=three_classes).code == 0
    again = run(SCORE, *options, 'fog', 'snow', cwd=three_classes)
    assert again.code == 0, again.err
    assert 'r.json has 2 scores of an earlier run, which are kept' in again.out
    assert result(three_classes, 'r.json')['name'] == 'mine'
    assert run(SCORE, *options, 'fog', '--name', 'other', cwd=three_classes).code == 0
    assert result(three_classes, 'r.json')['name'] == 'other'


def test_weights_of_another_network_are_named(three_classes):
    torch.save(timm.create_model('test_resnet').state_dict(), three_classes / 'other.pth')
    ended = run(SCORE, 'torchvision/resnet18', 'photos', '--weights', 'other.pth',
                cwd=three_classes)  # fmt: skip
    line = ended.err.strip().splitlines()[-1]
    assert 'other.pth does not fit torchvision/resnet18' in line and 'the first is ' in line
    assert line.endswith('package.module:factory')


def test_a_config_and_its_checkpoint_are_scored_as_by_test(folder):
    few = (*FEW, '--work-dir', 'run', '--out')
    for tool, out in ((SCORE, 'one.json'), (TEST, 'two.json')):
        more = () if tool == SCORE else ('--corruptions', 'generated')
        ended = run(tool, 'config.py', 'net.pth', *more, *few, out, cwd=folder)
        assert ended.code == 0, ended.err
    assert result(folder, 'one.json') == result(folder, 'two.json')


def test_a_subset_is_said_and_normalised_by_one_of_the_same_images_alone(folder):
    part = ('--subset', '20', '--out')
    first = score(folder, *FEW, *part, 'part.json')
    assert 'images each (20 of 40 images)' in ' '.join(first.out.split())
    again = score(folder, *FEW, *part, 'again.json', '--reference', 'part.json')
    assert again.code == 0, again.err
    found = result(folder, 'again.json')
    assert found['data']['source'] == 'generated'
    assert found['summary']['normalised']['mce_pct'] == pytest.approx(100)
    line = refused(score(folder, *FEW, '--out', 'whole.json', '--reference', 'part.json'))
    assert 'not scored on the same images: images is 40 in one and 20' in line


def test_classes_of_another_name_are_refused_unless_positions_are_meant(folder):
    manifest = folder / 'set' / 'manifest.json'
    content = json.loads(manifest.read_text())
    content['source']['classes'][3] = 'three'
    manifest.write_text(json.dumps(content))
    argv = ('--data-root', 'set', *FEW, '--out', 'r.json')
    line = refused(score(folder, *argv, corruptions='arrays'))
    assert "class 3 of the set is 'three', which the network does not know" in line
    ended = score(folder, *argv, '--classes-by-position', corruptions='arrays')
    assert ended.code == 0, ended.err


NO_NETWORK = {
    'library': (('tim/resnet18', 'images'), "there is no network 'tim/resnet18'"),
    'name': (('timm/resnet1', 'images'), "did you mean 'resnet18'?"),
    'module': (('no_module_of_mine:net', 'images'), 'module no_module_of_mine cannot be imported'),
    'folder': (('timm/test_resnet', 'nowhere', '--weights', 'random'), 'nowhere does not exist'),
    'weights': (('timm/test_resnet', 'images', '--weights', 'no.pth'), 'no.pth does not exist'),
    'category': ((*TINY, '--only', 'wether'), "did you mean 'weather'?"),
    'no images': (('timm/test_resnet',), 'IMAGES are missing'),
    'labels': (('timm/test_resnet', 'x.npy', '--weights', 'random'), 'give --labels'),
}


@pytest.mark.parametrize('argv, said', NO_NETWORK.values(), ids=NO_NETWORK)
def test_what_cannot_be_scored_is_one_line(tmp_path, argv, said):
    (tmp_path / 'images' / 'a').mkdir(parents=True)
    Image.new('RGB', (8, 8)).save(tmp_path / 'images' / 'a' / '1.png')
    ended = run(SCORE, *argv, cwd=tmp_path)
    assert ended.code == 2
    assert ended.err.strip().splitlines()[-1].startswith('score.py: error: ')
    assert said in ended.err.strip().splitlines()[-1]
    assert {path.name for path in tmp_path.iterdir()} == {'images'}
