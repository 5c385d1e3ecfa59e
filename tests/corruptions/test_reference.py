"""The corruptions against the reference code of CIFAR-10-C, given its random state.

`reference_facts.json` has one image and 28 values of each cell that the
reference made of it. The whole file of 16 images is used where it is found:
`MMCT_CIFAR_C_GOLDEN`, or `shared/data/cifar_c_golden.npz` beside the checkout.
"""

import base64
import json
import os
import zlib
from pathlib import Path

import numpy as np
import pytest

from mmct.corruptions import CORRUPTIONS, SEVERITIES, corrupt

HERE = Path(__file__).parent
FACTS = json.loads((HERE / 'reference_facts.json').read_text())
IMAGE = np.frombuffer(zlib.decompress(base64.b64decode(FACTS['image'])), np.uint8)
GOLDEN = Path(
    os.environ.get(
        'MMCT_CIFAR_C_GOLDEN', HERE.parents[2] / 'shared' / 'data' / 'cifar_c_golden.npz'
    )
)
# Its draws cannot be followed: test_distributions.py.
FOLLOWED = [name for name in CORRUPTIONS if name != 'impulse_noise']


def state_of(corruption, severity):
    """The state before a cell was made."""
    return np.random.RandomState(10 * CORRUPTIONS.index(corruption) + severity)


@pytest.mark.parametrize('severity', SEVERITIES)
@pytest.mark.parametrize('corruption', FOLLOWED)
def test_one_image_is_as_the_reference_makes_it(corruption, severity):
    image = IMAGE.reshape(1, 32, 32, 3)
    made = corrupt(image, corruption, severity, rng=state_of(corruption, severity))
    values = made.reshape(-1)[::113].astype(int)
    differences = abs(values - FACTS['cells'][corruption][severity - 1])
    # Versions of OpenCV and Pillow move a level here and there.
    assert differences.max() <= 1 and differences.mean() <= 0.15


@pytest.mark.skipif(not GOLDEN.is_file(), reason='the reference file is not here')
@pytest.mark.parametrize('corruption', FOLLOWED)
def test_all_images_are_as_the_reference_makes_them(corruption):
    with np.load(GOLDEN, allow_pickle=False) as golden:
        images, expected = golden['images'], golden[corruption]
    for severity in SEVERITIES:
        made = corrupt(images, corruption, severity, rng=state_of(corruption, severity))
        difference = abs(made.astype(int) - expected[severity - 1])
        assert difference.max() <= 1
        # A cut-off level now and then, not a shade.
        assert difference.mean() < 0.02
