"""What scores measure of a network, on real digits."""

import copy
import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpretrain.registry import DATASETS, MODELS
from torch import nn

from mmct import config_path
from mmct.evaluation import read_result, unpack_hits
from mmct.records import check
from mmct.scoring.reliance import QUANTILES, Site, VarianceSpectrum
from mmct.studies import TrainedRun
from mmct.studies.image_errors import WrongByImage, errors_of_images
from mmct.studies.scores import AlongTraining, CorruptionScore, FeatureReliance, ValidationError

CHANNELS = 32


@pytest.mark.parametrize('batches', [-1, 2.5, True, '3'])
def test_a_number_of_batches_is_a_count(batches):
    with pytest.raises(ValueError, match='recalibrate_bn must be an integer of 0 or more'):
        CorruptionScore('corruption', recalibrate_bn=batches)


@pytest.fixture
def run(tmp_path):
    """A network of random weights, after ``change``."""

    def make(change=lambda model: None):
        cfg = Config.fromfile(config_path('bn_resnet18_digits'))
        cfg.merge_from_dict(
            {
                'model.backbone.stem_channels': 4,
                'model.backbone.base_channels': 4,
                'model.head.in_channels': CHANNELS,
                'train_dataloader.dataset.indices': 128,
                'test_dataloader.dataset.indices': 100,
                'val_dataloader.dataset.indices': 50,
            }
        )
        settings = dict(cfg.model, data_preprocessor=cfg.data_preprocessor)
        model = MODELS.build(settings)
        model.head.fc.bias.data.zero_()
        change(model)
        torch.save(model.state_dict(), tmp_path / 'weights.pth')
        return TrainedRun('title', cfg, tmp_path, lambda done: None)

    return make


def predictions(run, split):
    """Answers and labels, the plain way."""
    model = run.model()
    data = DATASETS.build(run.config[f'{split}_dataloader'].dataset)
    with torch.no_grad():
        found = model.test_step(pseudo_collate(list(data)))
    pairs = [(int(sample.pred_label), int(sample.gt_label)) for sample in found]
    return torch.tensor(pairs).T


def error_of(answers, labels):
    return 100 * (answers != labels).double().mean().item()


def test_the_validation_error_is_that_of_the_predictions(run):
    trained = run()
    answers, labels = predictions(trained, 'val')
    assert len(labels) == 50
    assert ValidationError('name')(trained) == dict(
        error_pct=pytest.approx(error_of(answers, labels))
    )


@pytest.fixture
def half(run):
    """The channels of lower variance: far from the rest, whatever the crops are."""
    factors = torch.ones(CHANNELS)
    factors[::2] = 1e-3

    def scaled(model):
        # All that is added up in a channel, in the last stage.
        for block in model.backbone.layer4:
            block.norm2.weight.data *= factors
            if block.downsample is not None:
                block.downsample[1].weight.data *= factors

    return scaled, torch.arange(0, CHANNELS, 2)


def test_a_network_that_ignores_a_half_loses_nothing_with_it(run, half):
    scaled, low = half

    def change(model):
        scaled(model)
        model.head.fc.weight.data[:, low] = 0

    trained = run(change)
    score = FeatureReliance('name', images=128)(trained)
    answers, labels = predictions(trained, 'test')
    assert len(answers.unique()) > 1
    assert score['error_pct'] == pytest.approx(error_of(answers, labels))
    assert score['low_replaced_pct'] == score['error_pct']
    # All that it looks at is a mean now: it gives one answer.
    shares = [error_of(torch.full_like(labels, label), labels) for label in range(10)]
    assert any(score['high_replaced_pct'] == pytest.approx(share) for share in shares)


def test_a_network_that_looks_at_low_variance_alone_loses_all_with_it(run, half):
    scaled, low = half

    def change(model):
        scaled(model)
        weight = torch.zeros_like(model.head.fc.weight)
        weight[:, low] = model.head.fc.weight.data[:, low]
        model.head.fc.weight.data = weight

    score = FeatureReliance('name', images=128)(run(change))
    assert score['high_replaced_pct'] == score['error_pct']
    assert 0 < score['low_variance_share'] < 0.01


def test_each_layer_that_normalises_has_a_spectrum(run):
    score = FeatureReliance('name', images=64)(run())
    model = run().model()
    norms = [n for n, m in model.named_modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert list(score['layers']) == norms
    assert len(norms) == 20
    # Fresh BN layers scale all channels alike.
    assert all(0 < layer['even'] <= 1 for layer in score['layers'].values())


def test_a_network_of_one_answer_has_no_variance_to_share(run):
    def change(model):
        for parameter in model.backbone.parameters():
            parameter.data.zero_()

    score = FeatureReliance('name', images=64)(run(change))
    assert score['low_variance_share'] is None
    assert score['layers'] == {}


def test_scores_along_training_need_checkpoints(run):
    with pytest.raises(ValueError, match='remove the folder'):
        AlongTraining('name')(run())


@pytest.mark.parametrize(
    ('hook', 'kept', 'lost'),
    [({}, [2], 1), ({}, [1, 3], 2), (dict(interval=3, save_begin=2), [2, 8], 5)],
)
def test_scores_along_training_miss_no_epoch(run, tmp_path, hook, kept, lost):
    found = run()
    found.config.default_hooks.checkpoint.update(hook)
    for epoch in kept:
        (tmp_path / f'epoch_{epoch}.pth').touch()
    with pytest.raises(ValueError, match=f'no checkpoint of epoch {lost}: remove the folder'):
        AlongTraining('name')(found)


@pytest.mark.parametrize(
    'hook', [dict(by_epoch=False), dict(max_keep_ckpts=1), dict(interval=-1)]
)
def test_before_the_training_it_shows_that_checkpoints_of_epochs_will_be_missing(run, hook):
    cfg = copy.deepcopy(run().config)
    cfg.default_hooks.checkpoint.update(max_keep_ckpts=-1)
    AlongTraining('name').check_data(cfg)
    cfg.default_hooks.checkpoint.update(hook)
    with pytest.raises(ValueError, match='max_keep_ckpts=-1'):
        AlongTraining('name').check_data(cfg)


def test_a_validation_error_needs_validation_images(run):
    cfg = copy.deepcopy(run().config)
    ValidationError('name').check_data(cfg)
    cfg.val_dataloader = None
    with pytest.raises(ValueError, match='needs a val_dataloader'):
        ValidationError('name').check_data(cfg)


def test_a_loader_for_workers_and_views_of_images_do_not_change_what_is_measured(run):
    network = run()
    before = FeatureReliance('name', images=64)(network)
    network.config.train_dataloader.update(num_workers=2, prefetch_factor=4, timeout=60)
    assert FeatureReliance('name', images=64)(network) == before


def test_a_changed_choice_of_cells_is_not_mixed_with_what_was_scored_before(run):
    network = run()
    full = dict(corruptions=['contrast', 'fog'], severities=[1, 3])
    CorruptionScore('name', **full)(network)
    for change in (dict(severities=[3]), dict(corruptions=['fog']), dict(corruptions=['spatter'])):
        again = CorruptionScore('name', **{**full, **change})(network)
        fresh = CorruptionScore('fresh', **{**full, **change})(network)
        assert again == fresh
        (network.folder / 'scores' / 'fresh.json').unlink()


def test_settings_are_chosen_on_the_validation_images(run):
    network = run()
    settings = dict(corruptions=['speckle_noise'], severities=[5])
    held_out, test = (
        CorruptionScore(name, split=name, **settings)(network) for name in ('val', 'test')
    )
    assert (held_out['images'], test['images']) == (50, 100)
    mine, labels = predictions(network, 'val')
    errors = (mine != labels).float()
    assert held_out['clean_error_pct'] == pytest.approx(100 * float(errors.mean()))
    # Of extra corruptions alone the mean is over these.
    assert held_out['raw_mce_pct'] == held_out['corruption_error_pct']['speckle_noise']
    assert set(held_out['rms_calibration_pct']) == {'clean', 'corrupted'}


def test_the_errors_of_severities_are_means_over_corruptions(run):
    settings = dict(corruptions=['fog', 'contrast'], severities=[1, 5])
    found = CorruptionScore('score', **settings)(run())
    one, five = (found['severity_error_pct'][severity] for severity in ('1', '5'))
    assert (one + five) / 2 == pytest.approx(found['raw_mce_pct'])
    alone = CorruptionScore('alone', **{**settings, 'severities': [5]})(run())
    assert alone['raw_mce_pct'] == pytest.approx(five)


def test_a_score_says_how_often_each_image_was_wrong(run):
    network = run()
    settings = dict(corruptions=['fog', 'contrast', 'shot_noise'], severities=[1, 5])
    found = CorruptionScore('score', **settings)(network)
    kept = json.loads(json.dumps(found))['wrong_by_image']
    check(kept, WrongByImage)
    answers, labels = predictions(network, 'test')
    clean = errors_of_images(kept, ['clean_error_pct'])
    np.testing.assert_array_equal(clean, 100 * (answers != labels).numpy())
    # Fog is of the weather, contrast digital.
    assert {kind: part['cells'] for kind, part in kept['categories'].items()} == dict(
        noise=2, weather=2, digital=2
    )
    card = read_result(network.folder / 'scores' / 'score.json')
    wrong = [~unpack_hits(cell) for cell in card['cells']]
    errors = errors_of_images(kept, ['raw_mce_pct'])
    np.testing.assert_allclose(errors, 100 * np.mean(wrong, 0))
    assert errors.mean() == pytest.approx(found['raw_mce_pct'])


def test_a_score_may_adapt_bn(run):
    network, settings = run(), dict(corruptions=['fog'], severities=[5])
    plain = CorruptionScore('plain', **settings)(network)
    adapted = CorruptionScore('adapted', recalibrate_bn=1, **settings)(network)
    assert plain['raw_mce_pct'] != adapted['raw_mce_pct']


def test_a_network_without_bn_has_nothing_to_adapt(run):
    network, settings = run(), dict(corruptions=['fog'], severities=[5])
    network.config.model.type = 'NormFreeClassifier'
    model = MODELS.build({**network.config.model, 'data_preprocessor': None})
    torch.save(model.state_dict(), network.folder / 'weights.pth')
    plain = CorruptionScore('plain', **settings)(network)
    assert CorruptionScore('adapted', recalibrate_bn=1, **settings)(network) == plain


def test_a_wrong_split_is_refused(run):
    with pytest.raises(ValueError, match="split must be 'test' or 'val', got 'train'"):
        CorruptionScore('score', split='train')
    network = run()
    network.config.val_dataloader = None
    with pytest.raises(ValueError, match="score 'score' needs a val_dataloader"):
        CorruptionScore('score', split='val')(network)


def spectrum(*batches):
    layer = nn.Identity()
    with VarianceSpectrum(dict(layer=Site(layer))) as watched:
        for batch in batches:
            layer(batch)
    layer(100 * torch.ones_like(batches[0]))  # is not watched any more
    return watched.result().get('layer')


def test_batches_count_as_one():
    batches = torch.randn(4, 5, 3, 2, 2) * torch.tensor([1.0, 2, 4])[:, None, None] + 7
    found = spectrum(*batches)
    variances = batches.transpose(0, 2).flatten(1).var(1, correction=0)
    expected = (variances / variances.mean()).quantile(torch.tensor(QUANTILES))
    assert found['channels'] == 3
    torch.testing.assert_close(torch.tensor(found['quantiles']), expected)


@pytest.mark.parametrize(
    ('deviations', 'even'),
    [([3.0, 3.0], 1), ([1.0, 0.0], 1 / 2), ([2.0, 0, 0, 0], 1 / 4), ([1.0, 3.0], 100 / 164)],
)
def test_even_is_one_over_the_number_of_channels_that_count(deviations, even):
    # Variances are the squares: of 1 and 9, (10)^2 / (2 * 82).
    x = torch.tensor([[1.0], [-1.0]]) * torch.tensor(deviations)
    assert spectrum(x)['even'] == pytest.approx(even)


def test_a_constant_layer_has_no_spectrum():
    assert spectrum(torch.ones(4, 3)) is None
