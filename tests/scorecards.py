"""Results of networks that are right by chance."""

import numpy as np

from mmct.corruptions import CATEGORIES, CORRUPTIONS, SEVERITIES
from mmct.evaluation import cell_score, make_result

DATA = dict(
    set='generated',
    source='generated',
    images=40,
    num_classes=10,
    labels_sha256='ab' * 32,
    categories={kind: list(names) for kind, names in CATEGORIES.items()},
    seed=0,
    table='cifar',
)


def make(name='run', draw=0, corruptions=CORRUPTIONS, severities=SEVERITIES, clean=True,
         examples=(), reference=None, skill=0.5, **data):  # fmt: skip
    """A result; ``skill`` is how often images are right where severity is 3."""
    rng = np.random.default_rng(draw)
    data = {**DATA, **data}
    count = data['images']
    keys = [(corruption, severity) for corruption in corruptions for severity in severities]

    def score(corruption, severity):
        hits = rng.random(count) < skill - 0.1 * (severity - 3)
        return cell_score(corruption, severity, hits, rng.uniform(0.1, 1, count))

    return make_result(
        name=name,
        model=dict(config='c.py', checkpoint='c.pth', weights_sha256='cd' * 32, fp16=False),
        data=data,
        clean=score(None, 0) if clean else None,
        cells=[score(*key) for key in keys],
        examples=examples,
        reference=reference,
    )
