"""How far it is, and how long it takes."""

import pytest

from mmct.runs.progress import Progress, duration


def test_a_line_every_few_seconds_with_speed_and_time_left(capsys):
    now = [100.0]
    progress = Progress(10_000, every=5, clock=lambda: now[0])
    progress.add('fog', 1_000, made=False)
    for _ in range(7):
        now[0] += 2
        progress.add('fog', 200)
    # 600 images in 6 s, then 1,200 in 12 s; what an earlier run made has no part.
    assert capsys.readouterr().out.splitlines() == [
        'fog: 1,600 of 10,000 images (16 %), 100 images/s, 1 min 24 s left',
        'fog: 2,200 of 10,000 images (22 %), 100 images/s, 1 min 18 s left',
    ]


@pytest.mark.parametrize(
    'seconds, text',
    [(7.4, '7 s'), (200, '3 min 20 s'), (3599.6, '1 h 00 min'), (7500, '2 h 05 min')],
)
def test_duration(seconds, text):
    assert duration(seconds) == text
