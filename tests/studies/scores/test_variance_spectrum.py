"""Spectra of channel variances, against torch and by hand."""

import pytest
import torch
from torch import nn

from mmct.studies.scores.reliance import QUANTILES, VarianceSpectrum


def spectrum(*batches):
    layer = nn.Identity()
    with VarianceSpectrum(dict(layer=layer)) as watched:
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
