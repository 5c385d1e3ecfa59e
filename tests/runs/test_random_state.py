"""The generators' states go through a checkpoint."""

import random

import numpy as np
import torch

from mmct.runs.reproducibility import random_state, seed_all, set_random_state
from mmct.runs.weights import load


def draw():
    return random.gauss(0, 1), np.random.randn(), torch.randn(()).item()


def test_a_saved_state_draws_the_same(tmp_path):
    seed_all(1, 2)
    draw()  # gauss and randn keep a second number
    torch.save(random_state(), tmp_path / 'state.pth')
    expected = [draw() for _ in range(3)]
    seed_all(9)
    # Tensors and numbers alone: loaded without unpickling anything else.
    set_random_state(load(tmp_path / 'state.pth'))
    assert [draw() for _ in range(3)] == expected


def test_an_apple_gpus_state_is_saved_too(monkeypatch):
    mps = [torch.tensor([1, 2], dtype=torch.uint8)]
    monkeypatch.setattr('torch.backends.mps.is_available', lambda: True)
    monkeypatch.setattr('torch.mps.get_rng_state', lambda: mps[-1])
    monkeypatch.setattr('torch.mps.set_rng_state', mps.append)
    state = random_state()
    mps.append(torch.zeros(2, dtype=torch.uint8))
    set_random_state(state)
    assert mps[-1].tolist() == [1, 2]


def test_each_part_of_a_key_counts():
    drawn = set()
    for key in ((0, 0), (0, 1), (1, 0), (1, 1)):
        seed_all(*key)
        drawn.add(draw())
    assert len(drawn) == 4
    seed_all(0, 1)
    assert draw() in drawn
