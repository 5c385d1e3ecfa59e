"""Classifiers from configs: the model with its preprocessor."""

import copy

import pytest

from mmct.models import CTClassifier, NormFreeClassifier, are_standardised, build_classifier


def test_the_preprocessor_of_the_config_is_in_the_model(tiny):
    cfg = tiny()
    before = copy.deepcopy(cfg.to_dict())
    model = build_classifier(cfg)
    assert type(model) is CTClassifier
    mean = model.data_preprocessor.mean.flatten().tolist()
    assert mean == pytest.approx(cfg.data_preprocessor.mean)
    assert cfg.to_dict() == before
    cfg.model.data_preprocessor = dict(mean=[1, 2, 3], std=[1, 1, 1])
    own = build_classifier(cfg)
    assert own.data_preprocessor.mean.flatten().tolist() == [1, 2, 3]


def test_another_class_without_what_it_does_not_take(tiny):
    cfg = tiny(options={'model.consistency': dict(distance='js')})
    assert build_classifier(cfg).consistency[0].distance == 'js'
    assert type(build_classifier(cfg, 'NormFreeClassifier')) is NormFreeClassifier
    standardised = tiny(options={'model.weight_standardisation': True})
    for kind in ('ImageClassifier', 'NormFreeClassifier', 'StandardisedClassifier'):
        names = build_classifier(standardised, kind).state_dict()
        assert are_standardised(names) == (kind != 'ImageClassifier')
    # Also where the config's default scope is another one.
    cfg.default_scope = None
    assert type(build_classifier(cfg, 'NormFreeClassifier')) is NormFreeClassifier
