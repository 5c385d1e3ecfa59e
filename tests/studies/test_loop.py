"""Which cells a study trains again."""

from types import SimpleNamespace

from mmengine.config import Config

from mmct.studies import Cell
from mmct.studies.loop import needed_weights


def cell(key, *needs):
    return Cell(key, 'training', key, 0, Config(), {}, needs)


def test_where_weights_were_deleted_all_that_a_new_arm_goes_back_to_is_trained_again():
    # An arm that is named before the one it starts from.
    cells = [cell('new', 'ct'), cell('teacher'), cell('ct', 'teacher'), cell('other', 'lone')]
    kept = SimpleNamespace(
        is_finished=lambda cell: cell.key != 'new', has_weights=lambda key: False
    )
    assert needed_weights(cells, kept) == {'ct', 'teacher'}
    # With its weights nothing before it is needed.
    kept.has_weights = lambda key: key == 'ct'
    assert needed_weights(cells, kept) == {'ct'}
