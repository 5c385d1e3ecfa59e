"""Scores of real networks on generated digits: the same however they are computed."""

import copy
import json
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from filelock import FileLock
from mmengine.config import Config
from mmengine.registry import DATASETS
from mmengine.runner import Runner
from mmpretrain.models.heads import MultiLabelLinearClsHead
from mmpretrain.registry import MODELS
from torch import nn

from mmct import config_path
from mmct.corruptions import CATEGORIES, SEVERITIES, corrupt
from mmct.evaluation import unpack_hits
from mmct.models import remove_batch_norm
from mmct.runs.errors import CTError
from mmct.runs.progress import Progress
from mmct.scoring import TorchNetwork, as_network, drawn_batches, reestimate_batch_norm, score_cells
from mmct.scoring import cells as cells_module
from mmct.scoring.predictor import Predictor

NAMES = ('gaussian_noise', 'fog', 'saturate')


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A network that is right at times: two epochs of the digits."""
    cfg = Config.fromfile(config_path('bn_resnet18_digits'))
    cfg.work_dir = str(tmp_path_factory.mktemp('trained'))
    cfg.merge_from_dict({
        'model.backbone.stem_channels': 4,
        'model.backbone.base_channels': 4,
        'model.head.in_channels': 32,
        'train_dataloader.dataset.indices': 300,
        'train_cfg.max_epochs': 2,
        'log_level': 'WARNING',
    })
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner.model


@pytest.fixture
def cells():
    return build()


def build(**settings):
    digits = dict(type='Digits', split='test', indices=45, pipeline=[dict(type='PackInputs')])
    kind = dict(type='GeneratedCorruptionSet', dataset=digits, corruptions=NAMES)
    return DATASETS.build({**kind, **settings})


def scored(model, cells, out, **settings):
    settings = {'batch_size': 16, 'name': 'run', **settings}
    return score_cells(as_network(model), cells, cells.clean, out=out, **settings)


def test_hits_are_those_of_the_network_image_by_image(trained, cells, tmp_path):
    result = scored(trained, cells, tmp_path / 'out.json')
    assert json.loads((tmp_path / 'out.json').read_text()) == json.loads(json.dumps(result))
    inner = cells.dataset if hasattr(cells, 'dataset') else cells.clean.dataset
    images = np.stack([inner[i]['inputs'].permute(1, 2, 0).numpy() for i in range(45)])
    labels = np.array([int(inner[i]['data_samples'].gt_label) for i in range(45)])
    found = {(cell['corruption'], cell['severity']): cell for cell in result['cells']}
    assert list(found) == [(name, severity) for name in NAMES for severity in SEVERITIES]
    trained.eval()
    for (name, severity), cell in [*found.items(), ((None, 0), result['clean'])]:
        made = images if name is None else corrupt(images, name, severity)
        hits = []
        for image, label in zip(made, labels, strict=True):
            inputs = torch.from_numpy(image.transpose(2, 0, 1).copy())[None]
            data = trained.data_preprocessor(dict(inputs=inputs), False)
            with torch.no_grad():
                hits.append(int(trained(data['inputs'], mode='tensor').argmax()) == label)
        np.testing.assert_array_equal(unpack_hits(cell), hits)
        assert cell['errors'] == 45 - sum(hits)
    errors = [cell['error_pct'] for cell in result['cells']]
    assert 5 < np.mean(errors) < 95
    # Extra corruptions are no part of the mean.
    assert result['summary']['raw_mce_pct'] == pytest.approx(np.mean(errors[:10]))


@pytest.mark.parametrize(
    'settings',
    [dict(batch_size=1), dict(batch_size=45), dict(num_workers=2), dict(channels_last=True)],
    ids=str,
)
def test_batches_workers_and_layout_do_not_matter(trained, cells, tmp_path, settings):
    one = scored(trained, cells, tmp_path / 'one.json', batch_size=128)
    assert_same(one, scored(trained, build(), tmp_path / 'other.json', **settings))


def test_statistics_are_estimated_anew_on_each_cell(trained, cells, tmp_path):
    before = copy.deepcopy(trained.state_dict())
    result = scored(trained, cells, tmp_path / 'out.json', recalibrate_bn=2)
    torch.testing.assert_close(trained.state_dict(), before, rtol=0, atol=0)
    assert result['model']['recalibrate_bn'] == 2
    drawn = np.random.default_rng(0).permutation(45)[:32].reshape(2, 16)
    model = copy.deepcopy(trained).eval()
    plain = scored(trained, cells, tmp_path / 'plain.json')
    changed = 0
    for source in (cells.clean, cells):
        for number, cell in enumerate(source.cells):
            images = source.read(number, slice(0, 45))

            def inputs(positions, images=images):
                batch = torch.from_numpy(images[positions].transpose(0, 3, 1, 2).copy())
                return model.data_preprocessor(dict(inputs=batch))['inputs']

            reestimate_batch_norm(model, [inputs(positions) for positions in drawn])
            with torch.no_grad():
                tops = model(inputs(np.arange(45)), mode='tensor').argmax(1).numpy()
            mine, other = (
                {(c['corruption'], c['severity']): c for c in [found['clean'], *found['cells']]}
                for found in (result, plain)
            )
            np.testing.assert_array_equal(unpack_hits(mine[tuple(cell)]), tops == source.labels)
            changed += mine[tuple(cell)]['hits'] != other[tuple(cell)]['hits']
    assert changed > 5


def test_a_result_with_other_statistics_is_not_gone_on_with(trained, cells, tmp_path):
    scored(trained, cells, tmp_path / 'out.json')
    with pytest.raises(CTError, match='result for other BN statistics'):
        scored(trained, cells, tmp_path / 'out.json', recalibrate_bn=1)


def test_statistics_need_a_network_with_bn(cells, tmp_path, trained):
    model = remove_batch_norm(copy.deepcopy(trained))
    with pytest.raises(CTError, match='--recalibrate-bn: the network has no BatchNorm'):
        scored(model, cells, tmp_path / 'out.json', recalibrate_bn=1)


@pytest.mark.parametrize(
    ('images', 'batches', 'size', 'expected'),
    [(10, 2, 4, [4, 4]), (10, 9, 4, [4, 4]), (3, 1, 4, [3])],
)
def test_whole_batches_are_drawn_without_repetition(images, batches, size, expected):
    drawn = drawn_batches(images, batches, size)
    assert [len(batch) for batch in drawn] == expected
    positions = [position for batch in drawn for position in batch]
    assert len(set(positions)) == len(positions) and set(positions) <= set(range(images))


def assert_same(one, other):
    """Equal to the image; what is computed from confidences up to rounding."""
    for mine, theirs in zip(
        [one['clean'], *one['cells']], [other['clean'], *other['cells']], strict=True
    ):
        assert mine['hits'] == theirs['hits']
        for key in ('ece_pct', 'rms_calibration_pct'):
            assert mine[key] == pytest.approx(theirs[key], abs=1e-3)
    assert one['summary']['raw_mce_pct'] == other['summary']['raw_mce_pct']
    assert one['examples'] == other['examples']


def test_a_call_that_was_interrupted_goes_on_with_the_next_cell(
    trained, cells, tmp_path, monkeypatch
):
    whole = scored(trained, cells, tmp_path / 'whole.json')
    calls = []
    predict = Predictor.__call__

    def dies(self, batches, labels):
        for number, pair in enumerate(predict(self, batches, labels)):
            calls.append(number)
            if len(calls) == 20:
                raise KeyboardInterrupt
            yield pair

    monkeypatch.setattr(Predictor, '__call__', dies)
    with pytest.raises(KeyboardInterrupt):
        scored(trained, cells, tmp_path / 'torn.json')
    monkeypatch.undo()
    assert not (tmp_path / 'torn.json').exists()
    kept = json.loads((tmp_path / 'torn.json.partial').read_text())
    # Three batches a cell: the clean images, and five cells.
    assert [(c['corruption'], c['severity']) for c in kept['cells']] == [
        (None, 0), *[('gaussian_noise', s) for s in SEVERITIES]
    ]  # fmt: skip
    again = []
    monkeypatch.setattr(
        Predictor, '__call__', lambda self, *both: predict(self, counted(both[0], again), both[1])
    )
    torn = scored(trained, build(), tmp_path / 'torn.json')
    assert len(again) == 3 * 10
    assert torn == whole
    assert (tmp_path / 'torn.json').read_bytes() == (tmp_path / 'whole.json').read_bytes()
    assert not (tmp_path / 'torn.json.partial').exists()


def counted(batches, calls):
    for batch in batches:
        calls.append(1)
        yield batch


def test_it_says_how_far_it_is_and_the_mean_so_far(
    trained, cells, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(cells_module, 'Progress', partial(Progress, every=0))
    result = scored(trained, cells, tmp_path / 'out.json')
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith('saturate 5, raw mCE so far ')
    assert ' 720 of 720 images (100 %), ' in lines[-1]
    assert lines[-1].endswith(' left')
    # The extra corruption is not in the mean.
    assert f'so far {result["summary"]["raw_mce_pct"]:.2f} %' in lines[-1]
    assert sum(line.startswith('clean images') for line in lines) == 3


def test_the_mean_so_far_has_the_corruptions_of_the_final_one():
    cells = {(None, 0): 1, ('fog', 3): 10, ('lines', 3): 90, ('saturate', 3): 50}
    kept = SimpleNamespace(
        marks=dict(data=dict(categories=CATEGORIES)),
        cells={cell: dict(error_pct=error) for cell, error in cells.items()},
    )
    assert cells_module._mean_so_far(kept) == ', raw mCE so far 10.00 %'


def test_a_finished_result_is_not_computed_again(trained, cells, tmp_path, monkeypatch):
    first = scored(trained, cells, tmp_path / 'out.json')
    monkeypatch.setattr(Predictor, '__call__', lambda self, batches, labels: iter(()))
    assert scored(trained, cells, tmp_path / 'out.json') == first


@pytest.mark.parametrize(
    'change, said',
    [
        ('weights', 'other weights'),
        ('seed', 'other data'),
        ('cells', 'not all corruptions would have the same severities'),
        ('damage', 'not a result that can be continued'),
    ],
)
@pytest.mark.parametrize('state', ['finished', 'partial'])
def test_another_runs_result_is_refused_and_left(trained, cells, tmp_path, change, said, state):
    out = tmp_path / 'out.json'
    scored(trained, cells, out)
    if state == 'partial':
        kept = json.loads(out.read_text())
        marks = dict(
            weights_sha256=kept['model']['weights_sha256'],
            fp16=False,
            data=kept['data'],
        )
        out.unlink()
        out = out.with_name('out.json.partial')
        out.write_text(json.dumps(dict(marks=marks, cells=kept['cells'][:3], examples=[])))
    if change == 'damage':
        out.write_text(out.read_text()[:-50])
    model = trained
    if change == 'weights':
        cfg = Config.fromfile(config_path('bn_resnet18_digits')).model
        cfg.backbone.update(stem_channels=4, base_channels=4)
        cfg.head.in_channels = 32
        model = MODELS.build(cfg)
    changes = dict(seed=dict(seed=1), cells=dict(corruptions=['snow'], severities=[1]))
    other = changes.get(change, {})
    before = out.read_bytes()
    with pytest.raises(CTError, match=said):
        scored(model, build(**other), tmp_path / 'out.json')
    assert out.read_bytes() == before
    result = scored(model, build(**other), tmp_path / 'out.json', replace=True)
    assert result['cells']


def test_whether_its_md5_was_checked_does_not_make_other_data(trained, tmp_path):
    def checked(names, is_checked):
        source = build(corruptions=names)
        source._metainfo['corruptions']['md5_checked'] = is_checked
        return scored(trained, source, tmp_path / 'out.json')

    assert not checked(['fog'], False)['data']['md5_checked']
    both = checked(['fog', 'saturate'], True)
    # Those of fog were not.
    assert len(both['cells']) == 10 and not both['data']['md5_checked']


def test_a_reference_fits_all_that_the_result_will_have(trained, cells, tmp_path):
    scored(trained, cells, tmp_path / 'out.json')
    part = dict(corruptions=['fog'])
    reference = scored(trained, build(**part), tmp_path / 'reference.json')
    before = (tmp_path / 'out.json').read_bytes()
    # The file keeps its cells, which the reference lacks.
    with pytest.raises(CTError, match='does not have'):
        scored(trained, build(**part), tmp_path / 'out.json', reference=reference)
    assert (tmp_path / 'out.json').read_bytes() == before
    own = scored(trained, build(**part), tmp_path / 'own.json', reference=reference)
    assert own['summary']['normalised']['mce_pct'] == pytest.approx(100)


def test_a_part_of_the_images_of_a_set_is_refused(trained, tmp_path):
    with pytest.raises(CTError, match='leave out indices'):
        scored(trained, build(indices=10), tmp_path / 'out.json')


def test_a_network_that_diverged_is_refused(trained, cells, tmp_path):
    model = copy.deepcopy(trained)
    model.head.fc.bias.data[3] = float('nan')
    with pytest.raises(CTError, match='no finite scores for 45 images'):
        scored(model, cells, tmp_path / 'out.json')


def test_a_multi_label_head_is_refused(trained, cells, tmp_path):
    model = copy.deepcopy(trained)
    model.head = MultiLabelLinearClsHead(num_classes=10, in_channels=32)
    with pytest.raises(CTError, match='MultiLabel'):
        scored(model, cells, tmp_path / 'out.json')


def test_two_processes_do_not_write_one_result(trained, cells, tmp_path):
    with FileLock(tmp_path / '.out.json.lock'), pytest.raises(CTError, match='another run'):
        scored(trained, cells, tmp_path / 'out.json')


def test_a_network_that_flattens_with_view_runs_in_the_contiguous_format(cells):
    class Flattens(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4 * 6 * 6, 10)

        def forward(self, x):
            return self.head(self.conv(x).view(len(x), -1))

    torch.manual_seed(0)
    network = TorchNetwork(Flattens(), mean=[0.5] * 3, std=[0.5] * 3)
    images = cells.clean.read(0, slice(0, 5))
    plain = Predictor(network, channels_last=False)
    expected, _ = plain.tops(images)
    predict = Predictor(network, channels_last=True)
    # On a GPU, channels_last is the default.
    with pytest.raises(RuntimeError, match='view size is not compatible'):
        predict.tops(images)
    assert predict.num_classes(images) == 10
    assert predict.tops(images)[0] == expected
