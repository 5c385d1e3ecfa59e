"""Settings of another kind than a Runner takes are named before anything walks through them."""

import pytest
from mmengine.config import Config

import mmct
from mmct.runs import CTError
from mmct.runs.config_check import check_config
from mmct.runs.configs import load_config

WRONG = {
    'custom_hooks': (3, 'a', [3], ['EMAHook'], {'type': 'EMAHook'}),
    'param_scheduler': (3, 'a', ['LinearLR']),
    'val_evaluator': ('Accuracy', [3]),
    'model': (3, 'a', [1]),
    'optim_wrapper.optimizer': ('SGD', 3),
    'default_hooks.checkpoint': ('CheckpointHook',),
    'train_dataloader.batch_size': (0, -1, 1.5, 'abc', None, True),
    'test_dataloader.num_workers': (-1, 'abc'),
    'train_cfg.max_epochs': (0, -1, 'abc', 1.5),
    'randomness.seed': ('abc', -1, 1.5, [1], 2**32),
    'load_from': (3, ['a.pth']),
    'resume': ('abc', 3),
}


@pytest.mark.parametrize('key', WRONG)
def test_a_part_of_another_kind_is_named_with_its_value(key):
    for value in WRONG[key]:
        cfg = load_config(mmct.config_path('ct_resnet18_digits'))
        cfg.merge_from_dict({key: None})
        owner, _, last = key.rpartition('.')
        (cfg[owner] if owner else cfg)[last] = value
        with pytest.raises(CTError, match=f'^{key} must be ') as error:
            check_config(cfg)
        assert str(error.value).endswith(f', got {value!r}')


@pytest.mark.parametrize(
    ('part', 'setting'),
    [('auto_scale_lr', 'enabled'), ('optim_wrapper.paramwise_cfg', 'norm_decay_multi')],
)
def test_a_misspelt_setting_that_mmengine_would_ignore_is_named(part, setting):
    cfg = load_config(mmct.config_path('bn_resnet20_cifar10_folder'))
    cfg.merge_from_dict({f'{part}.{setting}': True})
    with pytest.raises(CTError, match=f"^{part} has no setting '{setting}'; did you mean '"):
        check_config(cfg)
    # Another class may read it.
    cfg.merge_from_dict({'optim_wrapper.constructor': 'Own', 'auto_scale_lr': None})
    check_config(cfg)


@pytest.mark.parametrize(
    'name', ['ct_resnet18_digits', 'ct_resnet50_in1k', 'erm_resnet18w16_pacs64']
)
def test_sound_configs_pass(name):
    check_config(load_config(mmct.config_path(name)))


def test_what_a_config_leaves_out_passes():
    check_config(Config(dict(train_cfg=None, custom_hooks=None, randomness=dict(seed=None))))


@pytest.mark.parametrize(
    'text', ['model = 1 / 0', 'model = (', 'raise KeyError', '_base_ = "./none.py"']
)
def test_whatever_a_config_raises_is_one_line_with_its_name(tmp_path, text):
    (tmp_path / 'own.py').write_text(text)
    with pytest.raises(CTError, match=r'config .*own\.py cannot be read: ') as error:
        load_config(str(tmp_path / 'own.py'))
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    'model',
    [
        dict(type='mmpretrain.StandardisedClassifier'),
        dict(type='NormFreeClassifier', weight_standardisation=True),
    ],
)
def test_standardised_weights_cannot_be_traced(model):
    cfg = Config(dict(model=model, efficient_conv_bn_eval=['backbone']))
    with pytest.raises(CTError, match='efficient_conv_bn_eval must be left out beside stand'):
        check_config(cfg)
    cfg.model.weight_standardisation = False
    check_config(cfg)


def test_a_loader_without_a_data_set_is_named():
    cfg = load_config(mmct.config_path('ct_resnet18_digits'))
    cfg.val_dataloader['datset'] = cfg.val_dataloader.pop('dataset')
    with pytest.raises(CTError, match=r"^val_dataloader has no dataset: did you mean 'datset'\?$"):
        check_config(cfg)
